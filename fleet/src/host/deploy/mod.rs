//! Brings Deckwatch on this machine to the newest commit of its branch: pulls, builds, installs.
//!
//! 1. Find the checkout, and take the lock that builds hold.
//! 2. Check that nothing there would be lost.
//! 3. Fetch, and move the branch forward as `git pull --ff-only` does.
//! 4. Build and install with `scripts/start --install-only`.
//! 5. Name the servers that still run an old build.
//!
//! What a person has in the checkout is never changed: such a checkout is skipped, with the reason.

mod branch;
mod build;
mod lock;

use std::path::PathBuf;
use std::time::Duration;

use deckwatch_machine::agent::{OldServer, old_servers};
use deckwatch_machine::dirs::Dirs;
use serde::{Deserialize, Serialize};

use self::branch::{Incoming, Stop};
use super::health::{Reading, in_thread};
use super::{Answers, Connection};
use crate::installation::Installation;
use crate::wire::{Refusal, Request};

/// Asks the machine to update Deckwatch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// Only says what would be done.
    pub dry_run: bool,
}

/// A step that takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The state of the checkout is read.
    Check,
    /// New commits are fetched.
    Fetch,
    /// The branch moves forward.
    Pull,
    /// The programs are built and installed.
    Build,
}

/// A line about the progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// The line, of this machine or of the program that runs.
    pub line: String,
}

/// Why a machine was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// There is no checkout from which Deckwatch was installed.
    NoCheckout,
    /// Other users can change the checkout, or it is no checkout of Deckwatch any more.
    UnsafeCheckout,
    /// Another build runs.
    Busy,
    /// A git command, a merge or a rebase is unfinished.
    Unfinished,
    /// HEAD is detached.
    Detached,
    /// There are changes that are not committed.
    Dirty,
    /// The branch follows no other branch.
    NoUpstream,
    /// The branch and its upstream both have commits that the other lacks.
    Diverged,
    /// Git refused to move the branch, for example to keep a file that it does not track.
    Blocked,
}

/// What became of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Nothing was done.
    Skipped {
        /// Why, for programs.
        reason: SkipReason,
        /// Why and what to do, for people.
        message: String,
    },
    /// The installed programs already have the newest commit.
    Current {
        /// The commit.
        commit: String,
    },
    /// What would be done, as only that was asked.
    Planned {
        /// The commit of the checkout.
        from: String,
        /// The commit that it would get.
        to: String,
        /// How many commits are new. `None` if that is not known without fetching them.
        commits: Option<u64>,
    },
    /// The programs were built and installed.
    Deployed {
        /// The commit of the checkout before.
        from: String,
        /// The commit that the programs have now.
        to: String,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: Step,
        /// What failed, why, and what to do.
        message: String,
    },
}

/// The answer of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// What became of it.
    pub outcome: Outcome,
    /// The checkout. `None` if it is not known.
    pub checkout: Option<PathBuf>,
    /// The servers that run an old build. `None` if the machine could not find out in time.
    pub old_servers: Option<Vec<OldServer>>,
}

impl Request for Deploy {
    const NAME: &'static str = "deploy";
    type Item = Progress;
    type Answer = Deployed;
}

/// How long the checkout may take to be found.
const CHECKOUT_LIMIT: Duration = Duration::from_secs(10);
/// How long the processes may take to be read.
const PROCESSES_LIMIT: Duration = Duration::from_secs(10);

impl Answers for Deploy {
    async fn answer(self, connection: &mut Connection) -> Result<Deployed, Refusal> {
        let dirs = Dirs::from_env().map_err(|error| Refusal::machine(error.to_string()))?;
        let found = find(dirs.clone()).await;
        let installed = found.as_ref().ok().cloned();
        let outcome = match found {
            Ok(installed) => deploy(&self, &installed, &dirs, &mut Log { connection }).await,
            Err(stop) => Err(stop),
        };
        let outcome = outcome.unwrap_or_else(Stop::into_outcome);
        let servers = in_thread(PROCESSES_LIMIT, || Reading::Value(old_servers())).await;
        let checkout = installed.map(|installed| installed.checkout);
        Ok(Deployed { outcome, checkout, old_servers: servers.value().cloned() })
    }
}

/// The checkout in which something may be built. A thread of its own looks for it, which a file system that hangs may
/// block.
async fn find(dirs: Dirs) -> Result<Installation, Stop> {
    let look = move || {
        let installed = Installation::recorded(&dirs).or_else(|| {
            let program = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
            Installation::around(&program)
        });
        let refusal = installed.as_ref().and_then(Installation::refusal);
        Reading::Value((installed, refusal))
    };
    match in_thread(CHECKOUT_LIMIT, look).await {
        Reading::Value((Some(installed), None)) => Ok(installed),
        Reading::Value((Some(installed), Some(why))) => {
            let message = format!("{} {why}", installed.checkout.display());
            Err(Stop::skip(SkipReason::UnsafeCheckout, message))
        }
        Reading::Value((None, _)) => {
            let message = "Deckwatch was not installed by scripts/start there, so its checkout is not known; run \
                           ./scripts/start --install-only in a checkout";
            Err(Stop::skip(SkipReason::NoCheckout, message))
        }
        _ => Err(Stop::fail(Step::Check, "the file system of the checkout does not answer; check its mount")),
    }
}

/// Sends lines about the progress.
struct Log<'a> {
    connection: &'a mut Connection,
}

impl Log<'_> {
    /// A line that can't be sent changes nothing: a build that has begun goes on when the asking machine is gone, so that
    /// it leaves whole programs behind.
    async fn line(&mut self, step: Step, line: String) {
        let _ = self.connection.item(&Progress { step, line }).await;
    }
}

async fn deploy(request: &Deploy, installed: &Installation, dirs: &Dirs, log: &mut Log<'_>) -> Result<Outcome, Stop> {
    let checkout = &installed.checkout;
    let _turn = lock::take(installed, dirs, request.dry_run)?;
    let before = branch::check(checkout).await?;
    let incoming = if request.dry_run {
        branch::incoming_at_remote(checkout, &before).await?
    } else {
        log.line(Step::Fetch, format!("fetching {}", before.upstream)).await;
        branch::fetch(checkout).await?
    };
    let from = before.commit;
    let to = incoming.to.clone();
    let is_built = build::installed_commit(installed).await.is_some_and(|commit| to.starts_with(&commit));
    match (incoming, request.dry_run) {
        (Incoming { commits: Some(0), .. }, _) if is_built => return Ok(Outcome::Current { commit: from }),
        (Incoming { to, commits, .. }, true) => return Ok(Outcome::Planned { from, to, commits }),
        (Incoming { commits: Some(0), .. }, false) => {}
        (Incoming { commits, .. }, false) => {
            let commits = commits.map_or(String::new(), |commits| format!(", new commits: {commits}"));
            log.line(Step::Pull, format!("moving {} forward{commits}", before.name)).await;
            branch::forward(checkout).await?;
        }
    }
    build::build(installed, &to, dirs, log).await?;
    Ok(Outcome::Deployed { from, to })
}
