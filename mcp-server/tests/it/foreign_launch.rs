//! An environment that belongs to another launch: tools refuse to work under its name and say why.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use deckwatch_machine::agent::{Slot, SlotRequest, launch_id, this_host};
use deckwatch_machine::dirs::Dirs;
use serde_json::json;

use crate::harness::{Machine, Mcp, handoff};
use crate::server::{Server, command};

const REMOTE: &str = "https://github.com/example-org/alpha.git";

/// A process that holds a slot, like an agent's CLI.
pub(crate) struct Launched {
    holder: Child,
    agent: String,
    launch: String,
}

impl Launched {
    pub(crate) fn on(machine: &Machine) -> Self {
        let home = OsString::from(machine.home());
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
        let holder = Command::new("sleep").arg("600").spawn().unwrap();
        let (client, venture) = ("codex".parse().unwrap(), "alpha".parse().unwrap());
        let slot = Slot::claim(&dirs, &this_host(), &client, &venture, holder.id(), SlotRequest::Any).unwrap();
        let launch = launch_id(holder.id()).unwrap();
        Self { holder, agent: slot.agent.to_string(), launch }
    }

    /// A server with the environment of this launch, in a repository.
    pub(crate) fn server(&self, machine: &Machine, remote: &str) -> Mcp {
        let mut command = machine.command(&machine.repository_once(remote));
        command.envs([("DECKWATCH_AGENT", self.agent.as_str()), ("DECKWATCH_LAUNCH", self.launch.as_str())]);
        command.envs([("DECKWATCH_VENTURE", "alpha"), ("DECKWATCH_REPO", "example-org/alpha")]);
        Mcp::initialized(command)
    }

    pub(crate) fn ends(&mut self) {
        let _ = self.holder.kill();
        self.holder.wait().unwrap();
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.ends();
    }
}

#[test]
fn a_server_that_outlives_its_launch_records_nothing() {
    let machine = Machine::new();
    let mut launched = Launched::on(&machine);
    let mut server = launched.server(&machine, REMOTE);
    let _ = server.call("sod", &json!({})).good();

    launched.ends();
    for tool in ["sod", "context", "status", "notes", "ventures"] {
        let answer = server.call(tool, &json!({}));
        assert!(answer.is_error, "{tool}: {}", answer.text);
        for command_line in
            ["belongs to the launch of", "which has ended", "Nothing was read or recorded", "launcher <venture>"]
        {
            assert!(answer.text.contains(command_line), "{command_line:?} is not in {}", answer.text);
        }
    }
    for (method, params) in
        [("resources/list", json!({})), ("resources/read", json!({"uri": "deckwatch://handoffs/latest"}))]
    {
        let answer = server.request(method, &params);
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("which has ended"), "{method}: {answer}");
    }
    let report = server.call("preflight", &json!({})).text;
    assert!(report.contains("FAIL agent") && report.contains("start the agent again"), "{report}");

    // A later launch gets the same name.
    let next = Launched::on(&machine);
    assert_eq!(next.agent, launched.agent);
    let answer = server.call("sod", &json!({}));
    assert!(answer.is_error && answer.text.contains("a later launch has that name now"), "{}", answer.text);
}

#[test]
fn a_requested_day_does_not_start_after_the_launch_has_ended() {
    let (machine, mut api) = (Machine::new(), Server::started());
    let mut launched = Launched::on(&machine);
    let mut command = command(&machine, &launched.agent, &machine.repository_once(REMOTE), &api.url());
    command.env("DECKWATCH_LAUNCH", &launched.launch);
    let mut server = Mcp::initialized(command);
    let _ = server.call("sod", &json!({})).good();
    let _ = server.call("handoff", &handoff("Before the outage.")).good();
    api.kill();
    assert_eq!(server.call("sod", &json!({})).good().facts["outcome"], "unavailable");

    launched.ends();
    let _next = Launched::on(&machine);
    // A running start of day checks its launch every second.
    std::thread::sleep(Duration::from_secs(2));
    api.start();
    // The first tries come after one, two and four seconds.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        assert_eq!(api.active_sessions(), 0, "after {:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_detached_server_works_only_in_the_repository_of_the_launch() {
    let machine = Machine::new();
    let launched = Launched::on(&machine);
    // The parent of the server is this test, not the launch.
    let _ = launched.server(&machine, REMOTE).call("sod", &json!({})).good();
    let answer = launched.server(&machine, "https://github.com/example-org/beta.git").call("sod", &json!({}));
    assert!(answer.is_error && answer.text.contains("works on example-org/beta"), "{}", answer.text);
}

