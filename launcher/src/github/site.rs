//! Where GitHub is: github.com, a host of GitHub Enterprise, or the address in the variables of GitHub Actions.

use url::{Host, Url};

use crate::github_error::GitHubError;
use crate::process_env::ProcessEnv;

const GITHUB: &str = "github.com";

/// The two addresses of a GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    /// The website, without a slash at its end.
    pub(super) web: String,
    /// The REST API, without a slash at its end.
    pub(super) api: String,
    /// The host name under which `gh` stores its token.
    pub(super) host: String,
    /// Whether `gh` uses the enterprise variables for the token of this host.
    pub(super) is_enterprise: bool,
}

impl Site {
    /// Uses the host of the command line; else `GITHUB_API_URL`, which GitHub Actions sets; else `GH_HOST`; else github.com.
    pub(super) fn find(host: Option<&str>, env: &ProcessEnv) -> Result<Self, GitHubError> {
        Self::of(host, |name| env.var(name))
    }

    fn of(host: Option<&str>, var: impl Fn(&str) -> Option<String>) -> Result<Self, GitHubError> {
        match (host, var("GITHUB_API_URL"), var("GH_HOST")) {
            (Some(host), _, _) => Self::of_host("--host", host),
            (None, Some(api), _) => Self::of_api(&api, var("GITHUB_SERVER_URL")),
            (None, None, Some(host)) => Self::of_host("GH_HOST", &host),
            (None, None, None) => Self::of_host("", GITHUB),
        }
    }

    fn of_host(source: &'static str, host: &str) -> Result<Self, GitHubError> {
        let host = host.trim().to_ascii_lowercase();
        let (api, is_enterprise) = match host.as_str() {
            GITHUB => ("https://api.github.com".to_owned(), false),
            host if host.ends_with(".ghe.com") => (format!("https://api.{host}"), false),
            host => (format!("https://{host}/api/v3"), true),
        };
        let web = format!("https://{host}");
        let parsed = checked(source, &web)?;
        if parsed.path() != "/" || parsed.host_str().is_none_or(|parsed| !host.starts_with(parsed)) {
            return Err(GitHubError::Address(format!("{source} is not the name of a host")));
        }
        Ok(Self { web, api, host, is_enterprise })
    }

    /// The website follows from the address of the API, unless the variable names it.
    fn of_api(api: &str, web: Option<String>) -> Result<Self, GitHubError> {
        let api = api.trim().trim_end_matches('/').to_owned();
        let url = checked("GITHUB_API_URL", &api)?;
        let host = url.host_str().unwrap_or(GITHUB).to_owned();
        let web_host = host.strip_prefix("api.").unwrap_or(&host);
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let derived = format!("{}://{web_host}{port}", url.scheme());
        let web = web.map_or(derived, |web| web.trim().trim_end_matches('/').to_owned());
        checked("GITHUB_SERVER_URL", &web)?;
        Ok(Self { web, api, host: web_host.to_owned(), is_enterprise: false })
    }
}

/// Accepts https, and http only for this machine, so that a token is never sent unencrypted.
fn checked(source: &'static str, text: &str) -> Result<Url, GitHubError> {
    let refused = |cause: &str| GitHubError::Address(format!("{source} {cause}"));
    let url = Url::parse(text).map_err(|error| refused(&format!("is not an address: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not contain a user or a password"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        _ => Err(refused("must begin with https://")),
    }
}

/// Whether the address is one of this machine.
pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Vars<'a> = &'a [(&'a str, &'a str)];

    fn found(host: Option<&str>, vars: Vars) -> Result<(String, String, String, bool), String> {
        let var = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let site = Site::of(host, var).map_err(|error| error.to_string())?;
        Ok((site.web, site.api, site.host, site.is_enterprise))
    }

    #[test]
    fn each_kind_of_host_gives_its_addresses() {
        let cases: [(Option<&str>, Vars, [&str; 3], bool); 7] = [
            (None, &[], ["https://github.com", "https://api.github.com", "github.com"], false),
            (
                Some("Git.Example.org"),
                &[("GH_HOST", "github.com")],
                ["https://git.example.org", "https://git.example.org/api/v3", "git.example.org"],
                true,
            ),
            (
                None,
                &[("GH_HOST", "team.ghe.com")],
                ["https://team.ghe.com", "https://api.team.ghe.com", "team.ghe.com"],
                false,
            ),
            (
                None,
                &[("GITHUB_API_URL", "https://api.github.com"), ("GITHUB_SERVER_URL", "https://github.com")],
                ["https://github.com", "https://api.github.com", "github.com"],
                false,
            ),
            (
                None,
                &[("GITHUB_API_URL", "https://x.org/api/v3/")],
                ["https://x.org", "https://x.org/api/v3", "x.org"],
                false,
            ),
            (
                None,
                &[("GITHUB_API_URL", "http://127.0.0.1:9")],
                ["http://127.0.0.1:9", "http://127.0.0.1:9", "127.0.0.1"],
                false,
            ),
            (
                Some("ghe.example:8443"),
                &[],
                ["https://ghe.example:8443", "https://ghe.example:8443/api/v3", "ghe.example:8443"],
                true,
            ),
        ];
        for (host, vars, [web, api, name], is_enterprise) in cases {
            let expected = (web.to_owned(), api.to_owned(), name.to_owned(), is_enterprise);
            assert_eq!(found(host, vars), Ok(expected), "{host:?} {vars:?}");
        }
    }

    #[test]
    fn an_address_to_which_a_token_must_not_be_sent_is_refused() {
        for (host, vars) in [
            (None, &[("GITHUB_API_URL", "http://api.github.com")][..]),
            (None, &[("GITHUB_API_URL", "https://ann:pw@x.org")]),
            (Some("user:pw@host"), &[]),
            (Some("a host"), &[]),
            (Some("host/path"), &[]),
            (Some("https://github.com"), &[]),
        ] {
            let error = found(host, vars).unwrap_err();
            assert!(!error.contains("pw"), "{error}");
        }
    }
}
