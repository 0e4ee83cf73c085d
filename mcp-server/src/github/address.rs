//! The address of GitHub: github.com, an enterprise host, or the address in a variable.

use url::{Host, Url};

use super::trouble::GitHubTrouble;

/// The address of GitHub's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The GraphQL endpoint.
    pub(super) graphql: String,
    /// The host name under which `gh` stores its token.
    pub(super) host: String,
    /// Whether `gh` uses the enterprise variables for this host's token.
    pub(super) is_enterprise: bool,
}

const GITHUB: &str = "github.com";

impl Address {
    /// Uses `GITHUB_API_URL`, which GitHub Actions sets; else the host in `GH_HOST`; else github.com.
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

    /// Turns a REST address into the GraphQL address. An enterprise's REST address ends with `/v3`.
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
        Address::find(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn each_kind_of_host_gives_its_endpoint() {
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
