//! Bytes over a socket, for requests that no HTTP client would send.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::engine::Api;
use crate::response::Response;

/// How long an engine may take to answer or to hang up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the engine.
pub struct Wire(TcpStream);

impl Wire {
    /// Connects to the engine.
    pub async fn to(api: &Api) -> Self {
        Self::at(api.url()).await
    }

    /// Connects to the engine at `url`.
    pub async fn at(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes. An engine that has seen enough may hang up while we still write.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Sends no more, and still takes answers.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// The next answer; `None` when the engine hangs up without one. One without a length has no body.
    pub async fn answer(&mut self) -> Option<Response> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("the engine answers or hangs up")
    }

    /// The next head alone, as that of an answer to HEAD.
    pub async fn head(&mut self) -> Option<Response> {
        tokio::time::timeout(PATIENCE, self.read_head()).await.expect("the engine answers or hangs up")
    }

    async fn read(&mut self) -> Option<Response> {
        let mut response = self.read_head().await?;
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        response.body = Bytes::from(body);
        Some(response)
    }

    async fn read_head(&mut self) -> Option<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: HeaderMap = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap()))
            .collect();
        Some(Response { status, headers, body: Bytes::new() })
    }

    /// What comes until the engine hangs up.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        let _ = read.expect("the engine hangs up");
        rest
    }
}
