//! Agents at a terminal, on two ventures: each has its own name, API and secrets, in its MCP server, its shell and
//! its hooks, and nothing stays behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use deckwatch_protocol::{Operation, Venture};
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Ask, Caller as _, ServerProcess, fresh, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::pane::Pane;
use crate::running::command_lines;

crate::with_every_agent![two_ventures_one_after_the_other, two_ventures_at_once];

/// As long as a tool may take to end what it started.
const FAREWELL: Duration = Duration::from_secs(15);
const LAST_WORDS: &str = "The script is over.";
/// What a venture's secret is called, everywhere.
const SECRET: &str = "VENTURE_SECRET";
/// Infisical's tool: prints the secrets of the folder that it is asked for.
const INFISICAL: &str = r#"#!/bin/sh
for word in "$@"; do case "$word" in --path=/*) path=${word#--path=/};; esac; done
printf '[{"key": "VENTURE_SECRET", "value": "secret-of-%s-console"}]' "$path"
"#;

async fn two_ventures_one_after_the_other(machine: Machine) {
    let Some(desk) = Desk::of(machine).await else { return };
    for venture in ["alpha", "beta"] {
        let pane = desk.launch(venture);
        desk.works_on(venture, &pane, 1).await;
        desk.leaves(&pane).await;
    }
    desk.nothing_is_left().await;
}

async fn two_ventures_at_once(machine: Machine) {
    let Some(desk) = Desk::of(machine).await else { return };
    let alpha = desk.launch("alpha");
    desk.works_on("alpha", &alpha, 1).await;
    let beta = desk.launch("beta");
    desk.works_on("beta", &beta, 2).await;
    desk.leaves(&alpha).await;
    desk.leaves(&beta).await;
    desk.nothing_is_left().await;
}

#[tokio::test]
async fn a_launch_is_not_served_by_the_background_server_of_a_codex_that_a_person_started() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let Some(desk) = Desk::of(machine).await else { return };
    let bare = Pane::open(&desk.bare("alpha", &BTreeMap::new()), desk.machine.path("tmux-bare"));
    bare.waits("background server", || desk.daemons().len() == 2).await;
    bare.shows(LAST_WORDS).await;
    let before = desk.daemons();
    for venture in ["alpha", "beta"] {
        let pane = desk.launch(venture);
        desk.works_on(venture, &pane, 1).await;
        desk.leaves(&pane).await;
    }
    assert_eq!(desk.daemons(), before, "the person's server is the person's");
}

#[tokio::test]
async fn the_environment_that_a_background_server_passes_on_is_refused() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let Some(desk) = Desk::of(machine).await else { return };
    let launched = desk.launch("alpha");
    desk.works_on("alpha", &launched, 1).await;
    let environment = desk.environment("shell", "alpha");

    // As a build before this one left it: the server has the environment of the launch.
    let first = Pane::open(&desk.bare("alpha", &environment), desk.machine.path("tmux-first"));
    first.waits("background server", || !desk.daemons().is_empty()).await;
    let second = Pane::open(&desk.bare("beta", &BTreeMap::new()), desk.machine.path("tmux-second"));
    let refused = || desk.model.heard().iter().any(|heard| heard.results.iter().any(|it| it.contains("did not work")));
    second.waits("refusal", refused).await;
    let told = second.shows(LAST_WORDS).await;
    let refusals: Vec<String> = desk.model.heard().into_iter().flat_map(|heard| heard.results).collect();
    let refusal = refusals.iter().find(|result| result.contains("did not work")).unwrap_or_else(|| panic!("{told}"));
    for words in ["belongs to the launch of", "codex app-server daemon stop", "Nothing was read or recorded"] {
        assert!(refusal.contains(words), "{words:?} is not in {refusal}");
    }
    assert_eq!(desk.sessions("beta").await, 0);
    assert_eq!(desk.sessions("alpha").await, 1, "the launch has its own");

    let doctor = desk.machine.verb(&["mcp", "doctor"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("background server") && said.contains("codex app-server daemon stop"), "{said}");
    assert!(!doctor.status.success(), "{said}");
}

#[tokio::test]
async fn claude_code_moves_no_session_of_a_launch_to_its_background_service() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    let Some(desk) = Desk::of(machine).await else { return };
    let pane = desk.launch("alpha");
    desk.works_on("alpha", &pane, 1).await;
    pane.types("/background").await;
    pane.shows("Unknown command: /background").await;
    desk.leaves(&pane).await;
    desk.nothing_is_left().await;
}

#[tokio::test]
async fn what_needs_a_background_server_is_refused_before_anything_starts() {
    for (cli, words) in [
        (AgentCli::Codex, &["agents"][..]),
        (AgentCli::Codex, &["--remote", "unix://x"]),
        (AgentCli::Codex, &["app-server", "daemon", "start"]),
        (AgentCli::Claude, &["--bg", "hello"]),
        (AgentCli::Claude, &["agents"]),
    ] {
        let Some(machine) = Machine::with(cli) else { return };
        let output = machine.launcher(&[]).args(words).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("needs a background server") && said.contains("without the launcher"), "{said}");
    }
}

/// A person's machine with two ventures, each with an API of its own, and a model that both talk to.
struct Desk {
    machine: Machine,
    model: ScriptedModel,
    apis: BTreeMap<&'static str, Team>,
}

/// A team's API.
struct Team {
    server: ServerProcess,
    api: Api,
    key: String,
    _data: TempDir,
}

impl Desk {
    async fn of(machine: Machine) -> Option<Self> {
        if !Pane::possible() {
            return None;
        }
        let home = machine.path("");
        let note = |what: &str| format!("env > {}{what}.$DECKWATCH_VENTURE", home.display());
        // At a terminal, tools take the first prompt before their MCP servers have answered.
        let server = "until ps -axww -o command= | grep -q \"$HOME/bin/[d]eckwatch-mcp\"; do sleep 0.1; done; sleep 1";
        let script = Script::default().shell(&format!("{server}; {}", note("shell"))).call("sod", json!({}));
        let model = ScriptedModel::start(script).await;
        machine.clone_repository("beta");
        let folders = ["alpha", "beta"].map(|venture| machine.repository_of(venture).canonicalize().unwrap());
        for (file, text) in machine.cli.settings_at_terminal(&model, &folders, &note("hook")) {
            machine.write(file, &text);
        }
        machine.write(".config/deckwatch/config.toml", "[infisical]\nproject_id = \"p\"\n");
        machine.write("bin/infisical", INFISICAL);
        std::process::Command::new("chmod").arg("+x").arg(machine.path("bin/infisical")).status().unwrap();
        let mut apis = BTreeMap::new();
        for venture in ["alpha", "beta"] {
            apis.insert(venture, Team::of(venture).await);
        }
        let desk = Self { machine, model, apis };
        if desk.machine.cli == AgentCli::Codex {
            desk.trust_hooks().await;
        }
        Some(desk)
    }

    /// An agent that works at a terminal until it is told to leave.
    fn launch(&self, venture: &str) -> Pane {
        let team = &self.apis[venture];
        let mut command = self.machine.launcher_on(venture, &[]);
        command.args(self.machine.cli.arguments_at_terminal()).envs(self.machine.cli.variables(&self.model));
        command.envs([("CONTEXT_API_URL", &team.server.url), ("CONTEXT_API_KEY", &team.key)]);
        command.env("TERM", "xterm-256color");
        Pane::open(&command, self.machine.path(&format!("tmux-{venture}")))
    }

    /// The tool as a person starts it without the launcher, in a venture's repository.
    fn bare(&self, venture: &str, environment: &BTreeMap<String, String>) -> Command {
        let mut command = self.machine.agent();
        command.args(self.machine.cli.arguments_at_terminal()).envs(self.machine.cli.variables(&self.model));
        command.envs(environment).current_dir(self.machine.repository_of(venture)).env("TERM", "xterm-256color");
        command
    }

    /// That an agent's MCP server, shell and hook have the venture's own name, API and secrets.
    async fn works_on(&self, venture: &'static str, pane: &Pane, slot: u32) {
        // The script's second call is made with the first one's result.
        let name = format!("example-org/{venture}-console");
        let has_started =
            || self.model.heard().iter().any(|heard| heard.results.len() == 2 && heard.told.contains(&name));
        pane.waits("start of day", has_started).await;
        pane.shows(LAST_WORDS).await;
        let (team, agent) = (&self.apis[venture], format!("-{}-{slot}", self.machine.cli.program()));
        for witness in ["shell", "hook"] {
            let environment = self.environment(witness, venture);
            let said = |name: &str| environment.get(name).cloned().unwrap_or_default();
            // Gemini CLI keeps what looks secret from its shell.
            let secrets_pass = self.machine.cli != AgentCli::Gemini;
            assert_eq!(said("DECKWATCH_REPO"), format!("example-org/{venture}-console"), "{witness}");
            assert!(said("DECKWATCH_AGENT").ends_with(&agent), "{witness}: {environment:?}");
            assert_eq!(said("CONTEXT_API_URL"), team.server.url, "{witness}");
            if secrets_pass {
                assert_eq!(said(SECRET), format!("secret-of-{venture}-console"), "{witness}");
            }
        }
        let sessions = self.recorded(venture).await;
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        assert!(sessions[0]["agent"].as_str().unwrap().ends_with(&agent), "{sessions:?}");
        assert_eq!(sessions[0]["repo"], format!("example-org/{venture}-console"));
    }

    async fn leaves(&self, pane: &Pane) {
        pane.types(self.machine.cli.farewell()).await;
        pane.ends().await;
    }

    /// That no process of these launches runs any more.
    async fn nothing_is_left(&self) {
        let home = self.machine.path("").canonicalize().unwrap();
        let left = || -> Vec<String> {
            let ours = |line: &String| line.contains(home.to_str().unwrap()) && !line.starts_with("tmux");
            command_lines().into_iter().filter(ours).collect()
        };
        let asked = Instant::now();
        while !left().is_empty() {
            assert!(asked.elapsed() < FAREWELL, "{:#?}", left());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a shell or a hook of a venture's agent saw.
    fn environment(&self, witness: &str, venture: &str) -> BTreeMap<String, String> {
        let file = self.machine.path(&format!("{witness}.{venture}"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    async fn sessions(&self, venture: &str) -> usize {
        self.recorded(venture).await.len()
    }

    async fn recorded(&self, venture: &str) -> Vec<Value> {
        let all: Value = self.apis[venture].api.admin().send(Ask::of(Operation::ListSessions)).await.of(200);
        all["items"].as_array().unwrap().clone()
    }

    /// The processes of Codex's background server.
    fn daemons(&self) -> Vec<u32> {
        let folder = self.machine.path(".codex/app-server-daemon");
        let pid = |name: &str| {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            Some(u32::try_from(serde_json::from_str::<Value>(&text).ok()?["pid"].as_u64()?).unwrap())
        };
        ["daemon.pid", "daemon-updater.pid"].into_iter().filter_map(pid).collect()
    }

    /// Says for the person that their hooks may run, as Codex would ask them.
    async fn trust_hooks(&self) {
        let folder = self.machine.repository().canonicalize().unwrap();
        let answer = app_server(self.machine.agent(), "hooks/list", json!({ "cwds": [folder] })).await;
        let mut config = std::fs::read_to_string(self.machine.path(".codex/config.toml")).unwrap();
        for hook in answer["data"][0]["hooks"].as_array().unwrap() {
            let text = |name: &str| serde_json::to_string(&hook[name]).unwrap();
            let (key, hash) = (text("key"), text("currentHash"));
            writeln!(config, "[hooks.state.{key}]\ntrusted_hash = {hash}").unwrap();
        }
        self.machine.write(".codex/config.toml", &config);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for pid in self.daemons() {
            let is_codex = |line: &String| line.starts_with(&format!("{pid} ")) && line.contains("app-server");
            let ps = std::process::Command::new("ps").args(["-axww", "-o", "pid=,command="]).output().unwrap();
            if String::from_utf8_lossy(&ps.stdout)
                .lines()
                .map(|line| line.trim().to_owned())
                .any(|line| is_codex(&line))
            {
                let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
            }
        }
    }
}

impl Team {
    async fn of(venture: &str) -> Self {
        let (key, admin_key, data) = (fresh("context-key"), fresh("admin-key"), tempfile::tempdir().unwrap());
        let server = ServerProcess::start(&program("deckwatch-server"), data.path(), &key, &admin_key).await;
        let api = Api::at(&server.url, (&key, &admin_key), &data.path().join("context.db"));
        let put = Ask::of(Operation::PutVenture).with(venture).json(&json!({ "name": venture }));
        let _: Venture = api.admin().send(put).await.of(201);
        Self { server, api, key, _data: data }
    }
}

/// One question to Codex over its own protocol.
async fn app_server(mut codex: Command, method: &str, params: Value) -> Value {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let pipe = std::process::Stdio::piped;
    let mut child =
        codex.arg("app-server").stdin(pipe()).stdout(pipe()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let (mut input, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let hello = json!({ "clientInfo": { "name": "tests", "version": "1" } });
    for (id, method, params) in [(1, "initialize", hello), (2, method, params)] {
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let answer = loop {
        let line = lines.next_line().await.unwrap().expect("Codex answers");
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["id"] == 2 {
            break message["result"].clone();
        }
    };
    drop(input);
    child.wait().await.unwrap();
    answer
}
