//! The state of a git repository, as far as git knows it without the network.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::program::{self, Ended, first_line};

/// The longest message of git that is passed on, in characters.
const MAX_MESSAGE: usize = 300;
/// Files and folders that git keeps while a command is unfinished.
const UNFINISHED: [(&str, &str); 6] = [
    ("index.lock", "a git command"),
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
];

/// The state of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitState {
    /// The branch. `None` if HEAD is detached.
    pub branch: Option<String>,
    /// The commit. `None` before the first one.
    pub commit: Option<String>,
    /// The branch that it follows.
    pub upstream: Option<String>,
    /// How many commits the upstream lacks, and how many of the upstream are missing. `None` if git does not know.
    pub ahead_behind: Option<(u64, u64)>,
    /// The number of files with changes that are not committed.
    pub changed: u64,
    /// The number of files and folders that git does not track.
    pub untracked: u64,
    /// What is unfinished, such as a merge.
    pub unfinished: Option<String>,
}

/// Why git did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GitFailure {
    TimedOut(Duration),
    Failed(String),
}

/// A git command in a folder.
pub(super) fn git(folder: &Path, args: &[&str]) -> Command {
    let mut command = program::command("git", args);
    command.current_dir(folder);
    command
}

/// The output of a git command.
pub(super) async fn output(folder: &Path, args: &[&str], limit: Duration) -> Result<String, GitFailure> {
    if !folder.is_dir() {
        return Err(GitFailure::Failed(format!("there is no folder {}", folder.display())));
    }
    match program::run(git(folder, args), limit).await {
        Ended::Exited { success: true, stdout, .. } => Ok(stdout),
        Ended::Exited { stderr, .. } => {
            let message = first_line(&stderr, MAX_MESSAGE).unwrap_or_else(|| "git gave no reason".to_owned());
            Err(GitFailure::Failed(message))
        }
        Ended::NotFound => Err(GitFailure::Failed("git is not installed".to_owned())),
        Ended::NotStarted(error) => Err(GitFailure::Failed(format!("git can't be started: {error}"))),
        Ended::TimedOut(limit) => Err(GitFailure::TimedOut(limit)),
    }
}

/// Reads the state of the repository at `folder`. Nothing is written.
pub(super) async fn state(folder: &Path, limit: Duration) -> Result<GitState, GitFailure> {
    const STATUS: [&str; 6] =
        ["--no-optional-locks", "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"];
    let started = Instant::now();
    let mut state = parsed(&output(folder, &STATUS, limit).await?);
    let left = limit.saturating_sub(started.elapsed());
    let git_folder = output(folder, &["rev-parse", "--absolute-git-dir"], left).await?;
    let git_folder = PathBuf::from(git_folder.trim_end_matches('\n'));
    let unfinished = UNFINISHED.into_iter().find(|(file, _)| git_folder.join(file).exists());
    state.unfinished = unfinished.map(|(_, what)| what.to_owned());
    Ok(state)
}

/// Reads the output of `git status --porcelain=v2 --branch -z`.
fn parsed(status: &str) -> GitState {
    let mut state = GitState::default();
    let mut entries = status.split('\0');
    while let Some(entry) = entries.next() {
        match entry.split_once(' ') {
            Some(("#", header)) => read_header(header, &mut state),
            Some(("?", _)) => state.untracked += 1,
            Some(("1" | "u", _)) => state.changed += 1,
            Some(("2", _)) => {
                state.changed += 1;
                // The next entry is the old name of a file that was renamed.
                entries.next();
            }
            _ => {}
        }
    }
    state
}

fn read_header(header: &str, state: &mut GitState) {
    let Some((name, value)) = header.split_once(' ') else { return };
    match name {
        "branch.oid" => state.commit = Some(value.to_owned()).filter(|value| value != "(initial)"),
        "branch.head" => state.branch = Some(value.to_owned()).filter(|value| value != "(detached)"),
        "branch.upstream" => state.upstream = Some(value.to_owned()),
        "branch.ab" => {
            let numbers = value.split_once(' ').and_then(|(ahead, behind)| {
                Some((ahead.strip_prefix('+')?.parse().ok()?, behind.strip_prefix('-')?.parse().ok()?))
            });
            state.ahead_behind = numbers;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_git_is_read() {
        let status = "# branch.oid 1234\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +1 -12\0\
                      1 .M N... 100644 100644 100644 a b src/a\nb.rs\0\
                      2 R. N... 100644 100644 100644 a b R100 new name\0? old name\0u UU N... x\0? notes.txt\0";
        let state = parsed(status);
        assert_eq!((state.branch.as_deref(), state.commit.as_deref()), (Some("main"), Some("1234")));
        assert_eq!((state.upstream.as_deref(), state.ahead_behind), (Some("origin/main"), Some((1, 12))));
        assert_eq!((state.changed, state.untracked), (3, 1));
        let detached = parsed("# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!(detached, GitState::default());
        assert_eq!(parsed("nonsense"), GitState::default());
    }

    #[tokio::test]
    async fn a_missing_folder_and_a_folder_outside_git_are_failures() {
        let limit = Duration::from_secs(10);
        let folder = tempfile::tempdir().unwrap();
        let missing = state(&folder.path().join("none"), limit).await.unwrap_err();
        assert!(matches!(missing, GitFailure::Failed(message) if message.starts_with("there is no folder")));
        let outside = state(folder.path(), limit).await.unwrap_err();
        assert!(matches!(outside, GitFailure::Failed(message) if message.contains("not a git repository")));
    }
}
