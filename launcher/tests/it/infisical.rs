//! A stub of Infisical's API on loopback: universal auth, listing a folder with imports, and errors.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) const CLIENT_ID: &str = "5c8e-identity";
pub(crate) const CLIENT_SECRET: &str = "cl1ent-s3cr3t-value";
pub(crate) const PROJECT: &str = "project-1";
const BOOLEANS: [(&str, &str); 5] = [
    ("recursive", "false"),
    ("includeImports", "true"),
    ("expandSecretReferences", "true"),
    ("includePersonalOverrides", "false"),
    ("viewSecretValue", "true"),
];

/// A deviation from the usual behaviour of the stub.
pub(crate) enum Deviation {
    /// Answers with this status, these headers and this body.
    Answer(u16, &'static str, String),
    /// Waits, then answers as usual.
    Slow(Duration),
    /// Never answers.
    Hang,
    /// Revokes all tokens, then answers as usual.
    Revoke,
}

#[derive(Default)]
struct State {
    folders: BTreeMap<String, (Value, Value)>,
    on_login: VecDeque<Deviation>,
    on_list: VecDeque<Deviation>,
    tokens: Vec<String>,
    calls: Vec<String>,
}

/// A stub that runs until the test process ends.
pub(crate) struct Infisical {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    bearer: Option<String>,
    body: Vec<u8>,
}

impl Infisical {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Self { url, state }
    }

    /// Fills a folder of the environment `dev`.
    pub(crate) fn folder(&self, path: &str, secrets: &[(&str, &str)]) {
        self.folder_with_imports(path, secrets, &[]);
    }

    /// Fills a folder that imports others, in this order.
    pub(crate) fn folder_with_imports(&self, path: &str, secrets: &[(&str, &str)], imports: &[&[(&str, &str)]]) {
        let imports = imports.iter().map(|secrets| {
            json!({ "secretPath": "/shared", "environment": "dev", "folderId": null, "secrets": entries(secrets) })
        });
        let imports = imports.collect::<Value>();
        self.state.lock().unwrap().folders.insert(path.to_owned(), (entries(secrets), imports));
    }

    /// Sets the deviations for the next logins, one for each.
    pub(crate) fn deviate_at_logins(&self, deviations: impl IntoIterator<Item = Deviation>) {
        self.state.lock().unwrap().on_login.extend(deviations);
    }

    /// Sets the deviations for the next listings, one for each.
    pub(crate) fn deviate_at_lists(&self, deviations: impl IntoIterator<Item = Deviation>) {
        self.state.lock().unwrap().on_list.extend(deviations);
    }

    /// The received requests, as method and path.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The section `[infisical]` of config.toml for this stub.
    pub(crate) fn config(&self) -> String {
        format!("[infisical]\ndomain = \"{}\"\nproject_id = \"{PROJECT}\"\n", self.url)
    }
}

fn entries(secrets: &[(&str, &str)]) -> Value {
    secrets
        .iter()
        .map(|(name, value)| {
            json!({ "id": "s", "version": 1, "type": "shared", "secretKey": name, "secretValue": value,
                    "secretValueHidden": false, "environment": "dev", "secretComment": "" })
        })
        .collect()
}

fn answer(stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = read(&stream) else { return };
    let is_login = request.path == "/api/v1/auth/universal-auth/login";
    let deviation = {
        let mut state = state.lock().unwrap();
        state.calls.push(format!("{} {}", request.method, request.path));
        if is_login { state.on_login.pop_front() } else { state.on_list.pop_front() }
    };
    match deviation {
        Some(Deviation::Answer(status, headers, body)) => return write(stream, status, headers, &body),
        Some(Deviation::Slow(time)) => std::thread::sleep(time),
        Some(Deviation::Revoke) => state.lock().unwrap().tokens.clear(),
        Some(Deviation::Hang) => return std::thread::sleep(Duration::from_mins(10)),
        None => {}
    }
    let mut state = state.lock().unwrap();
    let (status, body) = if is_login { log_in(&request, &mut state) } else { list(&request, &state) };
    drop(state);
    write(stream, status, "", &body.to_string());
}

fn log_in(request: &Request, state: &mut State) -> (u16, Value) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if (request.method.as_str(), &body["clientId"], &body["clientSecret"])
        != ("POST", &json!(CLIENT_ID), &json!(CLIENT_SECRET))
    {
        return problem(401, "Unauthorized", "Invalid credentials");
    }
    let token = format!("t0ken-{}-value", state.tokens.len());
    state.tokens.push(token.clone());
    (200, json!({ "accessToken": token, "expiresIn": 7200, "accessTokenMaxTTL": 43244, "tokenType": "Bearer" }))
}

fn list(request: &Request, state: &State) -> (u16, Value) {
    let query = |name: &str| request.query.get(name).map(String::as_str);
    if !request.bearer.as_ref().is_some_and(|token| state.tokens.contains(token)) {
        return problem(401, "TokenError", "Your token has expired.");
    }
    if request.path != "/api/v4/secrets" || BOOLEANS.iter().any(|(name, value)| query(name) != Some(value)) {
        return problem(422, "ValidationFailure", "a parameter is missing");
    }
    if query("projectId") == Some("forbidden") {
        return problem(403, "PermissionDenied", "You are not allowed to read");
    }
    let folder = query("secretPath").and_then(|path| state.folders.get(path));
    match folder.filter(|_| (query("projectId"), query("environment")) == (Some(PROJECT), Some("dev"))) {
        Some((secrets, imports)) => (200, json!({ "secrets": secrets, "imports": imports })),
        None => problem(404, "NotFound", "Folder with path not found"),
    }
}

fn problem(status: u16, error: &str, message: &str) -> (u16, Value) {
    (status, json!({ "reqId": "req-1", "statusCode": status, "error": error, "message": message }))
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), v.replace("%2F", "/")));
    let mut request = Request { method, path: path.to_owned(), query: query.collect(), bearer: None, body: Vec::new() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => request.bearer = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn write(mut stream: TcpStream, status: u16, headers: &str, body: &str) {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    // The client may have closed the connection already.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
