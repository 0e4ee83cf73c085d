//! The health of this machine: its disks, memory, load, programs, repositories and updates.
//!
//! Each check has a time limit of its own and sends its finding when it is done. So a check that hangs, such as one on a
//! file system that does not answer, costs only itself. Nothing uses the network, and nothing is changed.

mod programs;
mod repositories;
mod system;
mod updates;

use std::time::Duration;

use deckwatch_machine::agent::{OldServer, old_servers, this_host};
use deckwatch_machine::clock;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{Host, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

pub use self::programs::{Build, committed_at};
pub(super) use self::programs::{read_build, version};
pub use self::repositories::Repository;
pub use self::system::{Load, Memory, Place, Space};
pub use self::updates::{PackageManager, Updates};
pub use super::git::GitState;
use super::{Answers, Connection};
use crate::wire::{Refusal, Request};

/// The agent CLIs, by the names of their programs.
pub const AGENT_CLIS: [&str; 3] = ["claude", "gemini", "codex"];
/// The time limit of a check.
const LIMIT: Duration = Duration::from_secs(3);
/// The time limit of a check that reads many files.
const LONG_LIMIT: Duration = Duration::from_secs(5);
/// How much longer than its limit a check may take before its thread is left behind.
const MARGIN: Duration = Duration::from_millis(150);

/// Asks for the health of the machine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// How long all checks may take, in milliseconds. A check that is not done then has timed out.
    pub within_millis: u64,
    /// The ventures of the asking machine, for a machine without a ventures file.
    pub ventures: Vec<VentureEntry>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The clock, at the moment of sending. It is the first finding.
    Clock(Timestamp),
    /// The hostname that the machine has now.
    Hostname(Reading<Host>),
    /// A file system.
    Disk(Place, Reading<Space>),
    /// The memory.
    Memory(Reading<Memory>),
    /// The load.
    Load(Reading<Load>),
    /// The version of tmux.
    Tmux(Reading<String>),
    /// The build of `deckwatch-mcp`.
    Mcp(Reading<Build>),
    /// An agent CLI and its version.
    Agent(String, Reading<String>),
    /// The checkout of Deckwatch.
    Checkout(Reading<GitState>),
    /// The repositories of the ventures.
    Repositories(Reading<Vec<Repository>>),
    /// Updates of the system.
    Updates(Reading<Updates>),
    /// The servers that run an old build.
    OldServers(Reading<Vec<OldServer>>),
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The value.
    Value(T),
    /// It is not installed.
    Missing,
    /// The machine does not know it, for this reason.
    Unknown(String),
    /// The check failed, for this reason.
    Failed(String),
    /// The check took longer than this many milliseconds.
    TimedOut(u64),
}

