//! Remembers the last slot of each conversation, so that a resumed conversation gets its slot again.
//!
//! Each conversation has a small file, which is replaced atomically. Many agents can therefore write at once without a
//! lock. The newest 300 of a client are kept. A forgotten conversation only gets any free slot.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_protocol::{Agent, Client, ClientSessionId, Host, RepoName, Track, VentureCode};
use serde::{Deserialize, Serialize};

use crate::dirs::Dirs;
use crate::durable;

/// How many conversations of one client a machine remembers.
const MAX_CONVERSATIONS: usize = 300;

/// The record of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// The venture that it worked on.
    pub venture: VentureCode,
    /// The repository that it worked in.
    pub repo: RepoName,
    /// The line of work. A session belongs to one line of work.
    pub track: Option<Track>,
    /// The slot of its agent.
    pub slot: u32,
}

/// The conversations of one client on one machine.
pub struct Conversations {
    folder: PathBuf,
}

impl Conversations {
    /// The conversations of `client` on `host`. Reads no files yet.
    pub fn of(dirs: &Dirs, host: &Host, client: &Client) -> Self {
        Self { folder: dirs.state.join("conversations").join(host.as_str()).join(client.as_str()) }
    }

    /// The record of a conversation. Only ids that are UUIDs have records.
    pub fn find(&self, id: &ClientSessionId) -> Option<Conversation> {
        read(&self.file(id)?)
    }

    /// The conversation that was started last on this venture and repository.
    pub fn newest(&self, venture: &VentureCode, repo: &RepoName) -> Option<(ClientSessionId, Conversation)> {
        self.by_age().into_iter().rev().find_map(|(_, path)| {
            let id = path.file_stem()?.to_str()?.parse().ok()?;
            let conversation = read(&path)?;
            (conversation.venture == *venture && conversation.repo == *repo).then_some((id, conversation))
        })
    }

    /// When the record of a conversation was written. `None` if there is no record.
    pub fn written_at(&self, id: &ClientSessionId) -> Option<SystemTime> {
        self.file(id)?.metadata().ok()?.modified().ok()
    }

    /// The conversation that was started last on this venture, and when its record was written.
    pub fn newest_of(&self, venture: &VentureCode) -> Option<(ClientSessionId, SystemTime)> {
        self.by_age().into_iter().rev().find_map(|(written, path)| {
            let id = path.file_stem()?.to_str()?.parse().ok()?;
            read(&path).filter(|conversation| conversation.venture == *venture).map(|_| (id, written))
        })
    }

    /// Saves a conversation as the newest one, and deletes the oldest ones beyond the limit.
    pub fn keep(&self, id: &ClientSessionId, conversation: &Conversation) -> io::Result<()> {
        let Some(path) = self.file(id) else { return Ok(()) };
        Dirs::create(&self.folder)?;
        durable::write(&path, &serde_json::to_vec(conversation)?)?;
        let known = self.by_age();
        for (_, old) in known.iter().take(known.len().saturating_sub(MAX_CONVERSATIONS)) {
            // Another agent may have deleted it already.
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }

    /// The file of a conversation. The name comes from the parsed UUID, because the id is text of another program.
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

/// The slot number at the end of an agent's name, if the name has one.
pub fn slot_number(agent: &Agent) -> Option<u32> {
    agent.as_str().rsplit_once('-')?.1.parse().ok().filter(|number| *number > 0)
}

/// A new conversation id: a random UUID. `None` on a system without random bytes.
pub fn new_conversation_id() -> Option<ClientSessionId> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string().parse().ok()
}

/// The conversation id in `text`, if it is a UUID.
pub fn conversation_id(text: &str) -> Option<ClientSessionId> {
    uuid::Uuid::try_parse(text).ok()?.hyphenated().to_string().parse().ok()
}

/// Reads a record. A malformed file counts as missing.
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
    fn a_conversation_is_found_by_id_and_the_newest_by_venture_and_repository() {
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
    fn an_id_that_is_not_a_uuid_gets_no_file() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        for text in ["../../../escape", "my session", "latest"] {
            known.keep(&text.parse().unwrap(), &on("alpha", 1)).unwrap();
            assert_eq!(conversation_id(text), None);
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_conversations_are_deleted() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        for number in 0..MAX_CONVERSATIONS + 5 {
            known.keep(&id(number), &on("alpha", 1)).unwrap();
        }
        assert_eq!(known.by_age().len(), MAX_CONVERSATIONS);
        assert!(known.find(&id(0)).is_none() && known.find(&id(MAX_CONVERSATIONS + 4)).is_some());
    }

    #[test]
    fn a_malformed_file_counts_as_missing() {
        let home = tempfile::tempdir().unwrap();
        let known = conversations(home.path());
        known.keep(&id(1), &on("alpha", 1)).unwrap();
        std::fs::write(known.file(&id(1)).unwrap(), "{").unwrap();
        assert_eq!(known.find(&id(1)), None);
    }

    #[test]
    fn only_an_agent_name_from_a_slot_has_a_number() {
        for (agent, number) in [("mac1-claude-12", Some(12)), ("mac1-claude-0", None), ("ann", None), ("a-b", None)] {
            assert_eq!(slot_number(&agent.parse().unwrap()), number);
        }
    }

    #[test]
    fn each_new_id_is_different() {
        let (one, two) = (new_conversation_id().unwrap(), new_conversation_id().unwrap());
        assert_ne!(one, two);
        assert_eq!(conversation_id(one.as_str()), Some(one));
    }
}
