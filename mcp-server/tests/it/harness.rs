//! Starts the server in its own home folder and speaks MCP with it, one JSON line at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answer_schema::assert_matches;

/// Long enough for a loaded machine. A passing test does not wait for it.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A machine with its own home folder.
pub(crate) struct Machine {
    home: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A folder below the home.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.home().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A clone with one commit on `main` and a remote.
    pub(crate) fn repository(&self, remote: &str) -> PathBuf {
        let dir = self.folder(remote.rsplit('/').next().unwrap());
        self.git(&dir, &["init", "--quiet", "--initial-branch=main"]);
        self.git(&dir, &["remote", "add", "origin", remote]);
        self.git(&dir, &["commit", "--quiet", "--allow-empty", "--message=first"]);
        dir
    }

    /// A folder for `PATH` with only these programs.
    pub(crate) fn tools(&self, names: &[&str]) -> PathBuf {
        let bin = self.folder("bin");
        let path = std::env::var_os("PATH").unwrap();
        for name in names {
            let program = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file()).unwrap();
            let link = bin.join(name);
            if !link.exists() {
                std::os::unix::fs::symlink(program, link).unwrap();
            }
        }
        bin
    }

    /// The same. The first call creates it.
    pub(crate) fn repository_once(&self, remote: &str) -> PathBuf {
        let dir = self.home().join(remote.rsplit('/').next().unwrap());
        if dir.exists() { dir } else { self.repository(remote) }
    }

    /// A `PATH` with a git that takes this long when it is called with this argument.
    pub(crate) fn path_with_slow_git(&self, argument: &str, delay: Duration) -> std::ffi::OsString {
        let real = std::env::var_os("PATH").unwrap();
        let bin = self.folder("slow");
        let script = format!(
            "#!/bin/sh\nfor one in \"$@\"; do [ \"$one\" != '{argument}' ] || sleep {}; done\n\
             PATH='{}' exec git \"$@\"\n",
            delay.as_secs(),
            real.to_str().unwrap()
        );
        std::fs::write(bin.join("git"), script).unwrap();
        std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&real))).unwrap()
    }

    /// Whether any file below the home contains this text.
    pub(crate) fn holds_text(&self, text: &str) -> bool {
        let mut folders = vec![self.home().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).contains(text) {
                    return true;
                }
            }
        }
        false
    }

    pub(crate) fn git(&self, dir: &Path, args: &[&str]) {
        self.git_days_ago(dir, 0, args);
    }

    /// Runs git with a clock that is this many days behind.
    pub(crate) fn git_days_ago(&self, dir: &Path, days: u64, args: &[&str]) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let then = format!("@{} +0000", now - days * 86_400);
        let mut git = Command::new("git");
        git.current_dir(dir).args(args).env("HOME", self.home()).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.org");
            git.env(format!("GIT_{role}_DATE"), &then);
        }
        assert!(git.status().unwrap().success(), "git {args:?}");
    }

    /// The server's command for an agent in `dir`, with a separate environment.
    pub(crate) fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deckwatch-mcp"));
        command.current_dir(dir).env_clear().env("HOME", self.home());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        // Use a closed port, so that tests do not call the real GitHub or find a real token.
        command.env("GITHUB_API_URL", "http://127.0.0.1:9");
        command
    }

    /// A server for the agent of this name.
    pub(crate) fn agent(&self, name: &str, dir: &Path) -> Mcp {
        let mut command = self.command(dir);
        command.env("DECKWATCH_AGENT", name);
        Mcp::initialized(command)
    }
}

/// A running server and the conversation with it. Dropping it ends the process.
pub(crate) struct Mcp {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Received answers that the test has not read yet.
    early: Vec<Value>,
    requests: u64,
}

/// The answer of a tool.
#[must_use]
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) facts: Value,
    pub(crate) is_error: bool,
}

impl Answer {
    /// The answer of a tool that succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert!(!self.is_error, "{}", self.text);
        assert_eq!(self.facts["report"], json!(self.text));
        self
    }

    /// The text of a tool that failed.
    #[track_caller]
    pub(crate) fn trouble(self) -> String {
        assert!(self.is_error, "{}", self.text);
        self.text
    }
}

impl Mcp {
    /// Starts a server without a handshake.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let output = BufReader::new(output);
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, input, lines, early: Vec::new(), requests: 0 }
    }

    /// Starts a server and does the handshake of Claude Code's older protocol.
    pub(crate) fn initialized(command: Command) -> Self {
        Self::initialized_as(command, "claude-code")
    }

    pub(crate) fn initialized_as(command: Command, client: &str) -> Self {
        let mut mcp = Self::spawn(command);
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": client, "version": "2.1.329"}});
        let answer = mcp.request("initialize", &hello);
        assert_eq!(answer["result"]["serverInfo"]["name"], "deckwatch", "{answer}");
        mcp.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        mcp
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_raw(&message.to_string());
    }

    pub(crate) fn send_raw(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> u64 {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The answer to a request. Answers may arrive in any order.
    #[track_caller]
    pub(crate) fn answer_to(&mut self, id: u64) -> Value {
        loop {
            if let Some(at) = self.early.iter().position(|message| message["id"] == json!(id)) {
                return self.early.swap_remove(at);
            }
            let line = self.lines.recv_timeout(TIME_LIMIT).expect("an answer");
            self.early.push(serde_json::from_str(&line).expect("only JSON on standard output"));
        }
    }

    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        self.answer_to(id)
    }

    /// Calls a tool. Its answer must match the schema of the tool.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Answer {
        let answer = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        assert!(result.is_object(), "{answer}");
        let (facts, is_error) = (result["structuredContent"].clone(), result["isError"].as_bool().unwrap_or(false));
        if !is_error {
            assert_matches(tool, &facts);
        }
        Answer { text: result["content"][0]["text"].as_str().unwrap_or_default().to_owned(), facts, is_error }
    }

    /// Closes the input like a CLI that ends, and waits for the process.
    pub(crate) fn close(&mut self) -> std::process::ExitStatus {
        self.input = None;
        self.child.wait().unwrap()
    }

    /// Kills the process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Mcp {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments of a minimal handoff.
pub(crate) fn handoff(summary: &str) -> Value {
    json!({"summary": summary, "status": "in_progress"})
}
