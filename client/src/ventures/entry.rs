//! One venture as a file describes it.

use deckwatch_protocol::{Capability, GithubOrg, PutVenture, RepoName, Venture, VentureCode, VentureName};
use serde::Deserialize;

/// A product the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VentureEntry {
    /// What it is called on the command line.
    pub code: VentureCode,
    /// What people call it.
    pub name: VentureName,
    /// The GitHub organisation or user that owns it.
    #[serde(default)]
    pub github_org: Option<GithubOrg>,
    /// Its repositories as `owner/name`, the main one first.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 100)))]
    pub repos: Vec<RepoName>,
    /// What it has, such as `has_api` or `has_database`: decides which documents must exist.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 20)))]
    pub capabilities: Vec<Capability>,
    /// The folder of its secrets in Infisical, such as `/alpha`.
    #[serde(default)]
    pub infisical_path: Option<String>,
}

impl VentureEntry {
    /// The venture of a repository that no file and no API knows: named after the repository.
    pub fn of_repo(repo: &RepoName) -> Option<Self> {
        let (owner, name) = repo.as_str().rsplit_once('/')?;
        Some(Self {
            code: code_from(name)?,
            name: name.parse().ok()?,
            github_org: owner.parse().ok().filter(|_| owner != "local"),
            repos: vec![repo.clone()],
            capabilities: Vec::new(),
            infisical_path: None,
        })
    }

    /// Whether a repository belongs to this venture. Hosts ignore case in names, so this does too.
    pub fn owns(&self, repo: &RepoName) -> bool {
        self.repos.iter().any(|own| own.as_str().eq_ignore_ascii_case(repo.as_str()))
    }

    /// The request that registers it at the API.
    pub fn registration(&self) -> PutVenture {
        PutVenture {
            name: self.name.clone(),
            github_org: self.github_org.clone(),
            repos: self.repos.clone(),
            capabilities: self.capabilities.clone(),
        }
    }

    pub(super) fn over_limit(&self) -> Option<String> {
        let over = |field: &str, count: usize, max: usize| {
            (count > max).then(|| format!("venture {} has {count} {field}, {max} are allowed", self.code))
        };
        over("repos", self.repos.len(), Venture::MAX_REPOS)
            .or_else(|| over("capabilities", self.capabilities.len(), Venture::MAX_CAPABILITIES))
    }
}

/// A repository's name as a venture's code: lower case, cut, other characters as `-`.
fn code_from(name: &str) -> Option<VentureCode> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let safe: String = name.chars().map(safe).collect();
    let cut: String = safe.trim_start_matches(['-', '_']).chars().take(VentureCode::MAX_CHARS).collect();
    cut.trim_end_matches('-').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_makes_a_venture_of_its_own() {
        let cases = [
            ("example-org/alpha-console", "alpha-console", Some("example-org")),
            ("Example/Alpha.JS", "alpha-js", Some("Example")),
            ("local/.dotfiles", "dotfiles", None),
        ];
        for (repo, code, org) in cases {
            let venture = VentureEntry::of_repo(&repo.parse().unwrap()).unwrap();
            assert_eq!(venture.code.as_str(), code);
            assert_eq!(venture.github_org.as_ref().map(GithubOrg::as_str), org);
            assert!(venture.owns(&repo.parse().unwrap()));
        }
    }

    #[test]
    fn a_repository_without_a_usable_name_makes_none() {
        assert_eq!(VentureEntry::of_repo(&"local/---".parse().unwrap()), None);
    }
}
