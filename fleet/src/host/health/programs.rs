//! Programs and their versions.

use std::path::PathBuf;
use std::time::Duration;

use deckwatch_machine::dirs::Dirs;
use serde::{Deserialize, Serialize};

use super::{MARGIN, Reading, isolated};
use crate::host::git;
use crate::host::program::{self, Ended, first_line};
use crate::installation::Installation;

/// The longest version that is passed on, in characters.
const MAX_VERSION: usize = 200;
const SERVER: &str = "deckwatch-mcp";
/// Git reads one commit.
const COMMIT_LIMIT: Duration = Duration::from_secs(1);

/// A build of `deckwatch-mcp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The version.
    pub version: String,
    /// The commit that it was built from.
    pub commit: String,
    /// When that commit was made, in seconds since 1970. `None` if the machine has no checkout with the commit.
    pub committed_at: Option<i64>,
}

/// The version of tmux.
pub(super) async fn tmux(limit: Duration) -> Reading<String> {
    version("tmux".into(), "-V", limit)
        .await
        .and_then(|line| Reading::Value(line.strip_prefix("tmux ").unwrap_or(&line).to_owned()))
}

/// The version of an agent CLI.
pub(super) async fn agent(name: &str, limit: Duration) -> Reading<String> {
    let found = version(name.into(), "--version", limit).await;
    // The installer of Claude Code does not always add its folder to PATH.
    match (found, Dirs::from_env()) {
        (Reading::Missing, Ok(dirs)) if name == "claude" => {
            version(dirs.home.join(".claude/local/claude"), "--version", limit).await
        }
        (found, _) => found,
    }
}

/// The build of `deckwatch-mcp` that agents use: the first on `PATH`, otherwise the one beside this program.
pub(super) async fn mcp(limit: Duration) -> Reading<Build> {
    let limit = limit.saturating_sub(COMMIT_LIMIT + 2 * MARGIN);
    let mut line = version(SERVER.into(), "--version", limit).await;
    if line == Reading::Missing
        && let Some(folder) = std::env::current_exe().ok().as_deref().and_then(std::path::Path::parent)
    {
        line = version(folder.join(SERVER), "--version", limit).await;
    }
    let mut build = match line.and_then(|line| read_build(&line)) {
        Reading::Value(build) => build,
        other => return other,
    };
    build.committed_at = committed_at(&build.commit).await;
    Reading::Value(build)
}

/// The build in the output of `deckwatch-mcp --version`.
pub(crate) fn read_build(line: &str) -> Reading<Build> {
    let build = line.strip_prefix(SERVER).and_then(|rest| {
        let (version, commit) = rest.trim().split_once(' ')?;
        let commit = commit.strip_prefix('(')?.strip_suffix(')')?;
        Some(Build { version: version.to_owned(), commit: commit.to_owned(), committed_at: None })
    });
    build.map_or_else(|| Reading::Failed(format!("its version is not one of {SERVER}: {line}")), Reading::Value)
}

/// When a commit was made, in seconds since 1970, as the checkout of this machine knows it.
pub async fn committed_at(commit: &str) -> Option<i64> {
    let commit = commit.to_owned();
    let time = isolated(COMMIT_LIMIT, async move || match read_time(&commit).await {
        Some(time) => Reading::Value(time),
        None => Reading::Missing,
    });
    time.await.value().copied()
}

async fn read_time(commit: &str) -> Option<i64> {
    if commit.is_empty() || !commit.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let checkout = Installation::recorded(&Dirs::from_env().ok()?)?.checkout;
    let time = git::output(&checkout, &["log", "-1", "--format=%ct", commit, "--"], COMMIT_LIMIT).await.ok()?;
    time.trim().parse().ok()
}

/// The first line that a program prints about its version.
pub(crate) async fn version(program: PathBuf, option: &str, limit: Duration) -> Reading<String> {
    match program::run(program::command(program, &[option]), limit).await {
        Ended::NotFound => Reading::Missing,
        Ended::NotStarted(error) => Reading::Failed(format!("it can't be started: {error}")),
        Ended::TimedOut(limit) => Reading::timed_out(limit),
        Ended::Exited { success: true, stdout, .. } => match first_line(&stdout, MAX_VERSION) {
            Some(line) => Reading::Value(line),
            None => Reading::Failed("it prints no version".to_owned()),
        },
        Ended::Exited { stderr, .. } => {
            let why = first_line(&stderr, MAX_VERSION).unwrap_or_else(|| "it gives no reason".to_owned());
            Reading::Failed(format!("it fails: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_is_read_from_the_version() {
        let build = read_build("deckwatch-mcp 0.1.0 (abc123)");
        let expected = Build { version: "0.1.0".to_owned(), commit: "abc123".to_owned(), committed_at: None };
        assert_eq!(build, Reading::Value(expected));
        for other in ["deckwatch-mcp", "deckwatch-mcp 0.1.0", "sleep 9 (x)", ""] {
            assert!(matches!(read_build(other), Reading::Failed(_)), "{other}");
        }
    }
}
