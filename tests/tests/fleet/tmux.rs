//! `launcher fleet tmux` and `dev-session` on hosts with real sshd and tmux.

use std::path::Path;
use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput};
use serde_json::{Value, json};

const SETTINGS: &str = ".config/deckwatch/tmux.conf";

fn started(names: &[&str]) -> Fleet {
    let fleet = Fleet::start(names);
    let first = fleet.hosts().first().unwrap();
    fleet.give_access(first.name());
    let machines: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    first.write(".config/deckwatch/machines.json", json!({ "machines": machines }).to_string());
    fleet
}

fn entry(host: &Host) -> Value {
    json!({
        "hostname": host.name(), "user": host.user(), "tailscale_ip": host.address(), "os": "linux", "arch": "x86_64",
        "host_key": host.host_key(),
    })
}

fn set_up(on: &Host, args: &[&str]) -> HostOutput {
    on.run("launcher", &[&["fleet", "tmux"][..], args].concat(), "", &[])
}

/// An option of a tmux that reads the configuration of the host's user.
fn option(on: &Host, name: &str) -> String {
    // Each call has a socket of its own: a server that ends may still hold its socket.
    let script = r#"t() { tmux -L "$1" "${@:2}"; }
        t "$0" new-session -d sleep 20
        t "$0" show-options -gv "$0" 2>/dev/null || t "$0" show-options -sv "$0"
        t "$0" kill-server"#;
    on.run("bash", &["-c", script, name], "", &[("TERM", "xterm-256color")]).stdout.trim().to_owned()
}

#[test]
fn every_machine_gets_the_settings_and_the_second_run_changes_nothing() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    // Settings that this request does not need.
    server.write(".config/deckwatch/config.toml", "not toml");
    server.write(".tmux.conf", "set -g base-index 7\nset -g history-limit 123\n");

    let dry = set_up(mac, &["--dry-run"]).ok();
    assert!(dry.contains("✓ server2: tmux 3") && dry.contains("would change"), "{dry}");
    assert!(fleet.hosts().iter().all(|host| !host.path(SETTINGS).exists()));

    let text = set_up(mac, &[]).ok();
    assert!(text.contains("include it in /home/dev2/.tmux.conf, before your settings"), "{text}");
    for (name, value) in [("mouse", "on"), ("history-limit", "50000"), ("status-left", "[#h] #S")] {
        assert_eq!(option(fleet.host("server2"), name), value);
    }
    assert_eq!((option(server, "escape-time").as_str(), option(server, "set-clipboard").as_str()), ("10", "on"));
    // The user's own settings win.
    assert_eq!((option(server, "base-index").as_str(), option(server, "history-limit").as_str()), ("7", "123"));

    let before: Vec<String> = fleet.hosts().iter().map(|host| host.read(".tmux.conf")).collect();
    let again: Value = serde_json::from_str(&set_up(mac, &["--json"]).ok()).unwrap();
    for machine in again["machines"].as_array().unwrap() {
        assert_eq!((&machine["tmux"]["changes"], &machine["failure"]), (&json!([]), &Value::Null), "{machine}");
    }
    assert_eq!(before, fleet.hosts().iter().map(|host| host.read(".tmux.conf")).collect::<Vec<_>>());
}

#[test]
fn the_terminals_of_this_machine_are_added_to_those_that_lack_them() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    // A terminal that only the first machine knows.
    let description = "xterm-ghostty|ghostty|Ghostty,\n\tTc, colors#256, cols#80, lines#24, bel=^G, cr=\\r,\n";
    mac.run("tic", &["-x", "-"], description, &[]).ok();
    let text = set_up(mac, &["server1"]).ok();
    assert!(text.contains("add the terminal xterm-ghostty"), "{text}");
    assert!(server.run("infocmp", &["xterm-ghostty"], "", &[]).ok().contains("Ghostty"));
    assert!(!set_up(mac, &["server1"]).ok().contains("xterm-ghostty"));
}

#[test]
fn named_machines_only_and_those_that_fail_are_told_apart() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let mac = fleet.host("mac1");
    fleet.host("server2").stop();
    let output = set_up(mac, &["server1", "server2"]);
    assert_eq!(output.code, Some(30), "{output:?}");
    assert!(
        output.stdout.contains("✓ server1") && output.stdout.contains("✗ server2: it can't be reached"),
        "{output:?}"
    );
    assert!(!mac.path(SETTINGS).exists());
    let output = set_up(mac, &["server2"]);
    assert_eq!(output.code, Some(31), "{output:?}");
    let output = set_up(mac, &["sever1"]);
    assert!(output.code == Some(29) && output.stderr.contains("did you mean `server1`?"), "{output:?}");
    // A file that can't be written is an error of its machine.
    fleet
        .host("server1")
        .run_as_root("chown root /home/*/.config/deckwatch /home/*/.config/deckwatch/*; rm /home/*/.tmux.conf", &[])
        .ok();
    fleet.host("server1").run_as_root("echo other > /home/dev2/.config/deckwatch/tmux.conf", &[]).ok();
    let output = set_up(mac, &["server1"]);
    assert!(output.code == Some(31) && output.stdout.contains("tmux.conf can't be written"), "{output:?}");
}

/// An agent that counts, in place of the launcher.
const COUNTING: &str = "#!/bin/sh\nwhile :; do n=$((n + 1)); echo $n >\"$HOME/count\"; sleep 0.05; done\n";

fn count(on: &Host) -> u64 {
    std::fs::read_to_string(on.path("count")).unwrap_or_default().trim().parse().unwrap_or(0)
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_agent_in_a_dev_session_survives_a_lost_connection() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    server.share(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts"), "/run/scripts");
    server.write("agent/launcher", COUNTING);
    server.run("chmod", &["+x", "agent/launcher"], "", &[]).ok();
    let target = format!("{}@{}", server.user(), server.address());
    let remote = r#"PATH="$HOME/agent:$PATH" TERM=xterm /run/scripts/dev-session alpha"#;
    let options = ["-tt", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"];
    let ssh: Vec<&str> = options.into_iter().chain([target.as_str(), remote]).collect();

    let mut terminal = mac.command("ssh", &ssh, &[("TERM", "xterm")]);
    terminal.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut terminal = terminal.spawn().unwrap();
    wait_until("the agent did not start", || count(server) > 3);
    server.cut();
    assert_eq!(terminal.wait().unwrap().code(), Some(255), "the connection is lost");
    let then = count(server);
    wait_until("the agent ended with the connection", || count(server) > then + 5);
    server.join();
    let listed = server.run("bash", &["/run/scripts/dev-session", "--list"], "", &[]);
    assert!(listed.stdout.starts_with("deckwatch-alpha "), "{listed:?}");
    let again = server.run("bash", &["/run/scripts/dev-session", "alpha"], "", &[]);
    assert!(again.stderr.contains("the session deckwatch-alpha exists"), "{again:?}");
}
