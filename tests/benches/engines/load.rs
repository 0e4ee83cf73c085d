//! Requests over many connections at once, and their times.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deckwatch_protocol::Operation;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The address and the key of an engine.
#[derive(Clone)]
pub(crate) struct Target {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) key: String,
}

/// A request of a measurement.
pub(crate) struct Call {
    /// The name of the operation.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// The `Idempotency-Key`.
    pub(crate) idempotency_key: Option<String>,
}

impl Call {
    /// A call of an operation without a body. `{…}` in the path is replaced by `parameter`.
    pub(crate) fn of(operation: Operation, parameter: &str) -> Self {
        let path = operation.path();
        let path = match (path.find('{'), path.find('}')) {
            (Some(open), Some(close)) => format!("{}{parameter}{}", &path[..open], &path[close + 1..]),
            _ => path.to_owned(),
        };
        Self { name: operation.id(), method: operation.method(), path, body: None, idempotency_key: None }
    }

    /// The same call with a query.
    pub(crate) fn with_query(self, query: &str) -> Self {
        Self { path: format!("{}?{query}", self.path), ..self }
    }

    /// The same call as a write with a body.
    pub(crate) fn with(self, idempotency_key: String, body: Value) -> Self {
        Self { body: Some(body), idempotency_key: Some(idempotency_key), ..self }
    }

    /// Writes the call as an HTTP/1.1 request.
    fn write(&self, target: &Target, out: &mut Vec<u8>) {
        let (method, path, address, key) = (self.method, &self.path, &target.address, &target.key);
        write!(out, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n").unwrap();
        if let Some(key) = &self.idempotency_key {
            write!(out, "idempotency-key: {key}\r\n").unwrap();
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        if self.body.is_some() {
            out.extend_from_slice(b"content-type: application/json\r\n");
        }
        write!(out, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
}

/// The times of the requests of one measurement, sorted.
#[derive(Clone)]
pub(crate) struct Sample {
    times: Vec<(&'static str, Duration)>,
    elapsed: Duration,
}

impl Sample {
    /// Times that belong to no operation.
    pub(crate) fn new(times: Vec<Duration>, elapsed: Duration) -> Self {
        Self::of_operations(times.into_iter().map(|time| ("", time)).collect(), elapsed)
    }

    /// Times with the names of their operations.
    fn of_operations(mut times: Vec<(&'static str, Duration)>, elapsed: Duration) -> Self {
        times.sort_unstable_by_key(|(_, time)| *time);
        assert!(!times.is_empty(), "nothing was measured");
        Self { times, elapsed }
    }

    /// Only the times of one operation.
    pub(crate) fn of(&self, operation: &str) -> Self {
        let times = self.times.iter().filter(|(name, _)| *name == operation).copied().collect();
        Self::of_operations(times, self.elapsed)
    }

    /// The time that `percent` of the requests did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let index = (self.times.len() * percent / 100).min(self.times.len() - 1);
        self.times[index].1.as_secs_f64() * 1_000.0
    }

    /// The number of requests.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
    pub(crate) fn requests(&self) -> f64 {
        self.times.len() as f64
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests() / self.elapsed.as_secs_f64()
    }

    /// The mean time of a request, in milliseconds.
    pub(crate) fn mean(&self) -> f64 {
        self.times.iter().map(|(_, time)| *time).sum::<Duration>().as_secs_f64() * 1_000.0 / self.requests()
    }
}

/// Sends requests over `connections` connections for `duration`. `make` gets the number of the connection and of its
/// request. A refused request fails the measurement.
pub(crate) async fn run(
    target: &Target,
    connections: usize,
    duration: Duration,
    make: impl Fn(usize, usize) -> Call + Send + Sync + 'static,
) -> Sample {
    let make = Arc::new(make);
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for connection in 0..connections {
        let (target, make) = (target.clone(), Arc::clone(&make));
        senders.spawn(async move {
            let mut client = Client::connect(target).await;
            let mut times = Vec::new();
            while started.elapsed() < duration {
                let call = make(connection, times.len());
                let sent = Instant::now();
                client.send(&call).await;
                times.push((call.name, sent.elapsed()));
            }
            times
        });
    }
    let times = senders.join_all().await.concat();
    Sample::of_operations(times, started.elapsed())
}

/// One connection. It sends one request at a time and parses no more of the answer than it needs, because the engine
/// runs on the same processors.
pub(crate) struct Client {
    stream: TcpStream,
    target: Target,
    /// The bytes of the request, then those of its answer.
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(target: Target) -> Self {
        let stream = TcpStream::connect(&target.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, target, buffer: Vec::new() }
    }

    /// Sends a request and returns the body of its answer.
    pub(crate) async fn send(&mut self, call: &Call) -> &[u8] {
        self.buffer.clear();
        call.write(&self.target, &mut self.buffer);
        self.stream.write_all(&self.buffer).await.unwrap();
        self.buffer.clear();
        let (status, body) = loop {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the engine closed a connection");
            if let Some(complete) = complete_answer(&self.buffer) {
                break complete;
            }
        };
        let body = &self.buffer[body..];
        assert!(
            (200..300).contains(&status),
            "{} {}: {status} {}",
            call.method,
            call.path,
            String::from_utf8_lossy(body)
        );
        body
    }
}

/// The status of an answer and where its body begins. `None` if it is not complete.
fn complete_answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(head) = answer.parse(bytes).unwrap() else { return None };
    let length = answer.headers.iter().find(|line| line.name.eq_ignore_ascii_case("content-length")).unwrap();
    let length: usize = std::str::from_utf8(length.value).unwrap().parse().unwrap();
    (bytes.len() == head + length).then(|| (answer.code.unwrap(), head))
}
