//! What a reader should know about a repository, besides its issues.

use std::fmt;

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{RepoName, Timestamp};

use super::trouble::GitHubTrouble;

/// A remark about one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It was renamed or transferred; with its new name.
    Renamed { repo: RepoName, now: String },
    /// It is archived.
    Archived { repo: RepoName },
    /// It is a fork, with or without issues of its own.
    Fork { repo: RepoName, has_issues: bool },
    /// GitHub did not answer, so these are the items of an earlier answer.
    Earlier { repo: RepoName, read_at: Timestamp, now: Timestamp, why: GitHubTrouble },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { repo, now } => {
                write!(f, "{repo} is called {now} on GitHub now: correct the git remote and the venture's repos.")
            }
            Self::Archived { repo } => write!(f, "{repo} is archived: its issues can be read but not changed."),
            Self::Fork { repo, has_issues: true } => {
                write!(f, "{repo} is a fork: issues of the repository that it was forked from are not included.")
            }
            Self::Fork { repo, has_issues: false } => write!(
                f,
                "{repo} is a fork without issues: add the repository that it was forked from to the venture's repos."
            ),
            Self::Earlier { repo, read_at, now, why } => {
                write!(f, "Items of {repo} are from {}, and may have changed: {why}.", ago(*read_at, *now))
            }
        }
    }
}
