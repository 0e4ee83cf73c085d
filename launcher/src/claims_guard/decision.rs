//! What a hook decides: an agent may not commit or push a change of a path that another agent holds.
//!
//! It uses git and one small file, and never the network. If it does not know enough, or takes too long, it lets the commit
//! pass and says so.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use deckwatch_client::clean::clean_line;
use deckwatch_machine::claims_file::ClaimsFile;
use deckwatch_machine::clock::{ago, now};
use deckwatch_machine::variables;
use deckwatch_protocol::{Claim, RepoName, Timestamp};

use super::{Hook, git};
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;

/// How long git may take to list the changed paths.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// How many paths are named.
const NAMED: usize = 10;
/// The id that git gives to a commit that does not exist.
const NO_COMMIT: char = '0';

pub(super) fn run(hook: Hook, env: &ProcessEnv) -> Result<(), LaunchError> {
    // A folder of hooks can serve several repositories. Only those in which the hooks were installed are guarded.
    let Some(repo) = git::guarded_repo(&env.cwd) else { return Ok(()) };
    let Ok(repo) = repo.parse::<RepoName>() else { return Ok(()) };
    let agent = env.var(variables::AGENT);
    let Some(file) = ClaimsFile::read(&env.dirs, &repo) else {
        if agent.is_some() {
            output::say(&format!("no claims of {repo} are known on this machine; `launcher claims` reads them"));
        }
        return Ok(());
    };
    let now = now();
    let of_others = |claim: &&Claim| !claim.is_stale(now) && agent.as_deref() != Some(claim.agent.as_str());
    let held: Vec<&Claim> = file.claims.iter().filter(of_others).collect();
    if held.is_empty() {
        return Ok(());
    }
    let Some(paths) = changed_paths(hook, &env.cwd) else {
        output::warn("the changed paths could not be listed in time, so claims are not checked");
        return Ok(());
    };
    let conflicts = conflicts(&held, &paths, now);
    if conflicts.is_empty() {
        return Ok(());
    }
    for line in &conflicts {
        output::warn(line);
    }
    if now.seconds_since(file.written_at) > ClaimsFile::STALE_SECONDS {
        output::warn(&format!(
            "these claims were read {}; `launcher claims` reads them again",
            ago(file.written_at, now)
        ));
    }
    if agent.is_none() {
        return Ok(());
    }
    let what = if hook == Hook::PreCommit { "commit" } else { "push" };
    Err(LaunchError::HeldByOthers { what })
}

/// One line for each changed path that is held, and one for the others.
fn conflicts(held: &[&Claim], paths: &BTreeSet<String>, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for path in paths {
        let Some(claim) = held.iter().find(|claim| claim.subject.covers(path)) else { continue };
        let (path, subject) = (clean_line(path), clean_line(claim.subject.as_str()));
        lines.push(format!("{path} is held by {} ({subject}, since {})", claim.agent, ago(claim.since, now)));
    }
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    lines.extend((more > 0).then(|| format!("{more} more changed paths are held by other agents")));
    lines
}

/// The paths that the commit or the push changes, relative to the root of the repository. `None` if git fails or takes too
/// long.
fn changed_paths(hook: Hook, dir: &Path) -> Option<BTreeSet<String>> {
    let (sender, receiver) = mpsc::channel();
    let dir = dir.to_owned();
    std::thread::spawn(move || {
        let listed = match hook {
            Hook::PreCommit => git::output(&dir, &["diff", "--cached", "--name-only", "--no-renames", "-z"]),
            Hook::PrePush => pushed(&dir),
        };
        // The receiver may have stopped waiting.
        let _ = sender.send(listed);
    });
    let listed = receiver.recv_timeout(TIME_LIMIT).ok().flatten()?;
    Some(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// The paths that the commits of a push change. Each line of the input has a local reference, its commit, a remote reference
/// and its commit.
fn pushed(dir: &Path) -> Option<String> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).ok()?;
    let mut all = String::new();
    for line in input.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, local, _, remote] = words.as_slice() else { continue };
        if local.chars().all(|c| c == NO_COMMIT) {
            continue;
        }
        let since = if remote.chars().all(|c| c == NO_COMMIT) { "--remotes" } else { remote };
        let log = ["log", "-z", "--name-only", "--no-renames", "--format=", local, "--not", since];
        all.push_str(&git::output(dir, &log)?);
        all.push('\0');
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(subject: &str) -> Claim {
        serde_json::from_value(serde_json::json!({
            "id": "clm_01JD0000000000000000000001", "venture": "alpha", "repo": "example-org/alpha", "subject": subject,
            "agent": "mac2-codex-1", "session_id": "sess_01JD0000000000000000000001", "fence": 7, "reason": null,
            "since": "2026-11-21T05:00:00.000Z", "until": "2026-11-21T08:41:00.000Z"
        }))
        .unwrap()
    }

    #[test]
    fn at_most_ten_paths_are_named() {
        let (claim, now) = (claim("path:src/**"), "2026-11-21T08:00:00Z".parse().unwrap());
        let paths: BTreeSet<String> = (10..25).map(|n| format!("src/{n}.rs")).chain(["docs/a.md".to_owned()]).collect();
        let lines = conflicts(&[&claim], &paths, now);
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], "src/10.rs is held by mac2-codex-1 (path:src/**, since 3 h ago)");
        assert_eq!(lines[10], "5 more changed paths are held by other agents");
    }
}
