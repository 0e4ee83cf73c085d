//! The last report of each machine, which is shown when the machine can't be reached.

use std::path::PathBuf;

use deckwatch_fleet::members::Member;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::{clock, durable};
use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::Report;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A report of an earlier time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LastReport {
    pub(super) at: Timestamp,
    pub(super) report: Report,
}

impl LastReport {
    /// How old it is.
    pub(super) fn age_seconds(&self) -> u64 {
        clock::now().seconds_since(self.at)
    }
}

/// Stores a complete report.
pub(super) fn save(member: &Member, report: &Report, dirs: &Dirs) {
    let last = LastReport { at: clock::now(), report: report.clone() };
    let path = path(member, dirs);
    let saved = || {
        Dirs::create(path.parent()?).ok()?;
        durable::write(&path, &serde_json::to_vec(&last).ok()?).ok()
    };
    // If saving fails, a machine that can't be reached later is shown without values.
    let _ = saved();
}

/// The last report of a machine. `None` if there is none that can be read.
pub(super) fn read(member: &Member, dirs: &Dirs) -> Option<LastReport> {
    let path = path(member, dirs);
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn path(member: &Member, dirs: &Dirs) -> PathBuf {
    dirs.state.join("fleet/health").join(format!("{}.json", member.hostname.as_str().to_ascii_lowercase()))
}
