//! The state of this process's connection to the API: unreachable, slow or working.
//!
//! This module looks at connections only, not at the content of responses.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::http::RequestError;

/// The variables that set a proxy, in upper or lower case.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// The maximum number of a host's addresses that are tried, in parallel.
const ADDRESSES: usize = 8;

/// The results of this process's last attempts to reach the API.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// The time and the status of the last response.
    pub answered: Option<(Instant, StatusCode)>,
    /// The time and the cause of the last attempt without a response. `None` after a later response.
    pub unanswered: Option<(Instant, String)>,
    /// Since when the API accepts connections but does not respond. `None` after a response.
    pub silent: Option<Instant>,
}

impl Contact {
    pub(super) fn answered(&mut self, status: StatusCode) {
        *self = Self { answered: Some((Instant::now(), status)), unanswered: None, silent: None };
    }

    pub(super) fn unanswered(&mut self, last: &RequestError) {
        self.unanswered = Some((Instant::now(), last.cause.clone()));
        self.silent = (last.failure.timed_out() && last.failure.connected()).then(Instant::now);
    }

    pub(super) fn fell_silent(&mut self) {
        self.silent = Some(Instant::now());
    }
}

/// Opens and closes a connection to the first of the host's addresses that accepts one.
pub(super) async fn takes_connections(url: &Url) -> Result<(), String> {
    if is_behind_a_proxy(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return Ok(());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("the URL has no host".to_owned());
    };
    // A URL has an IPv6 address in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = lookup_host((host, port)).await.map_err(|error| error.to_string())?;
    let mut attempts: JoinSet<_> = addresses.take(ADDRESSES).map(connect).collect();
    let mut cause = "the host has no address".to_owned();
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
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
    fn proxy_variables_are_found_in_upper_and_lower_case() {
        for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            assert!(is_behind_a_proxy(|asked| asked == name), "{name}");
        }
        assert!(!is_behind_a_proxy(|asked| asked == "NO_PROXY"));
    }

    #[tokio::test]
    async fn a_listener_accepts_connections_and_a_closed_port_gives_a_cause() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
        assert_eq!(takes_connections(&url).await, Ok(()));
        drop(listener);
        let cause = takes_connections(&url).await.unwrap_err();
        assert!(cause.contains("refused"), "{cause}");
    }
}
