//! A model on loopback that asks for one command, `true`, and then says that it is done.
//!
//! It speaks as much of the three APIs as one headless turn needs. It ends with its value.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncBufReadExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::wire;

/// More than an agent CLI sends in its first requests.
const MAX_BODY: usize = 16 * 1024 * 1024;
const MAX_HEAD: u64 = 64 * 1024;
/// How long a request may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running model.
pub(super) struct Model {
    url: String,
    heard: Arc<Mutex<String>>,
    serving: JoinHandle<()>,
}

struct Request {
    path: String,
    body: Vec<u8>,
}

impl Model {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let heard = Arc::new(Mutex::new(String::new()));
        let serving = tokio::spawn(serve(listener, Arc::clone(&heard)));
        Ok(Self { url, heard, serving })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far, as text.
    pub(super) fn heard(&self) -> String {
        locked(&self.heard).clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(heard: &Mutex<String>) -> MutexGuard<'_, String> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, heard: Arc<Mutex<String>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let heard = Arc::clone(&heard);
        // An agent CLI that breaks a connection off is not a failure of the turn.
        tokio::spawn(async move { tokio::time::timeout(TIMEOUT, answer(stream, &heard)).await });
    }
}

async fn answer(mut stream: TcpStream, heard: &Mutex<String>) -> io::Result<()> {
    let request = read(&mut stream).await?;
    let body = serde_json::from_slice(&request.body).unwrap_or_default();
    let (kind, text) = match wire::reply(&request.path, &body) {
        None => ("application/json", r#"{"data":[],"models":[]}"#.to_owned()),
        Some(reply) => {
            locked(heard).push_str(&String::from_utf8_lossy(&request.body));
            (reply.kind, reply.text)
        }
    };
    let header = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(header.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let mut stream = BufReader::new(stream);
    let (mut path, mut length, mut is_chunked) = (String::new(), 0, false);
    let mut lines = (&mut stream).take(MAX_HEAD);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            let target = line.split(' ').nth(1).unwrap_or_default();
            path = target.split('?').next().unwrap_or_default().to_owned();
        } else if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or_default(),
                "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
                _ => {}
            }
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        while let Some(size) = chunk_size(&mut stream).await? {
            read_exactly(&mut stream, size, &mut body).await?;
        }
    } else {
        read_exactly(&mut stream, length, &mut body).await?;
    }
    Ok(Request { path, body })
}

/// The size of the next piece. `None` at the end.
async fn chunk_size(stream: &mut BufReader<&mut TcpStream>) -> io::Result<Option<usize>> {
    let mut line = String::new();
    // An empty line ends the piece before.
    while line.trim().is_empty() {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
    }
    let size = line.split(';').next().unwrap_or_default().trim();
    Ok(usize::from_str_radix(size, 16).ok().filter(|size| *size > 0))
}

async fn read_exactly(stream: &mut BufReader<&mut TcpStream>, size: usize, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() + size > MAX_BODY {
        return Err(io::Error::other("the request is too large"));
    }
    let begin = body.len();
    body.resize(begin + size, 0);
    match body.get_mut(begin..) {
        Some(rest) => stream.read_exact(rest).await.map(drop),
        None => Ok(()),
    }
}
