//! A fleet that one host knows from its file of machines.

use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput};
use serde_json::{Value, json};

/// Starts hosts. The first one has access to the others and lists them all.
pub(crate) fn start(names: &[&str]) -> Fleet {
    let fleet = Fleet::start(names);
    let first = names[0];
    fleet.give_access(first);
    let machines: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    fleet.host(first).write(".config/deckwatch/machines.json", json!({ "machines": machines }).to_string());
    for host in fleet.hosts() {
        // The apt of the machine that runs the test needs seconds of its two processors for each host.
        script(host, "apt-get", "echo 'Inst curl [7] (8 Debian:12.5/stable [amd64])'");
        script(host, "claude", "echo '2.1.329 (Claude Code)'");
        script(host, "tmux", "echo 'tmux 3.4'");
    }
    fleet
}

fn entry(host: &Host) -> Value {
    json!({
        "hostname": host.name(), "user": host.user(), "tailscale_ip": host.address(), "os": "linux",
        "arch": std::env::consts::ARCH, "host_key": host.host_key(),
    })
}

/// Writes a program of the host's user.
pub(crate) fn script(host: &Host, name: &str, text: &str) {
    let path = format!(".local/bin/{name}");
    // A program of Deckwatch is a link.
    let _ = std::fs::remove_file(host.path(&path));
    host.write(&path, format!("#!/bin/bash\n{text}\n"));
    host.run("chmod", &["755", &path], "", &[]).ok();
}

/// Runs the launcher on the first host. Returns also how long it took.
pub(crate) fn launcher(fleet: &Fleet, args: &[&str]) -> (HostOutput, Duration) {
    let started = Instant::now();
    let output = fleet.hosts()[0].run("launcher", args, "", &[]);
    (output, started.elapsed())
}

/// Runs the launcher with `--json`. Returns its exit code and the machine with each name.
pub(crate) fn machines(fleet: &Fleet, args: &[&str]) -> (Option<i32>, impl Fn(&str) -> Value) {
    let (output, _) = launcher(fleet, &[args, &["--json"]].concat());
    (output.code, by_name(&output))
}

/// The machines of a JSON output, by name.
pub(crate) fn by_name(output: &HostOutput) -> impl Fn(&str) -> Value + use<> {
    let text = format!("{}\n{}", output.stdout, output.stderr);
    let json: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    move |name| {
        let machines = json["machines"].as_array().unwrap();
        machines.iter().find(|machine| machine["hostname"] == name).cloned().unwrap_or_else(|| panic!("{name}: {text}"))
    }
}
