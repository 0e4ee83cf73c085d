//! The branch of the checkout: whether it may move, and moving it.

use std::path::Path;
use std::time::Duration;

use super::{Outcome, SkipReason, Step};
use crate::host::git::{self, GitFailure};

/// How long git may take without the network.
const LOCAL_LIMIT: Duration = Duration::from_mins(1);
/// How long git may take with the network.
const NETWORK_LIMIT: Duration = Duration::from_mins(3);
/// Keeps git from starting maintenance in the background.
const NO_MAINTENANCE: [&str; 4] = ["-c", "maintenance.auto=false", "-c", "gc.auto=0"];

/// Why a deploy ends early.
pub(super) enum Stop {
    Skip { reason: SkipReason, message: String },
    Fail { step: Step, message: String },
}

impl Stop {
    pub(super) fn skip(reason: SkipReason, message: impl Into<String>) -> Self {
        Self::Skip { reason, message: message.into() }
    }

    pub(super) fn fail(step: Step, message: impl Into<String>) -> Self {
        Self::Fail { step, message: message.into() }
    }

    pub(super) fn into_outcome(self) -> Outcome {
        match self {
            Self::Skip { reason, message } => Outcome::Skipped { reason, message },
            Self::Fail { step, message } => Outcome::Failed { step, message },
        }
    }
}

/// A branch that may move forward.
pub(super) struct Branch {
    pub(super) name: String,
    pub(super) upstream: String,
    pub(super) commit: String,
}

/// What the upstream has that the branch lacks.
pub(super) struct Incoming {
    /// The commit that the branch gets.
    pub(super) to: String,
    /// How many commits are new. `None` if git does not have them yet.
    pub(super) commits: Option<u64>,
}

/// Checks that nothing in the checkout would be lost.
pub(super) async fn check(checkout: &Path) -> Result<Branch, Stop> {
    let state = git::state(checkout, LOCAL_LIMIT).await.map_err(|failure| failed(Step::Check, failure))?;
    let place = checkout.display();
    let (branch, commit) = match (state.branch, state.commit) {
        (Some(branch), Some(commit)) => (branch, commit),
        (branch, _) => {
            let what = branch.map_or("HEAD is detached", |_| "the branch has no commit");
            let message = format!("{what} in {place}; check out the branch to deploy: git switch main");
            return Err(Stop::skip(SkipReason::Detached, message));
        }
    };
    if let Some(what) = state.unfinished {
        let message = format!("{what} is unfinished in {place}; complete or abort it");
        return Err(Stop::skip(SkipReason::Unfinished, message));
    }
    if state.changed > 0 {
        let files = if state.changed == 1 { "1 file has".to_owned() } else { format!("{} files have", state.changed) };
        let message = format!("{files} changes in {place} that are not committed; commit or stash them");
        return Err(Stop::skip(SkipReason::Dirty, message));
    }
    let Some(upstream) = state.upstream else {
        let message = format!("the branch {branch} in {place} follows no branch; set one: git branch -u origin/main");
        return Err(Stop::skip(SkipReason::NoUpstream, message));
    };
    Ok(Branch { name: branch, upstream, commit })
}

/// Fetches the upstream.
pub(super) async fn fetch(checkout: &Path) -> Result<Incoming, Stop> {
    let args = [&NO_MAINTENANCE[..], &["fetch", "--quiet"]].concat();
    git::output(checkout, &args, NETWORK_LIMIT).await.map_err(|failure| failed(Step::Fetch, failure))?;
    incoming(checkout, "@{upstream}").await
}

/// Asks the remote for the upstream's commit, and stores nothing.
pub(super) async fn incoming_at_remote(checkout: &Path, branch: &Branch) -> Result<Incoming, Stop> {
    let config = async |key: &str| {
        let key = format!("branch.{}.{key}", branch.name);
        let value = git::output(checkout, &["config", "--get", "--", &key], LOCAL_LIMIT).await;
        value.map(|value| value.trim().to_owned()).map_err(|failure| failed(Step::Check, failure))
    };
    let (remote, name) = (config("remote").await?, config("merge").await?);
    let asked = ["ls-remote", "--exit-code", "--", &remote, &name];
    let answer = git::output(checkout, &asked, NETWORK_LIMIT).await.map_err(|failure| failed(Step::Fetch, failure))?;
    let Some(to) = answer.split_whitespace().next().map(str::to_owned) else {
        return Err(Stop::fail(Step::Fetch, format!("{remote} has no branch {name}")));
    };
    match incoming(checkout, &to).await {
        Err(Stop::Fail { .. }) => Ok(Incoming { to, commits: None }),
        known => known,
    }
}

/// Compares the branch with a commit that git has.
async fn incoming(checkout: &Path, target: &str) -> Result<Incoming, Stop> {
    let ask = async |args: &[&str]| {
        let answer = git::output(checkout, args, LOCAL_LIMIT).await;
        answer.map_err(|failure| failed(Step::Check, failure))
    };
    let counts = ask(&["rev-list", "--left-right", "--count", &format!("HEAD...{target}"), "--"]).await?;
    let mut counts = counts.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(ahead)), Some(Ok(behind))) = (counts.next(), counts.next()) else {
        return Err(Stop::fail(Step::Check, "git did not count the commits"));
    };
    if ahead > 0 && behind > 0 {
        let message = format!(
            "the branch in {} has {ahead} commits that its upstream lacks, and lacks {behind} of its commits; rebase or \
             merge it",
            checkout.display()
        );
        return Err(Stop::skip(SkipReason::Diverged, message));
    }
    // A branch that is only ahead keeps its commits.
    let newest = if behind > 0 { target } else { "HEAD" };
    let to = ask(&["rev-parse", "--verify", newest]).await?.trim().to_owned();
    Ok(Incoming { to, commits: Some(behind) })
}

/// Moves the branch to its upstream, as `git pull --ff-only` does. Git refuses if a file would be lost.
pub(super) async fn forward(checkout: &Path) -> Result<(), Stop> {
    let args = [&NO_MAINTENANCE[..], &["merge", "--quiet", "--ff-only", "--no-autostash", "@{upstream}"]].concat();
    match git::output(checkout, &args, LOCAL_LIMIT).await {
        Ok(_) => Ok(()),
        Err(GitFailure::Failed(why)) => {
            let message = format!("git did not move the branch in {}: {why}", checkout.display());
            Err(Stop::skip(SkipReason::Blocked, message))
        }
        Err(failure) => Err(failed(Step::Pull, failure)),
    }
}

fn failed(step: Step, failure: GitFailure) -> Stop {
    let message = match failure {
        GitFailure::Failed(why) => why,
        GitFailure::TimedOut(limit) => format!("git did not end within {} s", limit.as_secs()),
    };
    Stop::fail(step, message)
}
