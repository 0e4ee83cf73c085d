//! The life of the process: it sends heartbeats, and ends with its CLI.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{ScriptedApi, problem, session};
use crate::harness::{Machine, Mcp, handoff};

const REMOTE: &str = "https://github.com/example-org/alpha.git";
const AGENT: &str = "mac1-claude-1";

/// An API where the agent has an active session and a heartbeat is due every second.
fn api_with_a_live_session() -> ScriptedApi {
    api_with(|_| (200, session(AGENT)))
}

/// The same, with this answer about the session to a request with this method.
fn api_with(answer: impl Fn(&str) -> (u16, Value) + Send + 'static) -> ScriptedApi {
    ScriptedApi::start(move |method, path| match (method, path.split('?').next().unwrap_or_default()) {
        ("GET", "/v1/sessions") => (200, json!({"items": [answer(method).1], "total": 1, "next_cursor": null})),
        ("PATCH", _) => answer(method),
        _ => {
            let now = "2026-11-21T08:00:00.000Z";
            let id = &session(AGENT)["id"];
            let beat = json!({"session_id": id, "status": "active", "last_heartbeat_at": now, "next_heartbeat_at": now,
                "heartbeat_interval_seconds": 1});
            (200, beat)
        }
    })
}

fn command(machine: &Machine, dir: &std::path::Path, api: &ScriptedApi) -> Command {
    let mut command = machine.command(dir);
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    command
}

#[test]
fn a_restarted_server_sends_heartbeats_without_a_call() {
    let (machine, api) = (Machine::new(), api_with_a_live_session());
    let mut agent = Mcp::initialized(command(&machine, &machine.repository(REMOTE), &api));
    for _ in 0..3 {
        api.wait_for("POST", "/v1/sessions/sess_01JD0000000000000000000001/heartbeat");
    }
    assert!(agent.close().success());
    let after_the_end = std::iter::from_fn(|| api.seen.recv_timeout(Duration::from_millis(1_500)).ok());
    assert!(after_the_end.take(3).count() <= 1, "at most one heartbeat was already on its way");
}

#[test]
fn a_new_branch_or_commit_is_sent_with_the_next_heartbeat() {
    let (machine, api) = (Machine::new(), api_with_a_live_session());
    let dir = machine.repository(REMOTE);
    let _agent = Mcp::initialized(command(&machine, &dir, &api));
    let first = api.wait_for("PATCH", "/v1/sessions/sess_01JD0000000000000000000001");
    assert!(first["commit_sha"].is_string(), "the stored session has no commit: {first}");
    machine.git(&dir, &["switch", "--quiet", "--create", "dev/fix"]);
    let second = api.wait_for("PATCH", "/v1/sessions/sess_01JD0000000000000000000001");
    assert_eq!(second["branch"], "dev/fix");
}

#[test]
fn a_superseded_process_does_not_go_on_in_the_epoch_of_the_next_one() {
    let is_superseded = AtomicBool::new(false);
    let (machine, api) = (
        Machine::new(),
        api_with(move |method| {
            if method == "PATCH" {
                is_superseded.store(true, Ordering::Relaxed);
                return (409, problem(409, "superseded", "Another process of this agent goes on with the session."));
            }
            let mut session = session(AGENT);
            session["epoch"] = json!(if is_superseded.load(Ordering::Relaxed) { 2 } else { 1 });
            (200, session)
        }),
    );
    let dir = machine.repository(REMOTE);
    let mut agent = Mcp::initialized(command(&machine, &dir, &api));
    let patch = api.wait_for("PATCH", "/v1/sessions/sess_01JD0000000000000000000001");
    assert_eq!(patch["epoch"], 1);
    let _ = agent.ask("tools/call", &json!({"name": "handoff", "arguments": handoff("From the older process.")}));
    assert_eq!(api.wait_for("POST", "/v1/eod")["epoch"], 1);
}

#[test]
fn the_process_ends_when_its_input_closes() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let mut silent = Mcp::spawn(machine.command(&dir));
    assert!(silent.close().success(), "before the handshake");
    let mut used = machine.agent(AGENT, &dir);
    let _ = used.call("sod", &json!({})).good();
    let asked = Instant::now();
    assert!(used.close().success());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn a_call_before_the_input_closed_is_completed() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let mut agent = machine.agent(AGENT, &dir);
    let id = agent.ask("tools/call", &json!({"name": "handoff", "arguments": handoff("Bye.")}));
    assert!(agent.close().success());
    assert_eq!(agent.answer_to(id)["result"]["structuredContent"]["recorded"], true);
}

/// The shell ends, but a sleeping process that inherited the input keeps the pipe open.
#[test]
fn the_process_ends_when_its_parent_does() {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let server = machine.command(&dir);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" <&0 & echo $!; read line"]).arg(server.get_program()).current_dir(&dir);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    let input = shell.stdin.take();
    shell.kill().unwrap();
    shell.wait().unwrap();
    let asked = Instant::now();
    while is_alive(pid) {
        assert!(asked.elapsed() < Duration::from_secs(10), "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(input);
}

/// Whether the process runs and is not a zombie.
fn is_alive(pid: u32) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn nothing_is_opened_before_the_handshake_is_answered() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let mut agent = Mcp::spawn(machine.command(&dir));
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    let _ = agent.request("initialize", &hello);
    assert!(!machine.home().join(".local").exists());
}

#[test]
fn it_prints_its_version_and_refuses_unknown_arguments() {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let run = |argument: &str| machine.command(&dir).arg(argument).output().unwrap();
    let version = run("--version");
    let build = format!("deckwatch-mcp {} ({})\n", env!("CARGO_PKG_VERSION"), deckwatch_client::COMMIT);
    assert_eq!(String::from_utf8_lossy(&version.stdout), build);
    assert!(run("--help").status.success());
    assert_eq!(run("--frobnicate").status.code(), Some(2));
}
