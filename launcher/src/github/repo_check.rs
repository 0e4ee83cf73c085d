//! What is said about one repository, whichever credential reads it.

use deckwatch_protocol::RepoName;
use serde::Deserialize;

use crate::check::Check;

/// A repository as GitHub describes it.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are those of GitHub")]
pub(super) struct Repository {
    pub(super) full_name: String,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) disabled: bool,
    #[serde(default)]
    fork: bool,
    #[serde(default = "yes")]
    has_issues: bool,
}

fn yes() -> bool {
    true
}

pub(super) fn name(repo: &RepoName) -> String {
    format!("repository {repo}")
}

impl Repository {
    /// Why labels can't be written, or would be missed, if so. `repo` is the name that the team uses.
    pub(super) fn problem(&self, repo: &RepoName) -> Option<Check> {
        let (detail, fix) = if !self.full_name.eq_ignore_ascii_case(repo.as_str()) {
            (
                format!("is called {} now: it was renamed or transferred", self.full_name),
                format!(
                    "change `repos` of its venture to {} and run `launcher ventures sync`; .deckwatch/docs.toml takes the old \
                     name in former_repos",
                    self.full_name
                ),
            )
        } else if self.archived || self.disabled {
            (
                "is archived or disabled, so GitHub accepts no labels".to_owned(),
                "remove it from `repos` of its venture, or unarchive it".to_owned(),
            )
        } else if !self.has_issues {
            let of = if self.fork { ", as in every new fork" } else { "" };
            (
                format!("has no issues{of}; only its pull requests are labelled"),
                "enable issues in the settings of the repository, if the team uses them".to_owned(),
            )
        } else {
            return None;
        };
        Some(Check::warn(name(repo), detail, fix))
    }

    /// Whether issues can be created.
    pub(super) fn takes_issues(&self) -> bool {
        self.has_issues
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.archived || self.disabled
    }
}
