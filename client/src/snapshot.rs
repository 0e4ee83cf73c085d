//! The last start-of-day response of each repository, for use while the API can't be reached.
//!
//! A snapshot holds only the API's response, and no key. The next response replaces it atomically. Beyond the limit,
//! the oldest snapshots are deleted.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_machine::clock::now;
use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{DayStarted, RepoName, Timestamp, VentureCode, cut};
use serde::{Deserialize, Serialize};

const MAX_SNAPSHOTS: usize = 100;
/// A start-of-day response with the largest possible handoff is smaller.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// A response of the API, with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the response arrived, by the clock of this machine.
    pub taken_at: Timestamp,
    /// The response.
    pub day: DayStarted,
}

/// The snapshots of one endpoint and actor.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    pub(crate) fn below(root: &Path, endpoint: &str, actor: &str) -> Self {
        let digest = sha256_hex(format!("{endpoint}\n{actor}").as_bytes());
        Self { folder: root.join(cut::to_chars(&digest, 32)) }
    }

    /// Saves the response for use while the API can't be reached.
    pub(crate) async fn keep(&self, day: DayStarted) -> io::Result<()> {
        let snapshots = self.clone();
        let write = move || snapshots.write(&Snapshot { taken_at: now(), day });
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }

    /// The last saved response for this repository, limited to `venture` if given.
    pub(crate) async fn last(&self, repo: &RepoName, venture: Option<&VentureCode>) -> Option<Snapshot> {
        let (snapshots, repo, venture) = (self.clone(), repo.clone(), venture.cloned());
        tokio::task::spawn_blocking(move || snapshots.read_last(&repo, venture.as_ref())).await.ok()?
    }

    fn write(&self, snapshot: &Snapshot) -> io::Result<()> {
        Dirs::create(&self.folder)?;
        let (repo, venture) = (&snapshot.day.session.repo, &snapshot.day.venture.code);
        let name = format!("{}{venture}.json", prefix(repo));
        let text = serde_json::to_vec(snapshot)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the snapshot is larger than 2 MiB"));
        }
        durable::write(&self.folder.join(name), &text)?;
        for (_, path) in self.files("").into_iter().rev().skip(MAX_SNAPSHOTS) {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }

    fn read_last(&self, repo: &RepoName, venture: Option<&VentureCode>) -> Option<Snapshot> {
        let name = format!("{}{}", prefix(repo), venture.map_or(String::new(), |venture| format!("{venture}.json")));
        let readable = |(_, path): (SystemTime, PathBuf)| {
            let small = path.metadata().ok()?.len() <= MAX_BYTES;
            serde_json::from_slice(&std::fs::read(path).ok().filter(|_| small)?).ok()
        };
        self.files(&name).into_iter().rev().find_map(readable)
    }

    /// Files whose names start with `beginning`, the newest last.
    fn files(&self, beginning: &str) -> Vec<(SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning));
        let mut files: Vec<_> =
            named.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
        files.sort();
        files
    }
}

/// The start of a snapshot's file name. Git hosts ignore case in repository names, and the reader may not know the
/// venture's spelling, so the name is lowered first.
fn prefix(repo: &RepoName) -> String {
    let digest = sha256_hex(repo.as_str().to_ascii_lowercase().as_bytes());
    format!("{}-", cut::to_chars(&digest, 16))
}
