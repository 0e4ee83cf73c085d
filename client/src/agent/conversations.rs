//! Which slot each conversation of an agent's tool was last on, so that to resume the one is to resume the other.
//!
//! One small file per conversation, written whole, so that many agents at once need no lock. The newest
//! few hundred of a client are kept; one that is forgotten only gets a free slot again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_protocol::{Agent, Client, ClientSessionId, Host, RepoName, Track, VentureCode};
use serde::{Deserialize, Serialize};

use crate::dirs::Dirs;

/// How many conversations of one client a machine remembers.
const KEPT: usize = 300;

/// What is remembered of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// What it worked on.
    pub venture: VentureCode,
    /// In which repository.
    pub repo: RepoName,
    /// On which line of work; without it the session would be another one.
    pub track: Option<Track>,
    /// The slot of its agent.
    pub slot: u32,
}

/// The conversations of one client on one machine.
pub struct Conversations {
    folder: PathBuf,
}

impl Conversations {
    /// Those of `client` on `host`. Reads nothing yet.
    pub fn of(dirs: &Dirs, host: &Host, client: &Client) -> Self {
        Self { folder: dirs.state.join("conversations").join(host.as_str()).join(client.as_str()) }
    }

    /// What is remembered of a conversation. Only ids that are UUIDs are remembered.
    pub fn find(&self, id: &ClientSessionId) -> Option<Conversation> {
        read(&self.file(id)?)
    }

    /// The conversation that was last started on a venture's repository.
    pub fn newest(&self, venture: &VentureCode, repo: &RepoName) -> Option<(ClientSessionId, Conversation)> {
        self.by_age().into_iter().rev().find_map(|(_, path)| {
            let id = path.file_stem()?.to_str()?.parse().ok()?;
            let conversation = read(&path)?;
            (conversation.venture == *venture && conversation.repo == *repo).then_some((id, conversation))
        })
    }

    /// Remembers a conversation, as the newest, and forgets the oldest beyond the limit.
    pub fn keep(&self, id: &ClientSessionId, conversation: &Conversation) -> io::Result<()> {
        let Some(path) = self.file(id) else { return Ok(()) };
        Dirs::create(&self.folder)?;
        let unfinished = path.with_extension(std::process::id().to_string());
        let text = serde_json::to_vec(conversation)?;
        std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &path))?;
        let known = self.by_age();
        for (_, old) in known.iter().take(known.len().saturating_sub(KEPT)) {
            // Another agent may have forgotten it already.
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }

    /// A name made of nothing but the UUID's digits: an id is another program's text.
    fn file(&self, id: &ClientSessionId) -> Option<PathBuf> {
        let id = uuid::Uuid::try_parse(id.as_str()).ok()?;
        Some(self.folder.join(format!("{}.json", id.hyphenated())))
    }

    fn by_age(&self) -> Vec<(SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let dated = |path: PathBuf| Some((path.metadata().ok()?.modified().ok()?, path));
        let mut files: Vec<_> = entries.filter_map(|entry| dated(entry.path())).collect();
        files.sort();
        files
    }
}

/// The number at the end of an agent's name, if a slot gave it the name.
pub fn slot_number(agent: &Agent) -> Option<u32> {
    agent.as_str().rsplit_once('-')?.1.parse().ok().filter(|number| *number > 0)
}

/// A new id for a conversation, as tools take it: a random UUID. `None` on a system without random bytes.
pub fn new_conversation_id() -> Option<ClientSessionId> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string().parse().ok()
}

/// An id that can be remembered, if the text is one.
pub fn conversation_id(text: &str) -> Option<ClientSessionId> {
    uuid::Uuid::try_parse(text).ok()?.hyphenated().to_string().parse().ok()
}

/// A file that makes no sense is no memory, and no reason to fail.
fn read(path: &Path) -> Option<Conversation> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn id(number: usize) -> ClientSessionId {
        format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
    }

    fn on(venture: &str, slot: u32) -> Conversation {
        let (venture, repo) = (venture.parse().unwrap(), "example-org/alpha".parse().unwrap());
        Conversation { venture, repo, track: Some("0".parse().unwrap()), slot }
    }

    fn conversations(home: &Path) -> Conversations {
        let home = OsString::from(home);
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
        Conversations::of(&dirs, &"mac1".parse().unwrap(), &"claude".parse().unwrap())
    }

    #[test]
    fn a_conversation_is_found_by_its_id_and_the_newest_by_its_place() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        assert_eq!(known.find(&id(1)), None);
        for (number, venture) in [(1, "alpha"), (2, "alpha"), (3, "beta")] {
            known.keep(&id(number), &on(venture, 7)).unwrap();
        }
        assert_eq!(known.find(&id(1)), Some(on("alpha", 7)));
        let (repo, other) = ("example-org/alpha".parse().unwrap(), "example-org/other".parse().unwrap());
        assert_eq!(known.newest(&"alpha".parse().unwrap(), &repo).unwrap().0, id(2));
        assert_eq!(known.newest(&"alpha".parse().unwrap(), &other), None);
    }

    #[test]
    fn what_is_no_uuid_names_no_file() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        for text in ["../../../escape", "my session", "latest"] {
            known.keep(&text.parse().unwrap(), &on("alpha", 1)).unwrap();
            assert_eq!(conversation_id(text), None);
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        for number in 0..KEPT + 5 {
            known.keep(&id(number), &on("alpha", 1)).unwrap();
        }
        assert_eq!(known.by_age().len(), KEPT);
        assert!(known.find(&id(0)).is_none() && known.find(&id(KEPT + 4)).is_some());
    }

    #[test]
    fn a_file_that_makes_no_sense_is_no_memory() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        known.keep(&id(1), &on("alpha", 1)).unwrap();
        std::fs::write(known.file(&id(1)).unwrap(), "{").unwrap();
        assert_eq!(known.find(&id(1)), None);
    }

    #[test]
    fn only_an_agent_that_a_slot_named_has_a_number() {
        for (agent, number) in [("mac1-claude-12", Some(12)), ("mac1-claude-0", None), ("ann", None), ("a-b", None)] {
            assert_eq!(slot_number(&agent.parse().unwrap()), number);
        }
    }

    #[test]
    fn a_new_id_is_one_of_its_own() {
        let (one, two) = (new_conversation_id().unwrap(), new_conversation_id().unwrap());
        assert_ne!(one, two);
        assert_eq!(conversation_id(one.as_str()), Some(one));
    }
}
