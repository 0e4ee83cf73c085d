//! Agents at terminals, each on its own machine, with one API: they work when the test says so.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use deckwatch_protocol::{Operation, Timestamp, Venture};
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Caller as _, Mailbox, ServerProcess, TestRequest, fresh, program};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::consent::agree;
use crate::machine::Machine;
use crate::pane::Pane;
use crate::running::command_lines;

pub(crate) const FINAL_TEXT: &str = "The script is over.";
/// The beginning of the text that wakes an agent.
pub(crate) const WAKING_TEXT: &str = "You have mail from Deckwatch.";
/// A session of tmux with such a name was made by the launcher.
pub(crate) const OWN_SESSION: &str = "deckwatch-alpha";
const TIMEOUT: Duration = Duration::from_mins(1);

/// An API with the venture `alpha`.
pub(crate) struct Office {
    pub(crate) api: Api,
    /// The URL of the API, as the agents know it.
    url: String,
    /// The process of the API, if it is a server of its own.
    _server: Option<(ServerProcess, TempDir)>,
}

/// An agent at a terminal.
pub(crate) struct Desk {
    // Before the machine: the socket of its tmux is in the home folder.
    pub(crate) pane: Pane,
    pub(crate) machine: Machine,
    pub(crate) model: ScriptedModel,
    /// The name of the agent.
    pub(crate) agent: String,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let (key, admin_key, data) = (fresh("context-key"), fresh("admin-key"), tempfile::tempdir().unwrap());
        let server = ServerProcess::start(&program("deckwatch-server"), data.path(), &key, &admin_key).await;
        let api = Api::at(&server.url, (&key, &admin_key), &data.path().join("context.db"));
        let url = server.url.clone();
        Self { _server: Some((server, data)), ..Self::on(api, url).await }
    }

    /// An office on a new API, which the agents know by this URL.
    pub(crate) async fn on(api: Api, url: String) -> Self {
        let put = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "alpha" }));
        let _: Venture = api.admin().send(put).await.of(201);
        Self { api, url, _server: None }
    }

    /// An agent that has answered its first prompt and waits for the next.
    pub(crate) async fn seat(&self, machine: Machine) -> Desk {
        let model = prepared(&machine).await;
        self.seat_with(machine, model, &[], OWN_SESSION).await
    }

    /// The same on a prepared machine, with arguments for the launcher, in a session of tmux with this name.
    pub(crate) async fn seat_with(
        &self,
        machine: Machine,
        model: ScriptedModel,
        arguments: &[&str],
        session: &str,
    ) -> Desk {
        let before = self.sessions().await;
        let pane = self.launch(&machine, &model, arguments, session);
        let mut desk = Desk { machine, model, pane, agent: String::new() };
        desk.pane.shows(FINAL_TEXT).await;
        let started = Instant::now();
        while desk.agent.is_empty() {
            assert!(started.elapsed() < TIMEOUT, "the agent has no session; the screen shows\n{}", desk.pane.screen());
            let client = format!("-{}-", desk.machine.cli.program());
            let is_new = |session: &(String, u64)| session.0.contains(&client) && !before.contains(session);
            desk.agent = self.sessions().await.into_iter().find(is_new).unwrap_or_default().0;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        desk.until("the agent is idle", || desk.is_idle()).await;
        desk
    }

    /// Starts the launcher in a session of tmux with this name.
    pub(crate) fn launch(&self, machine: &Machine, model: &ScriptedModel, arguments: &[&str], session: &str) -> Pane {
        let mut command = machine.launcher(arguments);
        command.args(machine.cli.arguments_at_terminal()).envs(machine.cli.variables(model));
        command.envs([("CONTEXT_API_URL", self.url.as_str()), ("CONTEXT_API_KEY", self.api.context_key())]);
        command.env("TERM", "xterm-256color");
        Pane::open_session(&command, machine.path(&format!("tmux-{session}")), session)
    }

    /// The name of the only agent whose name has this part, once it has a session.
    pub(crate) async fn only_agent(&self, part: &str) -> String {
        let started = Instant::now();
        loop {
            let mut agents = self.sessions().await.into_iter().filter(|(agent, _)| agent.contains(part));
            if let (Some((agent, _)), None) = (agents.next(), agents.next()) {
                return agent;
            }
            assert!(started.elapsed() < TIMEOUT, "the agent has no session");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The agents with an active session, and its epoch.
    async fn sessions(&self) -> Vec<(String, u64)> {
        let list = TestRequest::of(Operation::ListSessions).query("venture=alpha&status=active&limit=100");
        let sessions: Value = self.api.admin().send(list).await.of(200);
        let sessions = sessions["items"].as_array().unwrap().iter();
        let named = |session: &Value| session["agent"].as_str().unwrap().to_owned();
        sessions.map(|session| (named(session), session["epoch"].as_u64().unwrap())).collect()
    }

    /// An agent of the test that sends messages.
    pub(crate) async fn sender(&self) -> Mailbox {
        let mut sender = self.api.agent().await;
        (sender.venture, sender.repo) = ("alpha".to_owned(), "example-org/alpha-console".to_owned());
        sender.mailbox().await
    }

    /// The record of a message, once its only delivery has this status.
    pub(crate) async fn delivered(&self, message: &str, status: &str) -> Value {
        let started = Instant::now();
        loop {
            let get = TestRequest::of(Operation::GetMessage).with(message);
            let record: Value = self.api.admin().send(get).await.of(200);
            let deliveries = record["deliveries"].as_array().unwrap();
            assert_eq!(deliveries.len(), 1, "{record:#}");
            if deliveries[0]["status"] == status {
                return record;
            }
            assert!(started.elapsed() < TIMEOUT, "the delivery does not become {status}: {record:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Prepares a machine for agents in a terminal, with a model for the first of them.
pub(crate) async fn prepared(machine: &Machine) -> ScriptedModel {
    prepared_with(machine, ScriptedModel::start(Script::default()).await).await
}

/// The same with this model.
pub(crate) async fn prepared_with(machine: &Machine, model: ScriptedModel) -> ScriptedModel {
    let folder = machine.repository().canonicalize().unwrap();
    for (file, text) in machine.cli.settings_at_terminal(&model, &[folder], "true") {
        machine.write(file, &text);
    }
    if machine.cli == crate::agent_cli::AgentCli::Codex {
        machine.trust_own_hooks().await;
    }
    agree(machine).await;
    model
}

impl Desk {
    /// Types a prompt after which the model makes the calls of a script.
    pub(crate) async fn does(&self, script: Script) {
        self.model.continue_with(script);
        self.pane.types("Go on.").await;
    }

    /// Starts work that runs until [`Desk::finishes`] is called with the same name.
    pub(crate) async fn works(&self, name: &str) {
        self.does(Script::default().shell(&until_told(name))).await;
        self.until("the work has begun", || self.machine.path(&format!("running-{name}")).exists()).await;
    }

    pub(crate) fn finishes(&self, name: &str) {
        self.machine.write(&format!("go-{name}"), "");
    }

    /// The results of the calls so far.
    pub(crate) fn results(&self) -> Vec<String> {
        self.model.heard().into_iter().map(|heard| heard.results).max_by_key(Vec::len).unwrap_or_default()
    }

    /// The result of the call after the first `before`.
    pub(crate) async fn result_after(&self, before: usize) -> String {
        self.until("a call has a result", || self.results().len() > before).await;
        self.results()[before].clone()
    }

    /// The files through which the agent's server and its hooks work together.
    fn files(&self) -> Vec<(String, String)> {
        files_named(&self.machine.path(".local/state/deckwatch/mail"), "")
    }

    /// Whether what the hooks have shown is reported to the API.
    pub(crate) fn has_reported(&self) -> bool {
        self.files().iter().any(|(path, _)| path.contains("/reported/"))
    }

    /// Whether a message with this text waits in the folder of the agent.
    pub(crate) fn keeps(&self, text: &str) -> bool {
        self.files().iter().any(|(path, item)| path.contains("/mail/1-") && item.contains(text))
    }

    pub(crate) fn is_idle(&self) -> bool {
        let below = self.machine.path(".local/state/deckwatch/mail");
        files_named(&below, "presence.json")
            .iter()
            .any(|(path, text)| path.contains(&format!("/{}/", self.agent)) && text.contains("\"idle\""))
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(
                started.elapsed() < TIMEOUT,
                "{}: timed out: {what}; results {:#?}; files {:#?}; the screen shows\n{}",
                self.agent,
                self.results(),
                self.files(),
                self.pane.screen()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process ids of the agent's MCP servers.
    pub(crate) fn servers(&self) -> Vec<String> {
        let program = self.machine.path("bin/deckwatch-mcp");
        let of = |line: &String| {
            let (pid, command) = line.trim().split_once(' ')?;
            (command.trim() == program.to_str().unwrap()).then(|| pid.to_owned())
        };
        processes("pid=,command=").iter().filter_map(of).collect()
    }

    /// Kills the agent and every process that it has started, with SIGKILL.
    pub(crate) async fn kill(self) -> (Machine, ScriptedModel) {
        let killed = descendants(self.pane.process());
        let _ = std::process::Command::new("kill").arg("-KILL").args(&killed).status();
        self.pane.ends().await;
        drop(self.pane);
        (self.machine, self.model)
    }

    /// Ends the conversation. Nothing of the launch is left.
    pub(crate) async fn ends(self) {
        self.pane.types(self.machine.cli.exit_command()).await;
        self.pane.ends().await;
        let bin = self.machine.path("bin");
        let left = || command_lines().into_iter().filter(|line| line.starts_with(bin.to_str().unwrap())).count();
        self.until("the end of all processes", || left() == 0).await;
    }
}

/// One line for each process.
fn processes(fields: &str) -> Vec<String> {
    let output = std::process::Command::new("ps").args(["-axww", "-o", fields]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// A process, its children, their children and so on.
fn descendants(process: String) -> Vec<String> {
    let lines = processes("pid=,ppid=");
    let pairs: Vec<(&str, &str)> = lines.iter().filter_map(|line| line.trim().split_once(' ')).collect();
    let (mut found, mut at) = (vec![process], 0);
    while let Some(parent) = found.get(at).cloned() {
        found.extend(pairs.iter().filter(|(_, of)| of.trim() == parent).map(|(pid, _)| (*pid).to_owned()));
        at += 1;
    }
    found
}

/// A command of the shell that says that it runs, and ends when the test says so.
pub(crate) fn until_told(name: &str) -> String {
    format!("touch $HOME/running-{name}; until [ -e $HOME/go-{name} ]; do sleep 0.1; done")
}

/// The paths and contents of the files below a folder whose names end like this.
pub(crate) fn files_named(folder: &Path, end: &str) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let found = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        if path.is_dir() {
            return Some(files_named(&path, end));
        }
        let read = || Some((path.display().to_string(), std::fs::read_to_string(&path).ok()?));
        path.display().to_string().ends_with(end).then(|| read().into_iter().collect())
    });
    found.flatten().collect()
}

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap())
}
