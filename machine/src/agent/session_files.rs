//! The conversations that the agent CLIs keep in files of their own, also those that were started without the launcher.
//!
//! Only names, times and the first line of a file are read, and only so many files that a large history costs little. The
//! files belong to other programs: where one has another form, the conversation is not found.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_protocol::{Client, ClientSessionId};
use serde::Deserialize;

use super::conversation_id;
use crate::digest::sha256_hex;
use crate::dirs::Dirs;

/// The most entries of folders that are listed. Newer folders come first.
const MAX_ENTRIES: usize = 20_000;
/// The most files whose first line is read.
const MAX_READ: usize = 300;
/// The longest first line, in bytes. The one of Codex contains its instructions.
const MAX_LINE: u64 = 256 * 1024;

/// The files of one agent CLI.
#[derive(Debug, Clone)]
pub struct SessionFiles {
    kind: Kind,
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `projects/<folder of the work>/<id>.jsonl`
    Claude,
    /// `sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl`
    Codex,
    /// `tmp/<project>/chats/session-<time>-<first 8 characters of the id>.jsonl`
    Gemini,
}

/// What the first line of a file says.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FirstLine {
    /// Gemini CLI: the id, and the hash of the folder.
    session_id: Option<String>,
    project_hash: Option<String>,
    /// Codex.
    payload: CodexPayload,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodexPayload {
    cwd: Option<PathBuf>,
}

impl SessionFiles {
    /// The files of a client. `variable` gives the environment. `None` for a client that is not known.
    pub fn of(client: &Client, dirs: &Dirs, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let (kind, name, usual, folder) = match client.as_str() {
            "claude" => (Kind::Claude, "CLAUDE_CONFIG_DIR", ".claude", "projects"),
            "codex" => (Kind::Codex, "CODEX_HOME", ".codex", "sessions"),
            "gemini" => (Kind::Gemini, "", ".gemini", "tmp"),
            _ => return None,
        };
        let base = variable(name).unwrap_or_else(|| dirs.home.join(usual));
        Some(Self { kind, folder: base.join(folder) })
    }

    /// When the conversation was last written to. `None` if there is no file of it.
    pub fn written_at(&self, id: &ClientSessionId) -> Option<SystemTime> {
        let id = conversation_id(id.as_str())?;
        let is = |path: &PathBuf| self.has_id(path, &id);
        self.files().into_iter().find(is)?.metadata().ok()?.modified().ok()
    }

    /// The conversation in this folder that was last written to.
    pub fn newest_in(&self, folder: &Path) -> Option<(ClientSessionId, SystemTime)> {
        let mut dated: Vec<(SystemTime, PathBuf)> =
            self.files().into_iter().filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path))).collect();
        dated.sort_by(|one, other| other.cmp(one));
        // A hash of a name of the folder, which may be a link.
        let names = [Some(folder.to_owned()), folder.canonicalize().ok()];
        let names: Vec<PathBuf> = names.into_iter().flatten().collect();
        let mut read = 0;
        dated.into_iter().find_map(|(written, path)| {
            if self.kind == Kind::Claude {
                let place = path.parent()?.file_name()?.to_str()?;
                let is_here = names.iter().any(|name| claude_folder(name).as_deref() == Some(place));
                return is_here.then_some((self.id_of(&path, None)?, written));
            }
            read += 1;
            let line = if read > MAX_READ { None } else { first_line(&path) }?;
            let is_here = match self.kind {
                Kind::Gemini => names.iter().any(|name| line.project_hash.as_deref() == Some(&*hash_of(name))),
                _ => names.iter().any(|name| line.payload.cwd.as_ref().is_some_and(|cwd| cwd.starts_with(name))),
            };
            is_here.then_some((self.id_of(&path, Some(&line))?, written))
        })
    }

    /// All files, those in folders with later names first.
    fn files(&self) -> Vec<PathBuf> {
        let mut left = MAX_ENTRIES;
        let depth = match self.kind {
            Kind::Claude => 1,
            Kind::Gemini => 2,
            Kind::Codex => 3,
        };
        let mut files = Vec::new();
        add_files(&self.folder, depth, &mut left, &mut files);
        files
    }

    fn has_id(&self, path: &Path, id: &ClientSessionId) -> bool {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let beginning = id.as_str().split('-').next().unwrap_or_default();
        match self.kind {
            Kind::Gemini => {
                stem.ends_with(beginning) && self.id_of(path, first_line(path).as_ref()).as_ref() == Some(id)
            }
            Kind::Claude | Kind::Codex => stem.ends_with(id.as_str()),
        }
    }

    /// The id: of Gemini CLI from the first line, else from the name of the file.
    fn id_of(&self, path: &Path, line: Option<&FirstLine>) -> Option<ClientSessionId> {
        if self.kind == Kind::Gemini {
            return conversation_id(line?.session_id.as_deref()?);
        }
        let stem = path.file_stem()?.to_str()?;
        conversation_id(stem.get(stem.len().checked_sub(36)?..)?)
    }
}

