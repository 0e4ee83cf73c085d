//! One venture as a file describes it.

use deckwatch_protocol::{Capability, GithubOrg, PutVenture, RepoName, SecretName, Venture, VentureCode, VentureName};
use serde::{Deserialize, Serialize};

/// A product the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = with_org))]
pub struct VentureEntry {
    /// What it is called on the command line.
    pub code: VentureCode,
    /// What people call it.
    pub name: VentureName,
    /// The GitHub organisation or user that owns it. `org` is another name of this field.
    #[serde(default, alias = "org")]
    pub github_org: Option<GithubOrg>,
    /// Its repositories as `owner/name`, the main one first. Without any, the repository is one of `github_org`.
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
    /// The secrets that must be there, by name: a start without one of them says so.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub secrets: Vec<SecretName>,
}

/// Lets editors accept the field's other name too.
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

    /// Most names in `secrets`.
    pub const MAX_SECRETS: usize = 200;

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
            secrets: Vec::new(),
        })
    }

    /// The venture of a repository among those that are `known`; where none owns it, a new one named after
    /// it, under a code that none of them has: two repositories of one name are two ventures.
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

    /// Whether a repository belongs to this venture. Hosts ignore case in names, so this does too.
    pub fn owns(&self, repo: &RepoName) -> bool {
        self.repos.iter().any(|own| own.as_str().eq_ignore_ascii_case(repo.as_str()))
    }

    /// The name of a repository as this venture writes it; of one that is not its own, as it is given. Records are
    /// kept under that one name, whatever a clone's remote says.
    pub fn spelling_of(&self, repo: &RepoName) -> RepoName {
        spelled_by(&self.repos, repo)
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
            .or_else(|| over("secrets", self.secrets.len(), Self::MAX_SECRETS))
    }
}

/// The name among `known` that means the same repository to a host, which ignores case; else the name itself.
pub fn spelled_by<'a>(known: impl IntoIterator<Item = &'a RepoName>, repo: &RepoName) -> RepoName {
    known.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(repo.as_str())).unwrap_or(repo).clone()
}

/// A repository's name as a venture's code: lower case, cut, other characters as `-`.
fn code_from(name: &str) -> Option<VentureCode> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let safe: String = name.chars().map(safe).collect();
    let cut: String = safe.trim_start_matches(['-', '_']).chars().take(VentureCode::MAX_CHARS).collect();
    let code = cut.trim_end_matches('-');
    // The one word that no venture may have still names a repository.
    code.parse().ok().or_else(|| format!("{code}-repo").parse().ok())
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
    fn a_repository_is_called_as_its_venture_writes_it() {
        let venture = VentureEntry::of_repo(&"Example-Org/Alpha.js".parse().unwrap()).unwrap();
        let cases = [("example-org/alpha.JS", "Example-Org/Alpha.js"), ("Example-Org/Beta", "Example-Org/Beta")];
        for (given, spelled) in cases {
            assert_eq!(venture.spelling_of(&given.parse().unwrap()).as_str(), spelled);
        }
    }

    #[test]
    fn repositories_of_one_name_get_ventures_of_their_own() {
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
    fn a_repository_without_a_usable_name_makes_none() {
        assert_eq!(VentureEntry::of_repo(&"local/---".parse().unwrap()), None);
    }
}
