//! An agent that waits for a prompt is woken by mail: the model gets a request with the message, once.

use std::time::{Duration, Instant};

use deckwatch_protocol::{Operation, Venture};
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Caller as _, Mailbox, ServerProcess, TestRequest, fresh, program};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent_cli::AgentCli;
use crate::consent::agree;
use crate::machine::Machine;
use crate::pane::Pane;
use crate::running::command_lines;

crate::with_every_agent![an_idle_agent_is_woken_by_each_message];

/// The beginning of the text that wakes an agent.
const WAKING_TEXT: &str = "You have mail from Deckwatch.";
const FINAL_TEXT: &str = "The script is over.";
/// A session of tmux with such a name was made by the launcher.
const OWN_SESSION: &str = "deckwatch-alpha";
const TIMEOUT: Duration = Duration::from_mins(1);

async fn an_idle_agent_is_woken_by_each_message(machine: Machine) {
    let Some(idle) = Idle::start(machine, OWN_SESSION).await else { return };
    // Codex looks into its queue every 10 seconds.
    let limit = Duration::from_secs(if idle.machine.cli == AgentCli::Codex { 20 } else { 5 });
    for _ in 0..2 {
        let (text, sent) = idle.send().await;
        idle.until("the message reaches the model", || idle.heard(&text) > 0).await;
        println!("{:?}: woken after {:?}", idle.machine.cli, sent.elapsed());
        assert!(sent.elapsed() < limit, "{:?}", sent.elapsed());
        idle.until("the agent is idle again", || idle.is_idle()).await;
        assert_eq!(idle.heard(&text), 1, "the message was shown more than once");
        assert!(idle.heard(WAKING_TEXT) > 0);
    }
    let requests = idle.model.heard().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(idle.model.heard().len(), requests, "the agent goes on although nothing waits");
    idle.ends().await;
}

#[tokio::test]
async fn gemini_is_not_woken_in_a_tmux_that_the_launcher_did_not_make() {
    let Some(machine) = Machine::with(AgentCli::Gemini) else { return };
    let Some(idle) = Idle::start(machine, "own").await else { return };
    let (text, _) = idle.send().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(idle.heard(&text), 0);
    assert!(!idle.pane.screen().contains(WAKING_TEXT), "{}", idle.pane.screen());
    idle.pane.types("Go on.").await;
    idle.until("the next prompt shows the message", || idle.heard(&text) == 1).await;
    idle.ends().await;
}