fn add_files(folder: &Path, depth: u32, left: &mut usize, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.take(*left).map(|entry| entry.path()).collect();
    *left -= paths.len();
    paths.sort();
    for path in paths.into_iter().rev() {
        if depth > 0 {
            // A file here has no entries.
            add_files(&path, depth - 1, left, files);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
}

/// The first line of a regular file. `None` if it can't be read or has another form.
fn first_line(path: &Path) -> Option<FirstLine> {
    // Opening a pipe would wait.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut line = Vec::new();
    BufReader::new(File::open(path).ok()?.take(MAX_LINE)).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

fn hash_of(folder: &Path) -> String {
    sha256_hex(folder.as_os_str().as_encoded_bytes())
}

/// The name of Claude Code's folder for the conversations in a folder.
fn claude_folder(folder: &Path) -> Option<String> {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    Some(folder.to_str()?.chars().map(safe).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const IDS: [&str; 3] = [
        "01a22004-cb69-74e1-9ab9-37a0d0c26121",
        "442f7da9-91c7-4ef3-93cd-47108ef4092f",
        "9f0c2b7e-1d5a-4c3b-8e6f-0a1b2c3d4e5f",
    ];

    struct Home(tempfile::TempDir);

    impl Home {
        fn files(&self, client: &str) -> SessionFiles {
            let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| self.0.path().into())).unwrap();
            SessionFiles::of(&client.parse().unwrap(), &dirs, |_| None).unwrap()
        }

        /// Writes a file that is this many seconds old.
        fn write(&self, file: &str, age: u64, text: &str) {
            let path = self.0.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let at = SystemTime::now() - Duration::from_secs(age);
            File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
        }
    }

    fn id(text: &str) -> ClientSessionId {
        text.parse().unwrap()
    }

    #[test]
    fn the_files_of_each_agent_cli_are_found_by_id_and_by_folder() {
        let home = Home(tempfile::tempdir().unwrap());
        let [codex, gemini, claude] = IDS;
        let work = Path::new("/home/ann/dev/alpha");
        let instructions = "x".repeat(100_000);
        let line = |cwd: &str| {
            let payload =
                serde_json::json!({ "id": codex, "cwd": cwd, "base_instructions": { "text": &instructions } });
            serde_json::json!({ "type": "session_meta", "payload": payload }).to_string() + "\n{}\n"
        };
        let rollout =
            |day: &str, id: &str| format!(".codex/sessions/2026/11/{day}/rollout-2026-11-{day}T02-38-34-{id}.jsonl");
        home.write(&rollout("27", codex), 20, &line("/home/ann/dev/alpha"));
        home.write(&rollout("28", claude), 10, &line("/home/ann/dev/alpha-worktrees/one"));
        let chat = format!("{{\"sessionId\":\"{gemini}\",\"projectHash\":\"{}\"}}\n{{}}", hash_of(work));
        home.write(".gemini/tmp/alpha/chats/session-2026-11-28T02-39-442f7da9.jsonl", 30, &chat);
        home.write(&format!(".claude/projects/-home-ann-dev-alpha/{claude}.jsonl"), 40, "");
        home.write(&format!(".claude/projects/-home-ann-dev-beta/{codex}.jsonl"), 5, "");

        for (client, expected, other) in
            [("codex", codex, gemini), ("gemini", gemini, codex), ("claude", claude, gemini)]
        {
            let files = home.files(client);
            let (newest, written) = files.newest_in(work).unwrap();
            assert_eq!((newest, files.written_at(&id(expected))), (id(expected), Some(written)), "{client}");
            assert_eq!(files.written_at(&id(other)), None, "{client}");
            assert_eq!(files.newest_in(Path::new("/home/ann/dev/gamma")), None, "{client}");
        }
        assert!(SessionFiles::of(&"other".parse().unwrap(), &Dirs::from_env().unwrap(), |_| None).is_none());
    }

    #[test]
    fn files_of_another_form_are_passed_over_and_a_large_history_is_bounded() {
        let home = Home(tempfile::tempdir().unwrap());
        let [codex, gemini, _] = IDS;
        let folder = ".gemini/tmp/alpha/chats";
        home.write(&format!("{folder}/session-1-442f7da9.jsonl"), 1, "not json");
        home.write(&format!("{folder}/session-2-442f7da9.jsonl"), 1, &"x".repeat(1024 * 1024));
        home.write(&format!("{folder}/session-3-442f7da9.jsonl"), 1, "{\"sessionId\":\"../../etc\",\"projectHash\":7}");
        home.write(".gemini/tmp/file", 1, "");
        let pipe = home.0.path().join(folder).join("session-4-442f7da9.jsonl");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let files = home.files("gemini");
        assert_eq!((files.written_at(&id(gemini)), files.newest_in(Path::new("/x"))), (None, None));

        let codex_files = home.files("codex");
        for number in 0..MAX_READ + 5 {
            let name = format!("rollout-{number:05}-{codex}.jsonl");
            home.write(
                &format!(".codex/sessions/2026/11/28/{name}"),
                number as u64,
                "{\"payload\":{\"cwd\":\"/other\"}}\n",
            );
        }
        home.write(
            &format!(".codex/sessions/2026/01/01/rollout-1-{gemini}.jsonl"),
            9999,
            "{\"payload\":{\"cwd\":\"/x\"}}\n",
        );
        assert_eq!(codex_files.newest_in(Path::new("/x")), None, "only the newest files are read");
        assert!(codex_files.written_at(&id(gemini)).is_some(), "an id is in the name");
    }
}
