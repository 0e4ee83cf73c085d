//! Releases in GitHub's API: which one is the newest, and the files of one.
//!
//! A token goes only to the host that it is for: GitHub redirects downloads to other hosts.

use std::time::Duration;

use bytes::Bytes;
use deckwatch_client::http::{Http, HttpLimits, RequestFailure, retry_after};
use deckwatch_machine::variables::{RELEASES_TOKEN, RELEASES_URL};
use http::{Method, Request, Response, StatusCode, header};
use semver::Version;
use serde::Deserialize;
use url::{Host, Url};

use crate::process_env::ProcessEnv;
use crate::update_error::UpdateError;

const DEFAULT_URL: &str = "https://api.github.com/repos/deckwatch/deckwatch";
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(10),
    whole: Duration::from_secs(30),
    // An archive has about 20 MiB.
    answer_bytes: 256 * 1024 * 1024,
};
/// How long the download of an archive may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_mins(15);
const MAX_REDIRECTS: usize = 5;

/// The repository with the releases, at github.com or at an enterprise's GitHub.
pub(super) struct Repository {
    url: Url,
    token: Option<String>,
    http: Http,
}

/// A release.
pub(super) struct Release {
    pub(super) version: Version,
    pub(super) tag: String,
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Answer {
    tag_name: String,
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    /// The address in the API. It also works for a private repository.
    url: String,
}

impl Repository {
    pub(super) fn of(env: &ProcessEnv) -> Result<Self, UpdateError> {
        let text = env.var(RELEASES_URL).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let url = Url::parse(text.trim_end_matches('/')).map_err(|error| error.to_string());
        let url = url.and_then(|url| secure(&url).map(|()| url));
        let url = url.map_err(|cause| UpdateError::Address { variable: RELEASES_URL, cause })?;
        Ok(Self { url, token: env.var(RELEASES_TOKEN), http: Http::without_proxy_for_http(LIMITS) })
    }

    /// The repository as `owner/name`.
    pub(super) fn name(&self) -> String {
        let parts: Vec<&str> = self.url.path_segments().into_iter().flatten().collect();
        parts.iter().rev().take(2).rev().copied().collect::<Vec<_>>().join("/")
    }

    /// The release of this version, or the newest.
    pub(super) async fn release(&self, version: Option<&Version>) -> Result<Release, UpdateError> {
        let (path, what) = match version {
            Some(version) => (format!("releases/tags/v{version}"), format!("release {version}")),
            None => ("releases/latest".to_owned(), "release".to_owned()),
        };
        let address = format!("{}/{path}", self.url);
        let url = Url::parse(&address).map_err(|error| bad(&address, &error))?;
        let answer = self.get(&url, "application/vnd.github+json", &what, LIMITS.whole).await?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|error| bad(&address, &error))?;
        let version = Version::parse(answer.tag_name.trim_start_matches('v'));
        let version = version.map_err(|error| bad(&address, &format!("its tag is no version: {error}")))?;
        Ok(Release { version, tag: answer.tag_name, assets: answer.assets })
    }

    /// A file of a release.
    pub(super) async fn download(&self, release: &Release, name: &str) -> Result<Bytes, UpdateError> {
        let asset = release.assets.iter().find(|asset| asset.name == name);
        let asset = asset.ok_or_else(|| UpdateError::NoAsset { tag: release.tag.clone(), name: name.to_owned() })?;
        let url = Url::parse(&asset.url).map_err(|error| bad(&asset.url, &error))?;
        secure(&url).map_err(|cause| bad(&asset.url, &cause))?;
        self.get(&url, "application/octet-stream", name, DOWNLOAD_TIMEOUT).await
    }

    async fn get(&self, url: &Url, accept: &str, what: &str, whole: Duration) -> Result<Bytes, UpdateError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url, accept, whole).await?;
            let address = url.to_string();
            match response.status() {
                StatusCode::OK => return Ok(response.into_body()),
                status if status.is_redirection() => {
                    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                    let to = to.ok_or_else(|| bad(&address, &"it redirects to nowhere"))?;
                    url = url.join(to).map_err(|error| bad(&address, &error))?;
                    secure(&url).map_err(|cause| bad(&address, &format!("it redirects to {url}, which {cause}")))?;
                }
                StatusCode::NOT_FOUND => return Err(UpdateError::NotFound { what: what.to_owned(), address }),
                status => return Err(refusal(&url, status, &response)),
            }
        }
        Err(bad(url.as_str(), &"it redirects too often"))
    }

    async fn send(&self, url: &Url, accept: &str, whole: Duration) -> Result<Response<Bytes>, UpdateError> {
        let mut request = Request::builder().method(Method::GET).uri(url.as_str()).header(header::ACCEPT, accept);
        if let Some(token) = self.token.as_ref().filter(|_| url.origin() == self.url.origin()) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Bytes::new()).map_err(|_| UpdateError::Address {
            variable: RELEASES_TOKEN,
            cause: "it has characters that no token has".to_owned(),
        })?;
        self.http.send_within(whole, request).await.map_err(|error| {
            let cause = match error.failure {
                RequestFailure::Connected { timed_out: false } => format!("the connection broke off: {}", error.cause),
                _ => error.cause,
            };
            UpdateError::Unreachable { address: url.to_string(), cause }
        })
    }
}

/// The error for a status that is no success. GitHub reports its rate limits as 403 or 429.
fn refusal(url: &Url, status: StatusCode, response: &Response<Bytes>) -> UpdateError {
    let used_up = response.headers().get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    if status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::FORBIDDEN && used_up) {
        let wait = retry_after(response.headers()).map(|wait| wait.as_secs());
        return UpdateError::Limited { host: url.host_str().unwrap_or_default().to_owned(), wait };
    }
    UpdateError::Refused { address: url.to_string(), status: status.as_u16() }
}

fn bad(address: &str, cause: &dyn std::fmt::Display) -> UpdateError {
    UpdateError::BadRelease { address: address.to_owned(), cause: cause.to_string() }
}

/// Accepts https, and http only for this machine. The error continues a sentence about the address.
fn secure(url: &Url) -> Result<(), String> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err("has a user name or a password".to_owned()),
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err("does not begin with https://".to_owned()),
    }
}
