//! A raw connection, for requests that an HTTP client would not send.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::engine::Api;
use crate::response::Response;

/// The time limit for an answer or the end of the connection.
const TIMEOUT: Duration = Duration::from_secs(20);

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

    /// Connects to the engine at `url` with a small receive buffer, so that a large answer must wait for the reader.
    pub async fn with_small_buffer(url: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(128 * 1024).unwrap();
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        Self(socket.connect(address.parse().unwrap()).await.unwrap())
    }

    /// Sends bytes. Ignores an error, because the engine may close the connection before it has read everything.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Closes the sending side of the connection; answers can still arrive.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// The next answer, or `None` if the engine closes the connection. An answer without a content length has no body.
    pub async fn answer(&mut self) -> Option<Response> {
        tokio::time::timeout(TIMEOUT, self.read()).await.expect("the engine neither answered nor closed the connection")
    }

    /// The next answer, read at `rate` bytes a second for the time `slow`, then at full speed.
    pub async fn answer_slowly(&mut self, slow: Duration, rate: usize) -> Option<Response> {
        let mut response = self.head().await?;
        let length: usize = response.header("content-length")?.parse().ok()?;
        let (started, mut body) = (Instant::now(), Vec::new());
        while body.len() < length && started.elapsed() < slow {
            let mut piece = vec![0; (rate / 10).min(length - body.len())];
            self.0.read_exact(&mut piece).await.ok()?;
            body.extend(piece);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let read = body.len();
        body.resize(length, 0);
        self.0.read_exact(&mut body[read..]).await.ok()?;
        response.body = Bytes::from(body);
        Some(response)
    }

    /// Only the head of the next answer, as for HEAD.
    pub async fn head(&mut self) -> Option<Response> {
        tokio::time::timeout(TIMEOUT, self.read_head())
            .await
            .expect("the engine neither answered nor closed the connection")
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

    /// All bytes until the engine closes the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(TIMEOUT, self.0.read_to_end(&mut rest)).await;
        let _ = read.expect("the engine did not close the connection");
        rest
    }
}
