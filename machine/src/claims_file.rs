//! A copy of the claims in a repository, for git hooks, which must not wait for the network.
//!
//! The MCP server of an agent and `launcher claims` write it. It contains no key.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Claim, RepoName, Timestamp, cut};
use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;
use crate::dirs::Dirs;
use crate::durable;

/// A file of more bytes is not read. 1,000 claims with the longest subjects and reasons need less.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The claims that were known at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsFile {
    /// When these were the claims, by the clock of this machine.
    pub written_at: Timestamp,
    /// The claims, newest first.
    pub claims: Vec<Claim>,
}

impl ClaimsFile {
    /// The age at which a reader is warned. A running MCP server writes the file at least every 12 minutes.
    pub const STALE_SECONDS: u64 = 15 * 60;

    /// Replaces the file of a repository.
    pub fn write(&self, dirs: &Dirs, repo: &RepoName) -> io::Result<()> {
        let path = path(dirs, repo);
        Dirs::create(path.parent().unwrap_or(Path::new("/")))?;
        durable::write(&path, &serde_json::to_vec(self)?)
    }

    /// Reads the file of a repository. `None` if there is none, or if it can't be read.
    pub fn read(dirs: &Dirs, repo: &RepoName) -> Option<Self> {
        let path = path(dirs, repo);
        let small = path.metadata().ok()?.len() <= MAX_BYTES;
        serde_json::from_slice(&std::fs::read(path).ok().filter(|_| small)?).ok()
    }
}

/// Git hosts ignore case in the names of repositories.
fn path(dirs: &Dirs, repo: &RepoName) -> PathBuf {
    let digest = sha256_hex(repo.as_str().to_ascii_lowercase().as_bytes());
    dirs.state.join("claims").join(format!("{}.json", cut::to_chars(&digest, 32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_file_in_any_spelling_of_its_name() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().as_os_str().to_owned())).unwrap();
        let file = ClaimsFile { written_at: "2026-11-21T08:00:00Z".parse().unwrap(), claims: Vec::new() };
        let (one, other): (RepoName, RepoName) = ("Example-Org/Alpha".parse().unwrap(), "a/b".parse().unwrap());
        file.write(&dirs, &one).unwrap();
        assert_eq!(ClaimsFile::read(&dirs, &"example-org/alpha".parse().unwrap()), Some(file));
        assert_eq!(ClaimsFile::read(&dirs, &other), None);
        std::fs::write(path(&dirs, &other), "{").unwrap();
        assert_eq!(ClaimsFile::read(&dirs, &other), None);
    }
}