#[tokio::test]
async fn claude_is_woken_again_after_its_waiter_has_reached_its_time_limit() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    let real = machine.agent().as_std().get_program().to_owned();
    let hooks = machine.path(".local/state/deckwatch/mcp/claude-plugin/hooks/hooks.json");
    // The time limit that the launcher has written is two weeks.
    let shorter = format!("grep -q 1209600 '{0}' && sed -i s/1209600/3/ '{0}'", hooks.display());
    machine.write("bin/claude", &format!("#!/bin/sh\n{shorter}\nexec '{}' \"$@\"\n", real.display()));
    std::process::Command::new("chmod").arg("+x").arg(machine.path("bin/claude")).status().unwrap();
    let Some(idle) = Idle::start(machine, OWN_SESSION).await else { return };
    assert!(std::fs::read_to_string(&hooks).unwrap().contains("\"timeout\": 3,"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    idle.until("the time limit of the waiter", || !has_waiter(&idle.machine)).await;
    let (late, _) = idle.send().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(idle.heard(&late), 0, "there is no waiter");
    // The next turn shows it, and starts a waiter.
    idle.pane.types("Go on.").await;
    idle.until("the next prompt shows the message", || idle.heard(&late) == 1).await;
    idle.until("a new waiter", || has_waiter(&idle.machine)).await;
    let (text, _) = idle.send().await;
    idle.until("the new waiter wakes the agent", || idle.heard(&text) == 1).await;
    idle.ends().await;
}

/// An agent at a terminal that has answered its first prompt.
struct Idle {
    machine: Machine,
    model: ScriptedModel,
    pane: Pane,
    sender: Mailbox,
    agent: String,
    _server: ServerProcess,
    _data: TempDir,
}

impl Idle {
    async fn start(machine: Machine, session: &str) -> Option<Self> {
        if !Pane::has_tmux() {
            return None;
        }
        let model = ScriptedModel::start(Script::default()).await;
        let folder = machine.repository().canonicalize().unwrap();
        for (file, text) in machine.cli.settings_at_terminal(&model, &[folder], "true") {
            machine.write(file, &text);
        }
        if machine.cli == AgentCli::Codex {
            machine.trust_own_hooks().await;
        }
        agree(&machine).await;
        let (key, admin_key, data) = (fresh("context-key"), fresh("admin-key"), tempfile::tempdir().unwrap());
        let server = ServerProcess::start(&program("deckwatch-server"), data.path(), &key, &admin_key).await;
        let api = Api::at(&server.url, (&key, &admin_key), &data.path().join("context.db"));
        let put = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "alpha" }));
        let _: Venture = api.admin().send(put).await.of(201);

        let mut command = machine.launcher(&[]);
        command.args(machine.cli.arguments_at_terminal()).envs(machine.cli.variables(&model));
        command.envs([("CONTEXT_API_URL", &server.url), ("CONTEXT_API_KEY", &key)]).env("TERM", "xterm-256color");
        let pane = Pane::open_session(&command, machine.path("tmux"), session);
        pane.shows(FINAL_TEXT).await;
        let mut sender = api.agent().await;
        (sender.venture, sender.repo) = ("alpha".to_owned(), "example-org/alpha-console".to_owned());
        let sender = sender.mailbox().await;
        let idle = Self { machine, model, pane, sender, agent: String::new(), _server: server, _data: data };
        idle.until("the agent is idle", || idle.is_idle()).await;
        let agent = idle.own_name().await;
        Some(Self { agent, ..idle })
    }

    /// The name of the agent, once its server has started its day.
    async fn own_name(&self) -> String {
        let started = Instant::now();
        loop {
            let list = TestRequest::of(Operation::ListSessions).query("venture=alpha&status=active");
            let sessions: Value = self.sender.agent.send(list).await.of(200);
            let agents = sessions["items"].as_array().unwrap().iter().map(|session| session["agent"].as_str().unwrap());
            if let Some(agent) = agents.into_iter().find(|agent| *agent != self.sender.name()) {
                return agent.to_owned();
            }
            assert!(started.elapsed() < TIMEOUT, "the agent has no session");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a message to the agent. Returns its text and when it was accepted.
    async fn send(&self) -> (String, Instant) {
        let text = fresh("a-question");
        let _ = self.sender.sent(&[&self.agent], json!({ "body": text })).await;
        (text, Instant::now())
    }

    /// How often a text is in the newest request that has it.
    fn heard(&self, text: &str) -> usize {
        let heard = self.model.heard();
        heard.iter().map(|request| request.text.matches(text).count()).max().unwrap_or_default()
    }

    fn is_idle(&self) -> bool {
        let below = self.machine.path(".local/state/deckwatch/mail");
        files_named(&below, "presence.json").iter().any(|text| text.contains("\"idle\""))
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < TIMEOUT, "timed out: {what}; the screen shows\n{}", self.pane.screen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the conversation. Nothing of the launch is left, also no waiter.
    async fn ends(self) {
        self.pane.types(self.machine.cli.exit_command()).await;
        self.pane.ends().await;
        let bin = self.machine.path("bin");
        let left = || command_lines().into_iter().filter(|line| line.starts_with(bin.to_str().unwrap())).count();
        self.until("the end of all processes", || left() == 0).await;
    }
}

fn has_waiter(machine: &Machine) -> bool {
    let program = machine.path("bin/deckwatch-mcp");
    let waiter = format!("{} hook claude wait", program.display());
    command_lines().iter().any(|line| line.starts_with(&waiter))
}

/// The contents of the files with this name below a folder.
fn files_named(folder: &std::path::Path, name: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let found = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        if path.is_dir() {
            return Some(files_named(&path, name));
        }
        path.ends_with(name).then(|| std::fs::read_to_string(&path).into_iter().collect())
    });
    found.flatten().collect()
}
