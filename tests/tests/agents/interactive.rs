//! Agents in terminals, on two ventures. The MCP server, the shell and the hooks of each agent get its own name, API
//! and secrets, and no process is left behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deckwatch_protocol::{Operation, Venture};
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Caller as _, ServerProcess, TestRequest, fresh, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::consent::agree;
use crate::machine::Machine;
use crate::pane::Pane;
use crate::running::command_lines;

crate::with_every_agent![two_ventures_one_after_the_other, two_ventures_at_once];

/// The time limit for an agent CLI to end its child processes.
const EXIT_TIMEOUT: Duration = Duration::from_secs(15);
const FINAL_TEXT: &str = "The script is over.";
/// The name of the secret of every venture.
const SECRET: &str = "VENTURE_SECRET";
/// A stub of Infisical's CLI: prints the secrets of the folder in its arguments.
const INFISICAL: &str = r#"#!/bin/sh
for word in "$@"; do case "$word" in --path=/*) path=${word#--path=/};; esac; done
printf '[{"key": "VENTURE_SECRET", "value": "secret-of-%s-console"}]' "$path"
"#;

async fn two_ventures_one_after_the_other(machine: Machine) {
    let Some(workstation) = Workstation::of(machine).await else { return };
    for venture in ["alpha", "beta"] {
        let pane = workstation.launch(venture);
        workstation.works_on(venture, &pane, 1).await;
        workstation.ends_conversation(&pane).await;
    }
    workstation.no_process_is_left().await;
}

async fn two_ventures_at_once(machine: Machine) {
    let Some(workstation) = Workstation::of(machine).await else { return };
    let alpha = workstation.launch("alpha");
    workstation.works_on("alpha", &alpha, 1).await;
    let beta = workstation.launch("beta");
    workstation.works_on("beta", &beta, 2).await;
    workstation.ends_conversation(&alpha).await;
    workstation.ends_conversation(&beta).await;
    workstation.no_process_is_left().await;
}

#[tokio::test]
async fn a_launch_does_not_use_the_background_server_of_a_codex_that_the_user_started() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let Some(workstation) = Workstation::of(machine).await else { return };
    let without_launcher = Pane::open(
        &workstation.without_launcher("alpha", &BTreeMap::new()),
        workstation.machine.path("tmux-without-launcher"),
    );
    without_launcher.waits("background server", || workstation.daemons().len() == 2).await;
    without_launcher.shows(FINAL_TEXT).await;
    let before = workstation.daemons();
    // The first slot is held for the conversation without the launcher, which has started its day too.
    for venture in ["alpha", "beta"] {
        let pane = workstation.launch(venture);
        workstation.works_on(venture, &pane, 2).await;
        workstation.ends_conversation(&pane).await;
    }
    assert_eq!(workstation.daemons(), before, "a launch must not change the server that the user has started");
}

#[tokio::test]
async fn the_environment_of_a_launch_that_a_background_server_passes_on_is_refused() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let Some(workstation) = Workstation::of(machine).await else { return };
    let launched = workstation.launch("alpha");
    workstation.works_on("alpha", &launched, 1).await;
    let environment = workstation.environment("shell", "alpha");

    // An older version of Deckwatch could leave this state: the background server has the environment of a launch.
    let first =
        Pane::open(&workstation.without_launcher("alpha", &environment), workstation.machine.path("tmux-first"));
    first.waits("background server", || !workstation.daemons().is_empty()).await;
    let second =
        Pane::open(&workstation.without_launcher("beta", &BTreeMap::new()), workstation.machine.path("tmux-second"));
    let refused = || {
        workstation
            .model
            .heard()
            .iter()
            .any(|heard| heard.results.iter().any(|it| it.contains("failed: the environment")))
    };
    second.waits("refusal", refused).await;
    let screen = second.shows(FINAL_TEXT).await;
    let refusals: Vec<String> = workstation.model.heard().into_iter().flat_map(|heard| heard.results).collect();
    let refusal =
        refusals.iter().find(|result| result.contains("failed: the environment")).unwrap_or_else(|| panic!("{screen}"));
    for text in ["belongs to the launch of", "codex app-server daemon stop", "Nothing was read or recorded"] {
        assert!(refusal.contains(text), "{text:?} is not in {refusal}");
    }
    assert_eq!(workstation.sessions("beta").await, 0);
    assert_eq!(workstation.sessions("alpha").await, 1, "only the launch has a session");

    let doctor = workstation.machine.verb(&["mcp", "doctor"]).output().await.unwrap();
    let stdout = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(stdout.contains("background server") && stdout.contains("codex app-server daemon stop"), "{stdout}");
    assert!(!doctor.status.success(), "{stdout}");
}

#[tokio::test]
async fn claude_code_moves_no_session_of_a_launch_to_its_background_service() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    let Some(workstation) = Workstation::of(machine).await else { return };
    let pane = workstation.launch("alpha");
    workstation.works_on("alpha", &pane, 1).await;
    pane.types("/background").await;
    pane.shows("Unknown command: /background").await;
    workstation.ends_conversation(&pane).await;
    workstation.no_process_is_left().await;
}

#[tokio::test]
async fn arguments_that_need_a_background_server_are_refused_before_anything_starts() {
    for (cli, arguments) in [
        (AgentCli::Codex, &["agents"][..]),
        (AgentCli::Codex, &["--remote", "unix://x"]),
        (AgentCli::Codex, &["app-server", "daemon", "start"]),
        (AgentCli::Claude, &["--bg", "hello"]),
        (AgentCli::Claude, &["agents"]),
    ] {
        let Some(machine) = Machine::with(cli) else { return };
        let output = machine.launcher(&[]).args(arguments).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("needs a background server") && stderr.contains("without the launcher"), "{stderr}");
    }
}

/// A user's machine with two ventures, an API for each, and a model for all agents.
struct Workstation {
    machine: Machine,
    model: ScriptedModel,
    apis: BTreeMap<&'static str, Team>,
}

/// The API of one venture.
struct Team {
    server: ServerProcess,
    api: Api,
    key: String,
    _data: TempDir,
}

impl Workstation {
    async fn of(machine: Machine) -> Option<Self> {
        if !Pane::has_tmux() {
            return None;
        }
        let home = machine.path("");
        let record_environment = |name: &str| format!("env > {}{name}.$DECKWATCH_VENTURE", home.display());
        // In a terminal, some CLIs send the first prompt before their MCP servers are ready, so the command waits for
        // the server.
        let server = "until ps -axww -o command= | grep -q \"$HOME/bin/[d]eckwatch-mcp\"; do sleep 0.1; done; sleep 1";
        let script =
            Script::default().shell(&format!("{server}; {}", record_environment("shell"))).call("sod", json!({}));
        let model = ScriptedModel::start(script).await;
        machine.clone_repository("beta");
        let folders = ["alpha", "beta"].map(|venture| machine.repository_of(venture).canonicalize().unwrap());
        for (file, text) in machine.cli.settings_at_terminal(&model, &folders, &record_environment("hook")) {
            machine.write(file, &text);
        }
        machine.write(".config/deckwatch/config.toml", "[infisical]\nproject_id = \"p\"\n");
        machine.write("bin/infisical", INFISICAL);
        std::process::Command::new("chmod").arg("+x").arg(machine.path("bin/infisical")).status().unwrap();
        let mut apis = BTreeMap::new();
        for venture in ["alpha", "beta"] {
            apis.insert(venture, Team::of(venture).await);
        }
        let workstation = Self { machine, model, apis };
        if workstation.machine.cli == AgentCli::Codex {
            workstation.machine.trust_own_hooks().await;
        }
        agree(&workstation.machine).await;
        Some(workstation)
    }

    /// Starts an agent in a terminal.
    fn launch(&self, venture: &str) -> Pane {
        let team = &self.apis[venture];
        let mut command = self.machine.launcher_on(venture, &[]);
        command.args(self.machine.cli.arguments_at_terminal()).envs(self.machine.cli.variables(&self.model));
        command.envs([("CONTEXT_API_URL", &team.server.url), ("CONTEXT_API_KEY", &team.key)]);
        command.env("TERM", "xterm-256color");
        Pane::open(&command, self.machine.path(&format!("tmux-{venture}")))
    }

    /// The agent's CLI without the launcher, in the repository of a venture.
    fn without_launcher(&self, venture: &str, environment: &BTreeMap<String, String>) -> Command {
        let mut command = self.machine.agent();
        command.args(self.machine.cli.arguments_at_terminal()).envs(self.machine.cli.variables(&self.model));
        command.envs(environment).current_dir(self.machine.repository_of(venture)).env("TERM", "xterm-256color");
        command
    }

    /// Checks that an agent's MCP server, shell and hook have the venture's own name, API and secrets.
    async fn works_on(&self, venture: &'static str, pane: &Pane, slot: u32) {
        // The second call of the script comes after the first result.
        let name = format!("example-org/{venture}-console");
        let has_started =
            || self.model.heard().iter().any(|heard| heard.results.len() == 2 && heard.text.contains(&name));
        pane.waits("start of day", has_started).await;
        pane.shows(FINAL_TEXT).await;
        let (team, agent) = (&self.apis[venture], format!("-{}-{slot}", self.machine.cli.program()));
        for source in ["shell", "hook"] {
            let environment = self.environment(source, venture);
            let value = |name: &str| environment.get(name).cloned().unwrap_or_default();
            // Gemini CLI does not pass variables with names like secrets to its shell.
            let passes_secrets = self.machine.cli != AgentCli::Gemini;
            assert_eq!(value("DECKWATCH_REPO"), format!("example-org/{venture}-console"), "{source}");
            assert!(value("DECKWATCH_AGENT").ends_with(&agent), "{source}: {environment:?}");
            assert_eq!(value("CONTEXT_API_URL"), team.server.url, "{source}");
            if passes_secrets {
                assert_eq!(value(SECRET), format!("secret-of-{venture}-console"), "{source}");
            }
        }
        let sessions = self.recorded(venture).await;
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        assert!(sessions[0]["agent"].as_str().unwrap().ends_with(&agent), "{sessions:?}");
        assert_eq!(sessions[0]["repo"], format!("example-org/{venture}-console"));
    }

    async fn ends_conversation(&self, pane: &Pane) {
        pane.types(self.machine.cli.exit_command()).await;
        pane.ends().await;
    }

    /// Checks that no process of these launches is left.
    async fn no_process_is_left(&self) {
        let home = self.machine.path("").canonicalize().unwrap();
        let left = || -> Vec<String> {
            let ours = |line: &String| line.contains(home.to_str().unwrap()) && !line.starts_with("tmux");
            command_lines().into_iter().filter(ours).collect()
        };
        let asked = Instant::now();
        while !left().is_empty() {
            assert!(asked.elapsed() < EXIT_TIMEOUT, "{:#?}", left());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The environment that a shell or a hook of a venture's agent has recorded.
    fn environment(&self, source: &str, venture: &str) -> BTreeMap<String, String> {
        let file = self.machine.path(&format!("{source}.{venture}"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    async fn sessions(&self, venture: &str) -> usize {
        self.recorded(venture).await.len()
    }

    async fn recorded(&self, venture: &str) -> Vec<Value> {
        let all: Value = self.apis[venture].api.admin().send(TestRequest::of(Operation::ListSessions)).await.of(200);
        all["items"].as_array().unwrap().clone()
    }

    /// The process ids of Codex's background server.
    fn daemons(&self) -> Vec<u32> {
        let folder = self.machine.path(".codex/app-server-daemon");
        let pid = |name: &str| {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            Some(u32::try_from(serde_json::from_str::<Value>(&text).ok()?["pid"].as_u64()?).unwrap())
        };
        ["daemon.pid", "daemon-updater.pid"].into_iter().filter_map(pid).collect()
    }
}

impl Drop for Workstation {
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
        let put = TestRequest::of(Operation::PutVenture).with(venture).json(&json!({ "name": venture }));
        let _: Venture = api.admin().send(put).await.of(201);
        Self { server, api, key, _data: data }
    }
}
