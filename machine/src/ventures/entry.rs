//! One venture in a ventures file.

use deckwatch_protocol::{
    Capability, GithubOrg, PutVenture, RepoName, SecretName, Venture, VentureCode, VentureName, cut,
};
use serde::{Deserialize, Serialize};

/// A product that the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = with_org))]
pub struct VentureEntry {
    /// The name of the venture on the command line.
    pub code: VentureCode,
    /// The display name.
    pub name: VentureName,
    /// The GitHub organisation or user that owns it. `org` is another name of this field.
    #[serde(default, alias = "org")]
    pub github_org: Option<GithubOrg>,
    /// The repositories as `owner/name`, the main one first. If empty, a repository of `github_org` is used.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 100)))]
    pub repos: Vec<RepoName>,
    /// The capabilities, such as `has_api` or `has_database`. They decide which documents are required.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 20)))]
    pub capabilities: Vec<Capability>,
    /// The folder of the venture's secrets in Infisical, such as `/alpha`.
    #[serde(default)]
    pub infisical_path: Option<String>,
    /// The names of the required secrets. The launcher reports a missing one at the start.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub secrets: Vec<SecretName>,
}

/// Adds the alias `org` to the schema, so that editors accept it.
#[cfg(test)]
fn with_org(schema: &mut schemars::Schema) {
    let properties = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut);
    if let Some(properties) = properties
        && let Some(org) = properties.get("github_org").cloned()
    {
        properties.insert("org".to_owned(), org);
    }
}

impl VentureEntry {
    /// The fields that an entry may have.
    pub const FIELDS: [&str; 8] =
        ["code", "name", "github_org", "org", "repos", "capabilities", "infisical_path", "secrets"];

    /// The maximum number of names in `secrets`.
    pub const MAX_SECRETS: usize = 200;

    /// A venture named after a repository, for a repository without a venture.
    pub fn of_repo(repo: &RepoName) -> Option<Self> {
        let (owner, name) = repo.as_str().rsplit_once('/')?;
        Some(Self {
            code: code_from(name)?,
            name: name.parse().ok()?,
            github_org: owner.parse().ok().filter(|_| owner != "local"),
            repos: vec![repo.clone()],
            capabilities: Vec::new(),
            infisical_path: None,
            secrets: Vec::new(),
        })
    }

    /// The venture among `known` that owns the repository. If there is none, a new venture named after the repository,
    /// with a code that no known venture has.
    pub fn of_repo_among(repo: &RepoName, known: &[Self]) -> Option<Self> {
        if let Some(owner) = known.iter().find(|venture| venture.owns(repo)) {
            return Some(owner.clone());
        }
        let named = Self::of_repo(repo)?;
        let is_free = |code: &VentureCode| known.iter().all(|venture| venture.code != *code);
        let owner = named.github_org.as_ref().map_or("local", GithubOrg::as_str);
        let with_owner = code_from(&format!("{}-{owner}", named.code));
        let numbered = (2..100).filter_map(|number| format!("{}-{number}", named.code).parse().ok());
        let code = std::iter::once(named.code.clone()).chain(with_owner).chain(numbered).find(is_free)?;
        Some(Self { code, ..named })
    }

    /// Whether a repository belongs to this venture. Case is ignored, as git hosts do.
    pub fn owns(&self, repo: &RepoName) -> bool {
        self.repos.iter().any(|own| own.as_str().eq_ignore_ascii_case(repo.as_str()))
    }

    /// The venture's spelling of a repository's name. A name that is not in the venture is returned unchanged. Records
    /// use this spelling, independent of the remote of a clone.
    pub fn spelling_of(&self, repo: &RepoName) -> RepoName {
        spelled_by(&self.repos, repo)
    }

    /// The request that registers the venture at the API.
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
            .or_else(|| over("secrets", self.secrets.len(), Self::MAX_SECRETS))
    }
}

/// The name among `known` that equals `repo` without regard to case, or else `repo` itself.
pub fn spelled_by<'a>(known: impl IntoIterator<Item = &'a RepoName>, repo: &RepoName) -> RepoName {
    known.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(repo.as_str())).unwrap_or(repo).clone()
}

/// Makes a venture's code from a repository's name: lower case, shortened, with `-` for other characters.
fn code_from(name: &str) -> Option<VentureCode> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let safe: String = name.chars().map(safe).collect();
    let code = cut::to_chars(safe.trim_start_matches(['-', '_']), VentureCode::MAX_CHARS).trim_end_matches('-');
    // A reserved code gets a suffix, because a repository can have that name.
    code.parse().ok().or_else(|| format!("{code}-repo").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_gives_its_own_venture() {
        let cases = [
            ("example-org/alpha-console", "alpha-console", Some("example-org")),
            ("Example/Alpha.JS", "alpha-js", Some("Example")),
            ("local/.dotfiles", "dotfiles", None),
            ("example-org/global", "global-repo", Some("example-org")),
        ];
        for (repo, code, org) in cases {
            let venture = VentureEntry::of_repo(&repo.parse().unwrap()).unwrap();
            assert_eq!(venture.code.as_str(), code);
            assert_eq!(venture.github_org.as_ref().map(GithubOrg::as_str), org);
            assert!(venture.owns(&repo.parse().unwrap()));
        }
    }

    #[test]
    fn a_repository_gets_its_ventures_spelling() {
        let venture = VentureEntry::of_repo(&"Example-Org/Alpha.js".parse().unwrap()).unwrap();
        let cases = [("example-org/alpha.JS", "Example-Org/Alpha.js"), ("Example-Org/Beta", "Example-Org/Beta")];
        for (given, spelled) in cases {
            assert_eq!(venture.spelling_of(&given.parse().unwrap()).as_str(), spelled);
        }
    }

    #[test]
    fn repositories_with_the_same_name_get_separate_ventures() {
        let mut known = Vec::new();
        for (repo, code) in [
            ("example-org/app", "app"),
            ("other.org/app", "app-other-org"),
            ("group/sub/app", "app-local"),
            ("group/other/app", "app-2"),
            ("Example-Org/App", "app"),
        ] {
            let repo = repo.parse().unwrap();
            let venture = VentureEntry::of_repo_among(&repo, &known).unwrap();
            assert_eq!(venture.code.as_str(), code, "{repo}");
            known.push(venture);
        }
    }

    #[test]
    fn a_repository_without_a_usable_name_gives_no_venture() {
        assert_eq!(VentureEntry::of_repo(&"local/---".parse().unwrap()), None);
    }
}
