//! Broken networks and proxies: answers that GitHub would not give.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How a connection fails.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with this status, these headers and this body.
    Answer {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Sends these bytes, which need not be HTTP, and closes the connection.
    Raw(Vec<u8>),
    /// Sends the answer of a body that begins and never ends, one byte at a time, with this pause between two.
    Drip(Duration),
    /// Reads the request and never answers.
    Hang,
}

impl Fault {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self::Answer { status, headers, body: body.to_string().into_bytes() }
    }

    /// Serves one connection. Errors mean that the caller has gone.
    pub(super) async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        read_request(&mut stream).await?;
        match self {
            Self::Answer { status, headers, body } => {
                let headers =
                    headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n");
                let head = format!(
                    "HTTP/1.1 {status} Stub\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(body).await?;
            }
            Self::Raw(bytes) => stream.write_all(bytes).await?,
            Self::Drip(pause) => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                loop {
                    stream.write_all(b" ").await?;
                    tokio::time::sleep(*pause).await;
                }
            }
            Self::Hang => {
                // Ends when the caller closes the connection.
                stream.read_to_end(&mut Vec::new()).await?;
            }
        }
        stream.shutdown().await?;
        // The caller may still send the rest of its request; closing earlier would reset the connection.
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut Vec::new())).await;
        Ok(())
    }
}

/// Reads the head of a request and as much body as it names.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        received.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&received).to_ascii_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return Ok(());
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if read == 0 || received.len() >= head.len() + 4 + length {
            return Ok(());
        }
    }
}
