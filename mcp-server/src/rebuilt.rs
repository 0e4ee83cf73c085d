//! Detects that the program's file was replaced while this process runs.
//!
//! An update replaces the file, but a running process keeps the old build until it is restarted. This module tells
//! the agent to ask for that restart.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use deckwatch_machine::agent::how_to_restart;
use deckwatch_protocol::{Client, Timestamp};

/// The build that this process runs.
#[derive(Debug)]
pub(crate) struct Build {
    /// The file at the start of the process; `None` when the system does not say which file it is.
    file: Option<(PathBuf, Stamp)>,
    reported: AtomicBool,
}

/// File metadata that changes when a file is replaced or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Build {
    /// Call this when the process starts.
    pub(crate) fn of_this_process() -> Self {
        let file = std::env::current_exe().ok().and_then(|path| Some((path.clone(), Stamp::of(&path)?)));
        Self { file, reported: AtomicBool::new(false) }
    }

    /// The notice that there is a new build, with how to restart; given once. If the file is missing, an update is
    /// under way, so there is no notice yet.
    pub(crate) fn update_notice(&self, client: Option<&Client>) -> Option<String> {
        let (path, at_start) = self.file.as_ref()?;
        let now = Stamp::of(path).filter(|now| now != at_start)?;
        if self.reported.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(format!(
            "deckwatch-mcp was rebuilt at {}; this session still runs the old build. Ask your human to restart it: {}",
            now.time(),
            how_to_restart(client.map_or("", Client::as_str))
        ))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let meta = path.metadata().ok()?;
        Some(Self { device: meta.dev(), inode: meta.ino(), seconds: meta.mtime(), nanoseconds: meta.mtime_nsec() })
    }

    fn time(self) -> String {
        let at = Timestamp::from_millis(self.seconds.saturating_mul(1_000)).to_string();
        format!("{} UTC", at.get(11..16).unwrap_or(&at))
    }
}
