//! Agents that stop without an end of day: other agents see it at once, and the same agent can continue its session.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{ScriptedApi, session};
use crate::harness::{Answer, Machine, Mcp};

const REMOTE: &str = "https://github.com/example-org/alpha.git";
const AGENT: &str = "mac1-claude-1";

/// Another agent on the same machine, which looks at the active agents.
struct Onlooker(Mcp);

impl Onlooker {
    fn new(machine: &Machine, dir: &Path) -> Self {
        Self(machine.agent("mac1-claude-9", dir))
    }

    fn look(&mut self) -> Answer {
        self.0.call("context", &json!({})).good()
    }

    fn others(&mut self) -> Value {
        self.look().facts["others_total"].clone()
    }

    /// Waits until this number of other agents is active.
    #[track_caller]
    fn waits_for(&mut self, others: u32) {
        let asked = Instant::now();
        while self.others() != json!(others) {
            assert!(asked.elapsed() < Duration::from_secs(20), "{}", self.look().text);
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

fn place() -> (Machine, PathBuf) {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    (machine, dir)
}

fn started(machine: &Machine, dir: &Path) -> (Mcp, Value) {
    let mut agent = machine.agent(AGENT, dir);
    let session = agent.call("sod", &json!({})).good().facts["session_id"].clone();
    (agent, session)
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, "--", &process.to_string()]).status().unwrap().success());
}

/// A shell that stands for the agent's CLI and starts the server. It leads a process group.
fn command_under_a_shell(machine: &Machine, dir: &Path) -> Command {
    let server = machine.command(dir);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\"; :"]).arg(server.get_program()).current_dir(dir).env_clear().process_group(0);
    shell.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("DECKWATCH_AGENT", AGENT);
    shell
}

#[test]
fn an_agent_whose_input_closes_leaves_and_can_continue_its_session() {
    let (machine, dir) = place();
    let (mut agent, session) = started(&machine, &dir);
    let mut onlooker = Onlooker::new(&machine, &dir);
    assert_eq!(onlooker.others(), 1);
    assert!(agent.close().success());
    let alone = onlooker.look();
    assert!(alone.text.ends_with("Other active agents: none"), "{}", alone.text);

    let mut again = machine.agent(AGENT, &dir);
    let day = again.call("sod", &json!({})).good();
    assert_eq!((&day.facts["session_id"], &day.facts["outcome"]), (&session, &json!("resumed")));
    assert_eq!(onlooker.others(), 1);
}

#[test]
fn an_agent_that_gets_a_signal_leaves_its_session() {
    let (machine, dir) = place();
    let mut onlooker = Onlooker::new(&machine, &dir);
    for name in ["-TERM", "-HUP", "-INT"] {
        let (mut agent, _) = started(&machine, &dir);
        assert_eq!(onlooker.others(), 1);
        signal(name, agent.child.id());
        assert!(agent.child.wait().unwrap().success(), "{name}");
        assert_eq!(onlooker.others(), 0, "{name}");
    }
}

#[test]
fn a_server_leaves_all_its_sessions() {
    let (machine, dir) = place();
    let (mut agent, _) = started(&machine, &dir);
    let _ = agent.call("sod", &json!({"track": 1})).good();
    let mut onlooker = Onlooker::new(&machine, &dir);
    assert_eq!(onlooker.others(), 2);
    agent.close();
    assert_eq!(onlooker.others(), 0);
}

#[test]
fn a_server_that_only_listed_its_tools_leaves_no_session() {
    let (machine, dir) = place();
    let (_agent, _) = started(&machine, &dir);
    let mut probe = machine.agent(AGENT, &dir);
    let _ = probe.request("tools/list", &json!({}));
    assert!(probe.close().success());
    assert_eq!(Onlooker::new(&machine, &dir).others(), 1);
}