impl<T> Reading<T> {
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::TimedOut(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    fn and_then<U>(self, next: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self {
            Self::Value(value) => next(value),
            Self::Missing => Reading::Missing,
            Self::Unknown(why) => Reading::Unknown(why),
            Self::Failed(why) => Reading::Failed(why),
            Self::TimedOut(millis) => Reading::TimedOut(millis),
        }
    }
}

impl Request for Health {
    const NAME: &'static str = "health";
    type Item = Finding;
    type Answer = ();
}

impl Answers for Health {
    async fn answer(self, connection: &mut Connection) -> Result<(), Refusal> {
        // The asking machine measures the time until this finding arrives.
        let mut sent = connection.item(&Finding::Clock(clock::now())).await;
        let (sender, mut findings) = mpsc::unbounded_channel();
        start(&self, &sender);
        drop(sender);
        // Also when the asking machine is gone, each check ends by itself, with the programs that it has started.
        while let Some(finding) = findings.recv().await {
            if sent.is_ok() {
                sent = connection.item(&finding).await;
            }
        }
        sent
    }
}

/// Starts all checks.
fn start(request: &Health, findings: &mpsc::UnboundedSender<Finding>) {
    let within = Duration::from_millis(request.within_millis);
    let (limit, long) = (LIMIT.min(within), LONG_LIMIT.min(within));
    check(findings, limit, Finding::Hostname, async || Reading::Value(this_host()));
    for place in Place::ALL {
        let finding = move |reading| Finding::Disk(place, reading);
        check(findings, limit, finding, async move || system::space(place));
    }
    check(findings, limit, Finding::Memory, async || system::memory());
    check(findings, limit, Finding::Load, async || system::load());
    check(findings, limit, Finding::Tmux, async move || programs::tmux(limit).await);
    check(findings, limit, Finding::Mcp, async move || programs::mcp(limit).await);
    for name in AGENT_CLIS {
        let finding = |reading| Finding::Agent(name.to_owned(), reading);
        check(findings, long, finding, async move || programs::agent(name, long).await);
    }
    check(findings, limit, Finding::Checkout, async move || repositories::checkout(limit).await);
    let ventures = request.ventures.clone();
    check(findings, long, Finding::Repositories, async move || repositories::of_ventures(ventures, long).await);
    check(findings, long, Finding::Updates, async move || updates::pending(long).await);
    check(findings, limit, Finding::OldServers, async || Reading::Value(old_servers()));
}

/// Starts a check, whose finding is sent when it is done.
fn check<T: Send + 'static, Check: Future<Output = Reading<T>>>(
    findings: &mpsc::UnboundedSender<Finding>,
    limit: Duration,
    finding: impl FnOnce(Reading<T>) -> Finding + Send + 'static,
    check: impl FnOnce() -> Check + Send + 'static,
) {
    let findings = findings.clone();
    tokio::spawn(async move { drop(findings.send(finding(isolated(limit, check).await))) });
}

/// Runs a check in a thread of its own. Not only reading a folder blocks if its file system hangs, also starting a
/// program does.
async fn isolated<T: Send + 'static, Check: Future<Output = Reading<T>>>(
    limit: Duration,
    check: impl FnOnce() -> Check + Send + 'static,
) -> Reading<T> {
    let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(check()),
        Err(error) => Reading::Failed(format!("the check can't be started: {error}")),
    };
    // A check that can still act when its time is over ends its own programs.
    match in_thread(limit + MARGIN, run).await {
        Reading::TimedOut(_) => Reading::timed_out(limit),
        reading => reading,
    }
}

/// Does work that may block, such as reading a file system, in a thread of its own. A thread that hangs is left behind
/// and ends with the process.
pub(super) async fn in_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Reading<T> + Send + 'static,
) -> Reading<T> {
    let (sender, receiver) = oneshot::channel();
    let started = std::thread::Builder::new().spawn(move || drop(sender.send(work())));
    if let Err(error) = started {
        return Reading::Failed(format!("no thread could be started: {error}"));
    }
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(reading)) => reading,
        Ok(Err(_)) => Reading::Failed("the check crashed".to_owned()),
        Err(_) => Reading::timed_out(limit),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_hangs_costs_only_its_limit() {
        let started = Instant::now();
        let hung: Reading<()> = in_thread(Duration::from_millis(100), || {
            loop {
                std::thread::park();
            }
        })
        .await;
        assert_eq!(hung, Reading::TimedOut(100));
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn every_check_of_this_machine_sends_one_finding() {
        let (sender, mut findings) = mpsc::unbounded_channel();
        start(&Health { within_millis: 20_000, ventures: Vec::new() }, &sender);
        drop(sender);
        let mut found = Vec::new();
        while let Some(finding) = findings.recv().await {
            found.push(finding);
        }
        assert_eq!(found.len(), 1 + 2 + 4 + AGENT_CLIS.len() + 4, "{found:?}");
        let memory = found.iter().find_map(|finding| match finding {
            Finding::Memory(reading) => reading.value(),
            _ => None,
        });
        let memory = memory.unwrap();
        assert!(memory.available_bytes > 0 && memory.available_bytes <= memory.total_bytes);
    }
}
