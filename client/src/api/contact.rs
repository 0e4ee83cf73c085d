//! What a process has seen of the way to the API: is nobody there, or is it only slow?
//!
//! It knows connections, not answers: what is answered is the business of others.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::http::Unanswered;

/// The variables through which a request leaves by a proxy, in either case.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// Most addresses of a host that are tried, all at once.
const ADDRESSES: usize = 8;

/// What the last tries of this process have shown.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// When the last answer came, and its status.
    pub answered: Option<(Instant, StatusCode)>,
    /// When a try got no answer, and why; `None` once a later one got one.
    pub unanswered: Option<(Instant, String)>,
    /// Since when connections are taken and nobody answers; `None` once somebody did.
    pub silent: Option<Instant>,
}

impl Contact {
    pub(super) fn answered(&mut self, status: StatusCode) {
        *self = Self { answered: Some((Instant::now(), status)), unanswered: None, silent: None };
    }

    pub(super) fn unanswered(&mut self, last: &Unanswered) {
        self.unanswered = Some((Instant::now(), last.cause.clone()));
        self.silent = (last.timed_out && last.connected).then(Instant::now);
    }

    pub(super) fn fell_silent(&mut self) {
        self.silent = Some(Instant::now());
    }
}

/// Opens a connection and closes it: to the first of the host's addresses that takes one.
pub(super) async fn takes_connections(url: &Url) -> Result<(), String> {
    if is_behind_a_proxy(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return Ok(());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("the address names no host".to_owned());
    };
    // An IPv6 address stands in brackets in an address.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = lookup_host((host, port)).await.map_err(|error| error.to_string())?;
    let mut tries: JoinSet<_> = addresses.take(ADDRESSES).map(connect).collect();
    let mut cause = "the host has no address".to_owned();
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => cause = error.to_string(),
            Err(error) => cause = error.to_string(),
        }
    }
    Err(cause)
}

async fn connect(address: SocketAddr) -> std::io::Result<()> {
    TcpStream::connect(address).await.map(drop)
}

fn is_behind_a_proxy(is_set: impl Fn(&str) -> bool) -> bool {
    PROXIES.iter().any(|name| is_set(name) || is_set(&name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_either_spelling_is_seen() {
        for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            assert!(is_behind_a_proxy(|asked| asked == name), "{name}");
        }
        assert!(!is_behind_a_proxy(|asked| asked == "NO_PROXY"));
    }

    #[tokio::test]
    async fn a_listener_takes_connections_and_a_closed_port_says_why_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
        assert_eq!(takes_connections(&url).await, Ok(()));
        drop(listener);
        let cause = takes_connections(&url).await.unwrap_err();
        assert!(cause.contains("refused"), "{cause}");
    }
}