/// Starts a server as a child of this test, which holds the slot.
fn started_by_the_launch(machine: &Machine, dir: &Path, repos: &str) -> Mcp {
    let home = OsString::from(machine.home());
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
    let (client, venture) = ("codex".parse().unwrap(), "alpha".parse().unwrap());
    let slot = Slot::claim(&dirs, &this_host(), &client, &venture, std::process::id(), SlotRequest::Any).unwrap();
    let mut command = machine.command(dir);
    command.envs([("DECKWATCH_AGENT", slot.agent.as_str()), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("DECKWATCH_REPO", "example-org/alpha"), ("DECKWATCH_REPOS", repos)]);
    command.env("DECKWATCH_LAUNCH", launch_id(std::process::id()).unwrap());
    Mcp::initialized(command)
}

#[test]
fn a_child_of_the_launch_works_only_in_the_repositories_of_its_venture() {
    let machine = Machine::new();
    let (alpha, beta) = (machine.repository(REMOTE), machine.repository("https://github.com/example-org/beta.git"));
    let inner = alpha.join("src/deep");
    std::fs::create_dir_all(&inner).unwrap();
    let worktree = machine.home().join("alpha-worktree");
    machine.git(&alpha, &["worktree", "add", "--quiet", worktree.to_str().unwrap()]);
    for (dir, repos) in [(&alpha, ""), (&inner, ""), (&worktree, ""), (&beta, "example-org/alpha,Example-Org/Beta")] {
        let _ = started_by_the_launch(&machine, dir, repos).call("sod", &json!({})).good();
    }
    let answer = started_by_the_launch(&machine, &beta, "example-org/alpha").call("sod", &json!({}));
    let expected = "which is not a repository of its venture";
    assert!(answer.is_error && answer.text.contains(expected), "{}", answer.text);

    // The ventures file may have more repositories than the launcher's variable.
    let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/beta"]}]}"#;
    let folder = machine.home().join(".config/deckwatch");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ventures.json"), ventures).unwrap();
    let _ = started_by_the_launch(&machine, &beta, "example-org/alpha").call("sod", &json!({})).good();
}

#[test]
fn a_name_without_a_launch_is_accepted() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let _ = machine.agent("mac1-codex-7", &dir).call("sod", &json!({})).good();
    // The state folder of the launch is not in this container.
    let mut command = machine.command(&dir);
    command.envs([("DECKWATCH_AGENT", "mac2-codex-1"), ("DECKWATCH_LAUNCH", "1@elsewhere")]);
    let _ = Mcp::initialized(command).call("sod", &json!({})).good();
}

#[test]
fn each_session_of_a_background_server_holds_its_own_slot() {
    let machine = Machine::new();
    let server = machine.command(&machine.repository(REMOTE));
    let script = machine.home().join("codex");
    std::fs::write(&script, format!("'{}'\nexit\n", server.get_program().display())).unwrap();
    let mut daemon = Command::new("sh");
    daemon.arg(&script).args(["app-server", "--managed-daemon"]).current_dir(server.get_current_dir().unwrap());
    daemon.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut server = Mcp::initialized_as(daemon, "codex-mcp-client");
    let _ = server.call("sod", &json!({})).good();
    let file = machine.home().join(format!(".local/state/deckwatch/slots/{}/codex-1.json", this_host()));
    let slot: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let pid = slot["holder"]["pid"].to_string();
    let command_line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&command_line).contains("app-server"), "{slot}");
}
