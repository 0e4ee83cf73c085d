//! What a machine has reported.

use std::collections::BTreeMap;

use deckwatch_fleet::host::health::{
    AGENT_CLIS, Build, Finding, GitState, Load, Memory, Place, Reading, Repository, Space, Updates,
};
use deckwatch_machine::agent::OldServer;
use deckwatch_protocol::Host;
use serde::{Deserialize, Serialize};

/// The difference of a machine's clock to this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Skew {
    /// Positive if the machine's clock is ahead.
    pub(super) millis: i64,
    /// Half the time of the request and its answer: the real difference is at most this far away.
    pub(super) uncertainty_millis: i64,
}

/// The findings of one machine. A finding that did not arrive is `None`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) hostname: Option<Reading<Host>>,
    pub(super) clock: Option<Skew>,
    pub(super) disks: BTreeMap<Place, Reading<Space>>,
    pub(super) memory: Option<Reading<Memory>>,
    pub(super) load: Option<Reading<Load>>,
    pub(super) tmux: Option<Reading<String>>,
    pub(super) mcp: Option<Reading<Build>>,
    pub(super) agents: BTreeMap<String, Reading<String>>,
    pub(super) checkout: Option<Reading<GitState>>,
    pub(super) repositories: Option<Reading<Vec<Repository>>>,
    pub(super) updates: Option<Reading<Updates>>,
    pub(super) old_servers: Option<Reading<Vec<OldServer>>>,
}

impl Report {
    /// Adds a finding other than the clock.
    pub(super) fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Clock(_) => {}
            Finding::Hostname(hostname) => self.hostname = Some(hostname),
            Finding::Disk(place, reading) => drop(self.disks.insert(place, reading)),
            Finding::Memory(reading) => self.memory = Some(reading),
            Finding::Load(reading) => self.load = Some(reading),
            Finding::Tmux(reading) => self.tmux = Some(reading),
            Finding::Mcp(reading) => self.mcp = Some(reading),
            Finding::Agent(name, reading) => {
                // A machine can't add names of its own.
                if AGENT_CLIS.contains(&name.as_str()) {
                    self.agents.insert(name, reading);
                }
            }
            Finding::Checkout(reading) => self.checkout = Some(reading),
            Finding::Repositories(reading) => self.repositories = Some(reading),
            Finding::Updates(reading) => self.updates = Some(reading),
            Finding::OldServers(reading) => self.old_servers = Some(reading),
        }
    }

    /// The file system with the least free space, and its free part in percent.
    pub(super) fn fullest_disk(&self) -> Option<(&Space, f64)> {
        let disks = self.disks.values().filter_map(Reading::value);
        disks.map(|space| (space, percent(space.free_bytes, space.total_bytes))).min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// A part in percent. Of nothing, everything is free.
#[expect(clippy::cast_precision_loss, reason = "it is shown with a few digits")]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}
