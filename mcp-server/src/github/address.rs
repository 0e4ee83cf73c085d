//! The address of GitHub: github.com, an enterprise host, or the address in a variable.

use url::{Host, Url};

use super::trouble::GitHubTrouble;

/// The address of GitHub's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The GraphQL endpoint.
    pub(super) graphql: String,
    /// The REST API, without a slash at the end.
    pub(super) rest: String,
    /// The host name under which `gh` stores its token.
    pub(super) host: String,
    /// Whether `gh` uses the enterprise variables for this host's token.
    pub(super) is_enterprise: bool,
    /// Whether only the repository's remote names this host.
    pub(super) of_remote: bool,
}

const GITHUB: &str = "github.com";

impl Address {
    /// Uses `GITHUB_API_URL`, which GitHub Actions sets; else the host in `GH_HOST`; else the host of the repository's
    /// remote; else github.com.
    pub(super) fn find(var: impl Fn(&str) -> Option<String>, remote: Option<&str>) -> Result<Self, GitHubTrouble> {
        if let Some(url) = var("GITHUB_API_URL") {
            return Self::of_api(&url);
        }
        match (var("GH_HOST"), remote.and_then(host_of_remote)) {
            (Some(host), _) => Self::of_host("GH_HOST", &host.trim().to_ascii_lowercase()),
            (None, Some(host)) => Ok(Self { of_remote: true, ..Self::of_host("the host of the remote", &host)? }),
            (None, None) => Self::of_host("GH_HOST", GITHUB),
        }
    }

    fn of_host(source: &'static str, host: &str) -> Result<Self, GitHubTrouble> {
        let (rest, graphql, is_enterprise) = match host {
            GITHUB => ("https://api.github.com".to_owned(), "/graphql", false),
            host if host.ends_with(".ghe.com") => (format!("https://api.{host}"), "/graphql", false),
            host => (format!("https://{host}/api"), "/graphql", true),
        };
        let graphql = checked(source, &format!("{rest}{graphql}"))?.to_string();
        let rest = if is_enterprise { format!("{rest}/v3") } else { rest };
        Ok(Self { graphql, rest, host: host.to_owned(), is_enterprise, of_remote: false })
    }

    /// Turns a REST address into the GraphQL address. An enterprise's REST address ends with `/v3`.
    fn of_api(rest: &str) -> Result<Self, GitHubTrouble> {
        let mut url = checked("GITHUB_API_URL", rest.trim())?;
        let rest = url.as_str().trim_end_matches('/').to_owned();
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3").unwrap_or(path);
        url.set_path(&format!("{path}/graphql"));
        let host = url.host_str().unwrap_or(GITHUB);
        let host = host.strip_prefix("api.").unwrap_or(host).to_owned();
        Ok(Self { graphql: url.to_string(), rest, host, is_enterprise: false, of_remote: false })
    }
}

/// The host of a remote, if it is not github.com. `None` for an alias of a host in the configuration of SSH: it has no
/// dot, or begins like github.com.
fn host_of_remote(remote: &str) -> Option<String> {
    let rest = remote.split_once("://").map_or(remote, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_path = !remote.contains("://") && !authority.contains(':');
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let host = host.strip_prefix("ssh.").map_or(host.clone(), str::to_owned);
    (!is_path && host.contains('.') && !host.starts_with(GITHUB)).then_some(host)
}

/// Accepts https, and http only for this machine, so that a token is never sent unencrypted.
fn checked(variable: &'static str, text: &str) -> Result<Url, GitHubTrouble> {
    let refused = |cause: &str| GitHubTrouble::Address { cause: format!("{variable} {cause}") };
    let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
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
        Address::find(|asked| (asked == name).then(|| value.to_owned()), None)
    }

    #[test]
    fn each_kind_of_host_gives_its_endpoint() {
        let (public, team) = ("https://api.github.com", "https://api.team.ghe.com");
        let cases = [
            ("NOTHING", "", public, "https://api.github.com/graphql", "github.com", false),
            ("GH_HOST", "github.com", public, "https://api.github.com/graphql", "github.com", false),
            (
                "GH_HOST",
                "Git.Example.org",
                "https://git.example.org/api/v3",
                "https://git.example.org/api/graphql",
                "git.example.org",
                true,
            ),
            ("GH_HOST", "team.ghe.com", team, "https://api.team.ghe.com/graphql", "team.ghe.com", false),
            ("GITHUB_API_URL", public, public, "https://api.github.com/graphql", "github.com", false),
            (
                "GITHUB_API_URL",
                "https://x.org/api/v3/",
                "https://x.org/api/v3",
                "https://x.org/api/graphql",
                "x.org",
                false,
            ),
            (
                "GITHUB_API_URL",
                "http://127.0.0.1:9",
                "http://127.0.0.1:9",
                "http://127.0.0.1:9/graphql",
                "127.0.0.1",
                false,
            ),
        ];
        for (name, value, rest, graphql, host, is_enterprise) in cases {
            let (graphql, rest, host) = (graphql.to_owned(), rest.to_owned(), host.to_owned());
            let expected = Address { graphql, rest, host, is_enterprise, of_remote: false };
            assert_eq!(find(name, value).unwrap(), expected, "{name}={value}");
        }
    }

    #[test]
    fn without_variables_the_host_of_the_remote_decides() {
        for (remote, host) in [
            ("https://git.example.org/team/alpha.git", "git.example.org"),
            ("git@git.example.org:team/alpha.git", "git.example.org"),
            ("ssh://git@ssh.Git.example.org:443/team/alpha.git", "git.example.org"),
            ("https://github.com/example-org/alpha.git", "github.com"),
            ("ssh://git@ssh.github.com:443/example-org/alpha.git", "github.com"),
            ("git@github-work:example-org/alpha.git", "github.com"),
            ("git@github.com-work:example-org/alpha.git", "github.com"),
            ("/srv/git.example.org/alpha.git", "github.com"),
            ("../alpha.git", "github.com"),
        ] {
            let found = Address::find(|_| None, Some(remote)).unwrap();
            assert_eq!((found.host.as_str(), found.of_remote), (host, host != "github.com"), "{remote}");
        }
        let named = Address::find(|name| (name == "GH_HOST").then(|| "github.com".to_owned()), Some("git@a.b:c/d.git"));
        assert_eq!(named.unwrap().host, "github.com");
    }

    #[test]
    fn an_address_without_encryption_is_refused() {
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
