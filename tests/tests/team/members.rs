//! A team: a server with its keys, and a member's home folder with the launcher.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use deckwatch_tests::{ServerProcess, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// The server's admin key and context key.
pub(crate) const ADMIN_KEY: &str = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0";
pub(crate) const CONTEXT_KEY: &str = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";

pub(crate) struct Team {
    pub(crate) server: ServerProcess,
    home: TempDir,
}

/// The result of a run of the launcher.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Team {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("server");
        std::fs::create_dir_all(&data).unwrap();
        let server = ServerProcess::start(&program("deckwatch-server"), &data, CONTEXT_KEY, ADMIN_KEY).await;
        Self { server, home }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The launcher with the server's URL and these keys.
    pub(crate) fn launcher(&self, args: &[&str], keys: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program("launcher"));
        command.args(args).current_dir(self.home.path()).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("CONTEXT_API_URL", &self.server.url).envs(keys.iter().copied());
        command
    }

    pub(crate) async fn run(&self, args: &[&str], keys: &[(&str, &str)]) -> Run {
        let output = self.launcher(args, keys).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts a day of an agent.
    pub(crate) async fn start_day(&self, agent: &str, venture: &str) {
        let body = json!({"agent": agent, "client": "claude", "host": "mac1", "venture": venture, "repo": "example-org/alpha"});
        self.post("/v1/sod", CONTEXT_KEY, &format!("start-of-day-{agent}"), &body).await;
    }

    /// Creates something with a `POST` and returns the body of the answer.
    pub(crate) async fn post(&self, path: &str, key: &str, idempotency_key: &str, body: &Value) -> Value {
        let body = body.to_string();
        let host = self.server.url.strip_prefix("http://").unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
             idempotency-key: {idempotency_key}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Whether any file in the member's home folder contains this text. Skips the server's folder, which is not the
    /// member's.
    pub(crate) fn home_holds(&self, text: &str) -> bool {
        holds(self.home.path(), &self.path("server"), text)
    }
}

fn holds(folder: &Path, except: &Path, text: &str) -> bool {
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.any(|path| {
        if path.is_dir() {
            path != except && holds(&path, except, text)
        } else {
            String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text)
        }
    })
}
