//! Launches with real processes.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use deckwatch_protocol::Client;

use super::*;
use crate::agent::SlotRequest;

struct Machine {
    dirs: Dirs,
    home: tempfile::TempDir,
}

/// A process that runs until it is dropped, and a process that it started.
struct Launched {
    holder: Child,
    inner: u32,
    _input: ChildStdin,
}

impl Machine {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = OsString::from(home.path());
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| path.clone())).unwrap();
        Self { dirs, home }
    }

    fn claim(&self, pid: u32) -> (Agent, String) {
        let slot =
            Slot::claim(&self.dirs, &host(), &codex(), &"alpha".parse().unwrap(), pid, SlotRequest::Any).unwrap();
        (slot.agent, launch_id(pid).unwrap())
    }

    fn examine(&self, pid: u32, agent: &Agent, launch: Option<&str>) -> Result<Lineage, ForeignLaunch> {
        super::examine(pid, &self.dirs, &host(), agent, launch)
    }

    /// Creates a program of this name, which starts `sleep` and waits for it.
    fn program(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"#!/bin/sh\nsleep 600 & echo $!\nwait\n").unwrap();

        format!("sh {}", path.display())
    }
}

/// Starts a process that runs `line`. `line` starts another process and prints its id.
fn start(line: &str) -> Launched {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line}\nread stays")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = command.spawn().unwrap();
    let mut output = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut output).unwrap();
    Launched { inner: output.trim().parse().unwrap(), _input: holder.stdin.take().unwrap(), holder }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.inner.to_string()).stderr(Stdio::null()).status();
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn host() -> Host {
    "mac1".parse().unwrap()
}

fn codex() -> Client {
    "codex".parse().unwrap()
}

#[test]
fn a_process_behind_wrappers_is_a_descendant_of_the_launch() {
    let machine = Machine::new();
    let launched = start("sh -c 'sleep 600 & echo $!; wait' &");
    let (agent, launch) = machine.claim(launched.holder.id());
    for launch in [Some(launch.as_str()), None] {
        assert_eq!(machine.examine(launched.inner, &agent, launch).unwrap(), Lineage::Descendant);
    }
    assert_eq!(machine.examine(launched.holder.id(), &agent, Some(&launch)).unwrap(), Lineage::Descendant);
}

#[test]
fn a_detached_process_is_apart_while_the_launch_runs() {
    let machine = Machine::new();
    let launched = start("sh -c 'sleep 600 & echo $!'");
    let (agent, launch) = machine.claim(launched.holder.id());
    assert_eq!(machine.examine(launched.inner, &agent, Some(&launch)).unwrap(), Lineage::Unrelated);
}

#[test]
fn a_process_that_outlives_its_launch_loses_the_name() {
    let machine = Machine::new();
    let mut launched = start("sh -c 'sleep 600 & echo $!'");
    let (agent, launch) = machine.claim(launched.holder.id());
    launched.holder.kill().unwrap();
    launched.holder.wait().unwrap();
    let error = machine.examine(launched.inner, &agent, Some(&launch)).unwrap_err();
    assert!(matches!(error.reason, ForeignReason::Ended), "{error}");

    // The next launch gets the slot and the name.
    let next = start("sleep 600 & echo $!");
    assert_eq!(machine.claim(next.holder.id()).0, agent);
    let error = machine.examine(launched.inner, &agent, Some(&launch)).unwrap_err();
    assert!(matches!(error.reason, ForeignReason::TakenOver), "{error}");
    assert!(error.to_string().contains("start the agent again with `launcher <venture>`"), "{error}");
}

#[test]
fn a_background_server_of_the_launch_does_not_pass_on_the_name() {
    let machine = Machine::new();
    let server = machine.program("codex");
    let launched = start(&format!("{server} app-server --listen unix:// --managed-daemon &"));
    let (agent, launch) = machine.claim(launched.holder.id());
    let error = machine.examine(launched.inner, &agent, Some(&launch)).unwrap_err();
    assert!(matches!(error.reason, ForeignReason::SharedServer(SharedServer::Codex, _)), "{error}");
    assert!(error.to_string().contains("codex app-server daemon stop"), "{error}");
    // A name that a person chose does not come from a launch.
    let named = "my-codex".parse().unwrap();
    assert_eq!(machine.examine(launched.inner, &named, None).unwrap(), Lineage::Unknown);
}

#[test]
fn a_launch_inside_a_background_server_is_valid() {
    let machine = Machine::new();
    let server = machine.program("codex");
    let launched = start(&format!("{server} app-server --managed-daemon &"));
    let (agent, launch) = machine.claim(launched.inner);
    assert_eq!(machine.examine(launched.inner, &agent, Some(&launch)).unwrap(), Lineage::Descendant);
}

#[test]
fn the_environment_is_trusted_if_the_holder_cannot_be_seen() {
    let machine = Machine::new();
    let launched = start("sleep 600 & echo $!");
    let (agent, launch) = machine.claim(launched.holder.id());
    let file = machine.dirs.state.join("slots/mac1/codex-1.json");
    let record = std::fs::read_to_string(&file).unwrap();
    let elsewhere = record.replace("\"namespace\":\"pid:[", "\"namespace\":\"pid:[9");
    assert_ne!(cfg!(target_os = "linux"), record == elsewhere);
    std::fs::write(&file, &elsewhere).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(machine.examine(std::process::id(), &agent, Some(&launch)).unwrap(), Lineage::Unknown);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(machine.examine(std::process::id(), &agent, Some(&launch)).unwrap(), Lineage::Unknown);
}

#[test]
fn a_reused_process_id_is_another_process() {
    let machine = Machine::new();
    let launched = start("sleep 600 & echo $!");
    let (agent, launch) = machine.claim(launched.holder.id());
    let file = machine.dirs.state.join("slots/mac1/codex-1.json");
    let record = std::fs::read_to_string(&file).unwrap();
    let earlier = record.replace("\"started\":\"", "\"started\":\"0");
    std::fs::write(&file, earlier).unwrap();
    let error = machine.examine(launched.inner, &agent, None).unwrap_err();
    assert!(matches!(error.reason, ForeignReason::Ended), "{error}");
    let error = machine.examine(launched.inner, &agent, Some(&launch)).unwrap_err();
    assert!(matches!(error.reason, ForeignReason::TakenOver), "{error}");
}
