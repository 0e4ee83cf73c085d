//! Why hooks failed. A hook never shows an error to the agent; `launcher mcp doctor` shows these.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// A longer file is moved away.
const MAX_BYTES: u64 = 64 * 1024;
/// How many failures a reader gets.
const MAX_READ: usize = 20;

/// A failure of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it failed.
    pub at: Timestamp,
    /// The hook, such as `claude prompt`.
    pub hook: String,
    /// The error.
    pub error: String,
}

impl AgentFolder {
    /// Records why a hook failed.
    pub fn record_failure(&self, failure: &Failure) -> io::Result<()> {
        let path = self.path.join("hook-failures");
        if path.metadata().is_ok_and(|file| file.len() > MAX_BYTES) {
            std::fs::rename(&path, self.path.join("hook-failures.old"))?;
        }
        let mut file = File::options().create(true).append(true).mode(0o600).open(path)?;
        file.write_all(format!("{}\n", serde_json::to_string(failure)?).as_bytes())
    }

    /// The last failures, oldest first.
    pub fn failures(&self) -> io::Result<Vec<Failure>> {
        let text = files::read(&self.path.join("hook-failures"))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut failures: Vec<Failure> =
            text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(MAX_READ).collect();
        failures.reverse();
        Ok(failures)
    }

    /// Forgets the failures, because the hooks work again.
    pub fn clear_failures(&self) -> io::Result<()> {
        files::remove(&self.path.join("hook-failures"))
    }
}
