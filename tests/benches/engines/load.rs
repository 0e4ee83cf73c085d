//! Requests over many connections at once, and their times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deckwatch_protocol::Operation;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
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
        Self { method: operation.method(), path, body: None, idempotency_key: None }
    }

    /// The same call with a query.
    pub(crate) fn with_query(self, query: &str) -> Self {
        Self { path: format!("{}?{query}", self.path), ..self }
    }

    /// The same call as a write with a body.
    pub(crate) fn with(self, idempotency_key: String, body: Value) -> Self {
        Self { body: Some(body), idempotency_key: Some(idempotency_key), ..self }
    }
}

/// The times of the requests of one measurement, sorted.
pub(crate) struct Sample {
    times: Vec<Duration>,
    elapsed: Duration,
}

impl Sample {
    pub(crate) fn new(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        times.sort_unstable();
        assert!(!times.is_empty(), "nothing was measured");
        Self { times, elapsed }
    }

    /// The time that `percent` of the requests did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let index = (self.times.len() * percent / 100).min(self.times.len() - 1);
        self.times[index].as_secs_f64() * 1_000.0
    }

    /// Requests per second.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
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
                times.push(sent.elapsed());
            }
            times
        });
    }
    let times = senders.join_all().await.concat();
    Sample::new(times, started.elapsed())
}

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
}

impl Client {
    pub(crate) async fn connect(target: Target) -> Self {
        let stream = TcpStream::connect(&target.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, target }
    }

    /// Sends a request and returns the JSON of its answer.
    pub(crate) async fn send(&mut self, call: &Call) -> Bytes {
        let mut request = Request::builder().method(call.method).uri(&call.path).header("host", &self.target.address);
        request = request.header("authorization", format!("Bearer {}", self.target.key));
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if call.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request.body(Full::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{} {}: {status} {}", call.method, call.path, String::from_utf8_lossy(&body));
        body
    }
}
