//! The real `deckwatch-server` as a process. Tests kill, stop and start it on the same port.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use deckwatch_client::{Api, ApiConfig, DocRead};
use deckwatch_protocol::{
    DocText, DocType, ErrorCode, HandoffFilter, NoteFilter, PutDoc, PutRequirement, PutVenture, SessionFilter,
    SessionStatus, StartDay, Violations,
};
use tempfile::TempDir;

use crate::harness::{Machine, Mcp};

pub(crate) const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
pub(crate) const ADMIN_KEY: &str = "adadadadadadadadadadadadadadadad";
pub(crate) const REMOTE: &str = "https://github.com/example-org/alpha.git";

/// A server with a database that is kept when the process ends.
pub(crate) struct Server {
    data: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// A running server with the venture `alpha`.
    pub(crate) fn started() -> Self {
        // Take a free port. The server uses it from the first start on.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { data: tempfile::tempdir().unwrap(), port, process: None };
        server.start();
        let own = "example-org/alpha".parse().unwrap();
        let venture =
            PutVenture { name: "Alpha".parse().unwrap(), github_org: None, repos: vec![own], capabilities: vec![] };
        wait(async { server.admin().put_venture(&"alpha".parse().unwrap(), &venture).await }).unwrap();
        server
    }

    pub(crate) fn admin(&self) -> Api {
        Api::connect(ApiConfig::remote(&self.url(), ADMIN_KEY).unwrap())
    }

    /// Stores a document like a person.
    pub(crate) fn put_doc(&self, scope: &str, name: &str, content: &str) {
        let doc = text(content);
        let put = async { self.admin().put_doc(&scope.parse().unwrap(), &name.parse().unwrap(), &doc).await };
        wait(put).unwrap();
    }

    /// Replaces a document that was read with this hash. Returns the error code of the refusal.
    pub(crate) fn replace_doc(&self, name: &str, known: &str, content: &str) -> Option<ErrorCode> {
        let doc = text(content);
        let replace =
            async { self.admin().replace_doc(&"alpha".parse().unwrap(), &name.parse().unwrap(), known, &doc).await };
        wait(replace).err().and_then(|error| error.code())
    }

    /// Requires documents of this name, and allows their generation.
    pub(crate) fn require_generated(&self, name: &str) {
        let rule = PutRequirement { auto_generate: true, ..PutRequirement::of(name.parse().unwrap()) };
        wait(async { self.admin().put_requirement(&rule).await }).unwrap();
    }

    /// Requires documents of this name that people write.
    pub(crate) fn require_written(&self, name: &str) {
        let rule = PutRequirement { auto_generate: false, ..PutRequirement::of(name.parse().unwrap()) };
        wait(async { self.admin().put_requirement(&rule).await }).unwrap();
    }

    /// A document of the venture `alpha`, if it exists.
    pub(crate) fn doc(&self, name: &str) -> Option<DocText> {
        let read = async { self.api().get_doc(&"alpha".parse().unwrap(), &name.parse().unwrap(), None).await };
        match wait(read) {
            Ok(DocRead::Read(doc)) => Some(*doc),
            _ => None,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Starts the process and waits until it is ready.
    pub(crate) fn start(&mut self) {
        let mut command = Command::new(deckwatch_tests::program("deckwatch-server"));
        command.arg("--port").arg(self.port.to_string()).arg("--data").arg(self.data.path());
        command.envs([("CONTEXT_API_KEY", KEY), ("ADMIN_API_KEY", ADMIN_KEY), ("RATE_LIMIT_PER_MINUTE", "1000000")]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line}");
        self.process = Some(process);
    }

    /// Kills the process. Connections are refused from now on.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops the process. Connections are accepted, but get no answer.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The summaries of all recorded handoffs, oldest first.
    pub(crate) fn handoffs(&self) -> Vec<String> {
        let filter = HandoffFilter { limit: 100.try_into().ok(), ..HandoffFilter::default() };
        let page = wait(async { self.api().list_handoffs(&filter).await }).unwrap();
        assert_eq!(page.next_cursor, None);
        page.items.into_iter().rev().map(|handoff| handoff.summary.to_string()).collect()
    }

    /// The titles of all notes, oldest first.
    pub(crate) fn notes(&self) -> Vec<String> {
        let filter = NoteFilter { limit: 100.try_into().ok(), ..NoteFilter::default() };
        let page = wait(async { self.api().list_notes(&filter).await }).unwrap();
        page.items.into_iter().rev().map(|note| note.title.to_string()).collect()
    }

    /// Starts the day of an agent on another machine.
    pub(crate) fn start_day_of(&self, agent: &str, repo: &str, branch: &str, issue: u64) {
        let day = serde_json::json!({"agent": agent, "client": "claude", "host": "mac3", "venture": "alpha",
            "repo": repo, "branch": branch, "issue_number": issue});
        let day = deserr::deserialize::<StartDay, _, Violations>(day).unwrap();
        wait(async { self.api().start_day(&day).await }).unwrap();
    }

    /// The number of active sessions.
    pub(crate) fn active_sessions(&self) -> u32 {
        let filter = SessionFilter { status: Some(SessionStatus::Active), ..SessionFilter::default() };
        wait(async { self.api().list_sessions(&filter).await }).unwrap().total
    }

    pub(crate) fn api(&self) -> Api {
        Api::connect(ApiConfig::remote(&self.url(), KEY).unwrap())
    }

    /// An agent that uses this server.
    pub(crate) fn agent(&self, machine: &Machine, name: &str) -> Mcp {
        self.agent_in(machine, name, &machine.repository_once(REMOTE))
    }

    /// The same, in this folder.
    pub(crate) fn agent_in(&self, machine: &Machine, name: &str, dir: &Path) -> Mcp {
        self.agent_with(machine, name, dir, |_| ())
    }

    /// The same, with changes to its command.
    pub(crate) fn agent_with(
        &self,
        machine: &Machine,
        name: &str,
        dir: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Mcp {
        let mut command = command(machine, name, dir, &self.url());
        command.env("DECKWATCH_VENTURE", "alpha");
        change(&mut command);
        Mcp::initialized(command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An agent on the usual repository, with its API at `url` and without a named venture.
pub(crate) fn agent_by_way_of(machine: &Machine, name: &str, url: &str) -> Mcp {
    Mcp::initialized(command(machine, name, &machine.repository_once(REMOTE), url))
}

/// The command of an agent's server, with its API at `url` and without a named venture.
pub(crate) fn command(machine: &Machine, name: &str, dir: &Path, url: &str) -> Command {
    let mut command = machine.command(dir);
    command.envs([("DECKWATCH_AGENT", name), ("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", KEY)]);
    command
}

fn text(content: &str) -> PutDoc {
    PutDoc {
        content: content.parse().unwrap(),
        doc_type: DocType::Markdown,
        title: None,
        source_repo: None,
        source_path: None,
    }
}

/// Whether any file below the home contains a key of the server.
pub(crate) fn holds_a_key(machine: &Machine) -> bool {
    machine.holds_text(KEY)
}

pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
