//! Reads the branch and the number of uncommitted files of many repositories at once, with a time limit.

use crate::environment;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Long enough for a large repository on a slow disk. A network drive that hangs does not delay the list further.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The number of git processes that run at the same time.
const MAX_PROCESSES: usize = 8;
/// Variables that make git use another repository. For example, a git hook sets them.
const GIT_LOCATION_VARIABLES: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"];

/// The state of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GitState {
    /// `None` when HEAD is detached.
    pub(super) branch: Option<String>,
    /// The number of files that are changed, added, removed or untracked.
    pub(super) changes: usize,
}

/// The state of a repository. `None` if there is no repository; an error if git failed.
pub(super) type Answer = Option<Result<GitState, String>>;

/// Runs git for every path and returns the states in the same order. The time limit is for all together.
pub(super) async fn of_all<'a>(paths: impl Iterator<Item = Option<&'a Path>>) -> Vec<Answer> {
    let slots = Arc::new(Semaphore::new(MAX_PROCESSES));
    let mut asked = JoinSet::new();
    let mut answers: Vec<Answer> = Vec::new();
    for path in paths {
        let (number, slots) = (answers.len(), Arc::clone(&slots));
        answers.push(path.map(|_| Err(format!("git took longer than {} s", TIMEOUT.as_secs()))));
        if let Some(path) = path.map(PathBuf::from) {
            asked.spawn(async move {
                let _turn = slots.acquire().await;
                (number, of(&path).await)
            });
        }
    }
    let all = async {
        while let Some(answer) = asked.join_next().await {
            if let Ok((number, state)) = answer
                && let Some(place) = answers.get_mut(number)
            {
                *place = Some(state);
            }
        }
    };
    // A repository without an answer keeps its initial error. Dropping the set kills its git process.
    let _ = tokio::time::timeout(TIMEOUT, all).await;
    answers
}

async fn of(path: &Path) -> Result<GitState, String> {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "status", "--porcelain=v2", "--branch"]).current_dir(path);
    git.stdin(Stdio::null()).env("LC_ALL", "C").kill_on_drop(true);
    // Git may start a program that the repository configures, so the keys are removed.
    for name in GIT_LOCATION_VARIABLES.into_iter().chain(environment::WITHHELD_VARIABLES) {
        git.env_remove(name);
    }
    let output = git.output().await.map_err(|error| format!("git could not be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git: {}", said.lines().next().unwrap_or("no reason given").trim_start_matches("fatal: ")));
    }
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

fn read(status: &str) -> GitState {
    let (heads, changes): (Vec<&str>, Vec<&str>) = status.lines().partition(|line| line.starts_with("# "));
    let branch = heads.iter().find_map(|line| line.strip_prefix("# branch.head "));
    GitState { branch: branch.filter(|name| *name != "(detached)").map(str::to_owned), changes: changes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_and_changes_are_read() {
        let status =
            "# branch.oid 12ab\n# branch.head dev/mac1/fix\n1 .M N... 100644 100644 100644 1 2 a.rs\n? new.rs\n";
        assert_eq!(read(status), GitState { branch: Some("dev/mac1/fix".to_owned()), changes: 2 });
        assert_eq!(read("# branch.oid 12ab\n# branch.head (detached)\n"), GitState::default());
    }
}
