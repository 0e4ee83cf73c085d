//! Where GitHub is: github.com, an enterprise's own, or what a variable says.

use url::{Host, Url};

use super::trouble::GitHubTrouble;

/// Where GitHub takes questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The endpoint of GraphQL.
    pub(super) graphql: String,
    /// The host by which `gh` keeps its tokens.
    pub(super) host: String,
    /// Whether the host has variables of its own for tokens, as `gh` has it.
    pub(super) is_enterprise: bool,
}

const GITHUB: &str = "github.com";

impl Address {
    /// `GITHUB_API_URL`, as GitHub Actions sets it; else the host that `GH_HOST` names; else github.com.
    pub(super) fn find(var: impl Fn(&str) -> Option<String>) -> Result<Self, GitHubTrouble> {
        if let Some(url) = var("GITHUB_API_URL") {
            return Self::of_api(&url);
        }
        let host = var("GH_HOST").map_or(GITHUB.to_owned(), |host| host.trim().to_ascii_lowercase());
        let (url, is_enterprise) = match host.as_str() {
            GITHUB => ("https://api.github.com/graphql".to_owned(), false),
            host if host.ends_with(".ghe.com") => (format!("https://api.{host}/graphql"), false),
            host => (format!("https://{host}/api/graphql"), true),
        };
        Ok(Self { graphql: checked("GH_HOST", &url)?.to_string(), host, is_enterprise })
    }

    /// The REST address of an enterprise ends with `/v3`, that of GraphQL does not.
    fn of_api(rest: &str) -> Result<Self, GitHubTrouble> {
        let mut url = checked("GITHUB_API_URL", rest.trim())?;
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3").unwrap_or(path);
        url.set_path(&format!("{path}/graphql"));
        let host = url.host_str().unwrap_or(GITHUB);
        let host = host.strip_prefix("api.").unwrap_or(host).to_owned();
        Ok(Self { graphql: url.to_string(), host, is_enterprise: false })
    }
}

/// A token never travels in clear: https, or a port of this machine.
fn checked(variable: &'static str, text: &str) -> Result<Url, GitHubTrouble> {
    let refused = |cause: &str| GitHubTrouble::Address { cause: format!("{variable} {cause}") };
    let url = Url::parse(text).map_err(|error| refused(&format!("is no web address: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err(refused("must not hold a user or password")),
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(refused("must begin with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str, value: &str) -> Result<Address, GitHubTrouble> {
        Address::find(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn every_kind_of_github_has_its_endpoint() {
        let cases = [
            ("NOTHING", "", "https://api.github.com/graphql", "github.com", false),
            ("GH_HOST", "github.com", "https://api.github.com/graphql", "github.com", false),
            ("GH_HOST", "Git.Example.org", "https://git.example.org/api/graphql", "git.example.org", true),
            ("GH_HOST", "team.ghe.com", "https://api.team.ghe.com/graphql", "team.ghe.com", false),
            ("GITHUB_API_URL", "https://api.github.com", "https://api.github.com/graphql", "github.com", false),
            ("GITHUB_API_URL", "https://x.org/api/v3/", "https://x.org/api/graphql", "x.org", false),
            ("GITHUB_API_URL", "http://127.0.0.1:9", "http://127.0.0.1:9/graphql", "127.0.0.1", false),
        ];
        for (name, value, graphql, host, is_enterprise) in cases {
            let expected = Address { graphql: graphql.to_owned(), host: host.to_owned(), is_enterprise };
            assert_eq!(find(name, value).unwrap(), expected, "{name}={value}");
        }
    }

    #[test]
    fn a_token_never_travels_in_clear() {
        for (name, value) in [
            ("GITHUB_API_URL", "http://api.github.com"),
            ("GITHUB_API_URL", "api.github.com"),
            ("GITHUB_API_URL", "https://ann:pw@x.org"),
            ("GH_HOST", "user:pw@host"),
            ("GH_HOST", "a host"),
        ] {
            let trouble = find(name, value).unwrap_err().to_string();
            assert!(trouble.contains(name) && !trouble.contains("pw"), "{trouble}");
        }
    }
}
