//! Runs `deckwatch-mcp hook <cli> <event>` like an agent's CLI, and sends messages to an agent.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use deckwatch_machine::agent_folder::{AgentFolder, ApiName};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Fence, MessageRecord, SendMessage, SentMessage, Session, StartDay, Violations};
use serde_json::{Value, json};

use crate::harness::{Machine, Mcp};
use crate::server::{REMOTE, Server, wait};

pub(crate) const AGENT: &str = "mac1-claude-1";
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A machine with an agent whose CLI has our hooks.
pub(crate) struct Hooked<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) server: &'a Server,
    pub(crate) agent: &'a str,
    pub(crate) cli: &'a str,
    /// The address of the API, as the agent knows it.
    url: String,
}

impl<'a> Hooked<'a> {
    pub(crate) fn new(machine: &'a Machine, server: &'a Server) -> Self {
        Self { machine, server, agent: AGENT, cli: "claude", url: server.url() }
    }

    pub(crate) fn named(self, agent: &'a str, cli: &'a str) -> Self {
        Self { agent, cli, ..self }
    }

    /// The same with another way to the API.
    pub(crate) fn by_way_of(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// The MCP server of the agent.
    pub(crate) fn mcp(&self) -> Mcp {
        let dir = self.machine.repository_once(REMOTE);
        let mut command = crate::server::command(self.machine, self.agent, &dir, &self.url);
        command.envs([("DECKWATCH_VENTURE", "alpha"), ("DECKWATCH_HOOKS", "1")]);
        Mcp::initialized(command)
    }

    /// The MCP server, with the day started by the hook.
    pub(crate) fn opened(&self) -> Mcp {
        let mcp = self.mcp();
        let day = self.text("session-start", &json!({ "source": "startup" }));
        assert!(day.contains("Deckwatch has started your day"), "{day}");
        mcp
    }

    pub(crate) fn command(&self, event: &str) -> Command {
        let mut command = crate::server::command(self.machine, self.agent, Path::new("/"), &self.url);
        command.args(["hook", self.cli, event]).envs([("DECKWATCH_VENTURE", "alpha"), ("DECKWATCH_HOOKS", "1")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a hook with this input.
    #[track_caller]
    pub(crate) fn run(&self, event: &str, input: &[u8]) -> Output {
        let mut child = self.command(event).spawn().unwrap();
        // A hook may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        output
    }

    /// The JSON that a hook prints, or null.
    #[track_caller]
    pub(crate) fn answer(&self, event: &str, input: &Value) -> Value {
        let output = self.run(event, input.to_string().as_bytes()).stdout;
        if output.is_empty() { Value::Null } else { serde_json::from_slice(&output).unwrap() }
    }

    /// The text that a hook gives to the model. Empty if it prints nothing.
    #[track_caller]
    pub(crate) fn text(&self, event: &str, input: &Value) -> String {
        let answer = self.answer(event, input);
        let context = answer["hookSpecificOutput"]["additionalContext"].as_str();
        context.or(answer["reason"].as_str()).unwrap_or_default().to_owned()
    }

    pub(crate) fn folder(&self) -> AgentFolder {
        let home = self.machine.home().as_os_str().to_owned();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
        let api = ApiName::of_url(&self.url);
        AgentFolder::of(&dirs, &api, &"alpha".parse().unwrap(), &self.agent.parse().unwrap())
    }

    /// Waits until the MCP server has put this many messages into the folder.
    #[track_caller]
    pub(crate) fn wait_for_mail(&self, count: usize) {
        until("the messages", || std::fs::read_dir(self.folder().path().join("mail")).unwrap().count() >= count);
    }

    /// The agent's session at the API.
    pub(crate) fn session(&self) -> Value {
        let filter = deckwatch_protocol::SessionFilter {
            agent: Some(self.agent.parse().unwrap()),
            ..deckwatch_protocol::SessionFilter::default()
        };
        let page = wait(async { self.server.api().list_sessions(&filter).await }).unwrap();
        serde_json::to_value(page.items.first().unwrap()).unwrap()
    }
}

#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < TIME_LIMIT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Another agent, on another machine.
pub(crate) struct Sender<'a> {
    server: &'a Server,
    fence: Fence,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(server: &'a Server, agent: &str) -> Self {
        Self::on_issue(server, agent, None)
    }

    pub(crate) fn on_issue(server: &'a Server, agent: &str, issue: Option<u32>) -> Self {
        let day = json!({ "agent": agent, "client": "codex", "host": "mac2", "venture": "alpha",
            "repo": "example-org/alpha", "issue_number": issue });
        let day = deserr::deserialize::<StartDay, _, Violations>(day).unwrap();
        let Session { id, epoch, .. } = wait(async { server.api().start_day(&day).await }).unwrap().session;
        Self { server, fence: Fence { session_id: id, epoch } }
    }

    pub(crate) fn send(&self, to: &str, kind: &str, body: &str) -> SentMessage {
        let message = json!({ "session_id": self.fence.session_id, "epoch": self.fence.epoch, "to": [to], "kind": kind,
            "body": body });
        let message = deserr::deserialize::<SendMessage, _, Violations>(message).unwrap();
        wait(async { self.server.api().send_message(&message).await }).unwrap()
    }

    /// The only delivery of a message.
    pub(crate) fn delivery(&self, sent: &SentMessage) -> Value {
        let record: MessageRecord = wait(async { self.server.admin().get_message(&sent.id).await }).unwrap();
        serde_json::to_value(&record.deliveries[0]).unwrap()
    }

    #[track_caller]
    pub(crate) fn wait_for_status(&self, sent: &SentMessage, status: &str) -> Value {
        until(status, || self.delivery(sent)["status"] == status);
        self.delivery(sent)
    }
}