#[test]
fn only_the_last_of_two_servers_leaves_the_session() {
    let (machine, dir) = place();
    let (mut old, session) = started(&machine, &dir);
    let mut new = machine.agent(AGENT, &dir);
    assert_eq!(new.call("context", &json!({})).good().facts["session_id"], session);
    let mut onlooker = Onlooker::new(&machine, &dir);
    old.close();
    assert_eq!(onlooker.others(), 1);
    new.close();
    assert_eq!(onlooker.others(), 0);
}

#[test]
fn a_restarted_server_continues_the_session_without_a_call() {
    let (machine, dir) = place();
    let (mut agent, _) = started(&machine, &dir);
    let mut onlooker = Onlooker::new(&machine, &dir);
    agent.close();
    assert_eq!(onlooker.others(), 0);
    let mut again = machine.agent(AGENT, &dir);
    onlooker.waits_for(1);
    again.close();
    assert_eq!(onlooker.others(), 0, "although no tool was called");
}

#[test]
fn a_server_of_another_process_does_not_continue_the_session_without_a_call() {
    let (machine, dir) = place();
    let (mut agent, session) = started(&machine, &dir);
    agent.close();
    let mut probe = Mcp::initialized(command_under_a_shell(&machine, &dir));
    let _ = probe.request("tools/list", &json!({}));
    let mut onlooker = Onlooker::new(&machine, &dir);
    for _ in 0..4 {
        assert_eq!(onlooker.others(), 0);
        std::thread::sleep(Duration::from_millis(250));
    }
    let day = probe.call("sod", &json!({})).good();
    assert_eq!(day.facts["session_id"], session, "{}", day.text);
    probe.close();
}

#[test]
fn a_killed_agent_is_gone_on_its_machine_and_then_everywhere() {
    let (machine, dir) = place();
    let mut agent = Mcp::initialized(command_under_a_shell(&machine, &dir));
    let session = agent.call("sod", &json!({})).good().facts["session_id"].clone();
    let mut onlooker = Onlooker::new(&machine, &dir);
    assert_eq!(onlooker.others(), 1);
    signal("-KILL", agent.child.id());
    signal_group(agent.child.id());
    agent.child.wait().unwrap();

    let day = onlooker.0.call("sod", &json!({})).good();
    let gone = "Gone: mac1-claude-1; its process on this machine has ended without a handoff.";
    assert!(day.text.contains(gone) && !day.text.contains("Warning"), "{}", day.text);
    assert_eq!(day.facts["active_sessions"], json!({"shown": 0, "total": 0}), "{}", day.text);
    let asked = Instant::now();
    while onlooker.look().text.contains(gone) {
        assert!(asked.elapsed() < Duration::from_secs(20), "the API was not told");
        std::thread::sleep(Duration::from_millis(250));
    }
    let mut again = Mcp::initialized(command_under_a_shell(&machine, &dir));
    assert_eq!(again.call("sod", &json!({})).good().facts["session_id"], session);
    again.close();
}

/// Kills the process group, and so also the server, whose input is still open.
fn signal_group(leader: u32) {
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).status().unwrap();
}

#[test]
fn a_hanging_api_delays_the_end_of_the_process_by_at_most_2_s() {
    let (machine, dir) = place();
    let api = ScriptedApi::start(|method, path| {
        if path.ends_with("/leave") {
            std::thread::sleep(Duration::from_mins(1));
        }
        let list = json!({"items": [session(AGENT)], "total": 1, "next_cursor": null});
        (200, if method == "GET" { list } else { session(AGENT) })
    });
    let mut command = machine.command(&dir);
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha"), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    command.env("CONTEXT_API_URL", &api.url);
    let mut agent = Mcp::initialized(command);
    // The server finds the session. Other requests fail at this API.
    let _ = agent.call("context", &json!({})).trouble();
    let asked = Instant::now();
    assert!(agent.close().success());
    let waited = asked.elapsed();
    assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(4), "{waited:?}");
}
