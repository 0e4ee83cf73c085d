//! An API on loopback whose answers the test sets: for refusals, failures and short heartbeat intervals, which the real
//! engine does not give on demand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

/// A received request: method, path with query, body.
pub(crate) type Seen = (String, String, Value);

/// A running API. Its thread ends with the test's process.
pub(crate) struct ScriptedApi {
    pub(crate) url: String,
    pub(crate) seen: Receiver<Seen>,
}

impl ScriptedApi {
    /// Serves `answer`, which returns a status and a body for a method and a path.
    pub(crate) fn start(answer: impl Fn(&str, &str) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, seen) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(request) = serve(stream, &answer) {
                    let _ = sender.send(request);
                }
            }
        });
        Self { url, seen }
    }

    /// Waits for a request with this method and path, and returns its body.
    pub(crate) fn wait_for(&self, method: &str, path: &str) -> Value {
        loop {
            let (its_method, its_path, body) = self.seen.recv_timeout(Duration::from_secs(30)).expect("the request");
            if its_method == method && its_path.starts_with(path) {
                return body;
            }
        }
    }
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str, &str) -> (u16, Value)) -> Option<Seen> {
    let request = Request::read(&stream)?;
    let (status, answer) = answer(&request.method, &request.path);
    respond(&mut stream, status, &[], &answer.to_string())?;
    Some((request.method, request.path, serde_json::from_slice(&request.body).unwrap_or_default()))
}

/// A request as received.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let (method, path) = line.split_once(' ')?;
        let (method, path) = (method.to_owned(), path.split(' ').next()?.to_owned());
        let mut request = Self { method, path, headers: Vec::new(), body: Vec::new() };
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        request.body = vec![0; request.header("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(its_name, _)| its_name == name).map(|(_, value)| value.as_str())
    }
}

/// Sends the answer and closes the connection.
pub(crate) fn respond(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &str) -> Option<()> {
    let mut head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    // The real API also sends the correlation id of a problem in a header. The client uses it to recognise the API.
    let id = body.split("\"correlation_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let mark = id.map(|id| ("x-correlation-id", id.to_owned()));
    for (name, value) in headers.iter().chain(&mark) {
        head += name;
        head += ": ";
        head += value;
        head += "\r\n";
    }
    stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).ok()
}

/// A refusal in the API's format.
pub(crate) fn problem(status: u16, code: &str, detail: &str) -> Value {
    json!({"type": format!("urn:deckwatch:error:{code}"), "title": code, "status": status, "detail": detail,
        "code": code, "correlation_id": "corr_0a0b0c0d-0000-4000-8000-000000000001"})
}

/// An active session of `agent`.
pub(crate) fn session(agent: &str) -> Value {
    let now = "2026-11-21T08:00:00.000Z";
    json!({"id": "sess_01JD0000000000000000000001", "agent": agent, "client": "claude", "client_version": null,
        "client_session_id": null, "host": "mac1", "venture": "alpha", "repo": "example-org/alpha", "track": null,
        "issue_number": null, "branch": "main", "commit_sha": null, "status": "active", "created_at": now,
        "last_heartbeat_at": now, "ended_at": null, "end_reason": null, "final_handoff_id": null,
        "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_x", "meta": {}})
}
