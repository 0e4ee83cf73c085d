//! Interactive agents in tmux sessions of other hosts.

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use deckwatch_tests::Host;
use serde_json::Value;

use crate::runs::{SEARCH, split};
use crate::world::{KEY, World, events, id_in};

/// What the agent of the only session wrote about itself.
fn facts(host: &Host) -> Value {
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(host.path("interactive.json")).unwrap_or_default();
        if let Ok(facts) = serde_json::from_str(&text) {
            return facts;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "the agent did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn tmux(host: &Host, args: &[&str]) -> String {
    host.run("tmux", args, "", &[]).stdout
}

#[test]
fn an_interactive_agent_starts_once_in_its_session_and_gets_the_keys_through_a_socket() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    // Another session, whose server could keep the environment of a later one.
    server.run("tmux", &["new-session", "-d", "-s", "mine", "sleep 600"], "", &[]).ok();
    let started = world.launcher(&["alpha", "--on", "server1", "--track", "7", "--", "--tools", "$(id) \"x\""]);
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    assert!(started.stderr.contains("started the session deckwatch-alpha on server1"), "{}", started.stderr);
    let facts = facts(server);
    assert_eq!((&facts["env"]["ANTHROPIC_API_KEY"], &facts["env"]["DECKWATCH_TRACK"]), (&KEY.into(), &"7".into()));
    assert_eq!(facts["env"].get("DECKWATCH_LAUNCH_REQUEST"), None);
    assert!(facts["args"].as_array().unwrap().ends_with(&["--tools".into(), "$(id) \"x\"".into()]), "{facts}");

    server.run("rm", &["interactive.json"], "", &[]).ok();
    let kept = ["show-environment -g", "show-environment -t mine", "show-environment -t deckwatch-alpha"];
    for command in kept {
        let shown = tmux(server, &command.split(' ').collect::<Vec<_>>());
        assert!(!shown.contains(KEY), "{command}: {shown}");
    }
    let found = server.run_as_root(SEARCH, &[&split(KEY), &split(KEY)]);
    assert_eq!(found.code, Some(0), "{}", found.stdout);
    assert_eq!(server.run_as_root("ls -d /tmp/dw* 2>/dev/null | wc -l", &[]).ok(), "0\n", "the socket is gone");

    let again = world.launcher(&["alpha", "--on", "server1"]);
    assert!(again.stderr.contains("the session deckwatch-alpha exists on server1"), "{}", again.stderr);
    let second = world.launcher(&["alpha", "--on", "server1", "--session", "2"]);
    assert!(second.stderr.contains("started the session deckwatch-alpha+2"), "{}", second.stderr);
    assert_eq!(tmux(server, &["list-sessions", "-F", "#{session_name}"]), "deckwatch-alpha\ndeckwatch-alpha+2\nmine\n");
    assert!(world.launcher(&["ps"]).ok().contains("session deckwatch-alpha"));

    let id = id_in(&started.stderr);
    assert!(world.launcher(&["stop", &id]).stderr.contains("on server1 was stopped"));
    world.wait_for(&id, "stopped");
    assert_eq!(tmux(server, &["list-sessions", "-F", "#{session_name}"]), "deckwatch-alpha+2\nmine\n");

    world.launcher(&["alpha", "--on", "server1", "--sandbox"]).ok();
    let started = Instant::now();
    let in_sandbox = "ls .local/state/deckwatch/sandboxes/alpha-*/interactive.json";
    while server.run("sh", &["-c", in_sandbox], "", &[]).code != Some(0) {
        assert!(started.elapsed() < Duration::from_mins(1), "the agent did not start in its sandbox");
    }
}

#[test]
fn on_a_terminal_the_session_is_shown_and_the_agent_stays_when_the_terminal_leaves() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    let line = "launcher alpha --on server1";
    let variables = [("TERM", "xterm-unknown-terminal"), ("ANTHROPIC_API_KEY", KEY)];
    let mut command = world.near().command("script", &["-qec", line, "/dev/null"], &variables);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    facts(server);
    let started = Instant::now();
    while !tmux(server, &["list-clients", "-F", "#{session_name}"]).contains("deckwatch-alpha") {
        assert!(started.elapsed() < Duration::from_mins(1), "the session is not shown");
    }
    std::thread::sleep(Duration::from_millis(300));
    tmux(server, &["detach-client", "-s", "deckwatch-alpha"]);
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert!(child.wait().unwrap().success() && shown.contains("the agent is here"), "{shown}");
    assert_eq!(tmux(server, &["list-sessions", "-F", "#{session_name}"]), "deckwatch-alpha\n");

    let mut command =
        world.near().command("script", &["-qec", "launcher attach server1:alpha", "/dev/null"], &variables);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while !tmux(server, &["list-clients", "-F", "#{session_name}"]).contains("deckwatch-alpha") {
        assert!(started.elapsed() < Duration::from_secs(90), "the session is not shown");
    }
    world.near().run_as_root("pkill -KILL -x ssh", &[]).ok();
    assert!(!child.wait().unwrap().success());
    assert_eq!(tmux(server, &["list-sessions", "-F", "#{session_name}"]), "deckwatch-alpha\n", "the agent stays");
}

#[test]
fn an_interactive_agent_that_can_not_start_makes_no_session() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    for (args, code) in [(&["alpha", "--on", "server1", "--codex"][..], 35), (&["beta", "--on", "server1"], 36)] {
        let failed = world.launcher(args);
        assert_eq!(failed.code, Some(code), "{}", failed.stderr);
    }
    server.write(".config/deckwatch/config.toml", "[fleet]\nmax_agents_per_venture = 1\n");
    world.launcher(&["run", "alpha", "--on", "server1", "--detach", "-p", "sleep"]).ok();
    let full = world.launcher(&["alpha", "--on", "server1"]);
    assert!(full.code == Some(39) && full.stderr.contains("1 agents of alpha"), "{}", full.stderr);
    assert_eq!(tmux(server, &["list-sessions"]), "");
}

#[test]
fn a_tmux_folder_or_socket_of_another_user_is_named_and_no_agent_starts() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    let folder = format!("/tmp/tmux-{}", server.uid());
    let foreign = [
        ("mkdir -m 700 \"$1\"; chown 4242 \"$1\"", "unsafe permissions"),
        (
            "chown \"$2\" \"$1\"; python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
             \"$1/default\"; chmod 700 \"$1/default\"; chown 4242 \"$1/default\"",
            "Permission denied",
        ),
    ];
    for (make, said) in foreign {
        server.run_as_root(make, &[&folder, &server.uid().to_string()]).ok();
        let refused = world.launcher(&["alpha", "--on", "server1"]);
        assert_eq!(refused.code, Some(41), "{}", refused.stderr);
        for part in ["tmux can't be used on the machine", said, "remove it as root"] {
            assert!(refused.stderr.contains(part), "no {part:?} in {}", refused.stderr);
        }
        assert!(!server.path("interactive.json").exists());
    }
    assert_eq!(world.runs(), Vec::<Value>::new(), "no run is left behind");
    server.run_as_root("rm -r \"$1\"", &[&folder]).ok();
    world.launcher(&["alpha", "--on", "server1"]).ok();
    facts(server);
}

#[test]
fn a_remote_codex_never_gets_a_background_server() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    server.run("cp", &[".local/bin/claude", ".local/bin/codex"], "", &[]).ok();
    world.launcher(&["alpha", "--on", "server1", "--codex"]).ok();
    let args = facts(server)["args"].to_string();
    assert!(args.contains("--no-daemon"), "{args}");
    let run = ["run", "alpha", "--on", "server1", "--codex", "--model", "-m", "-p", "facts"];
    let args = events(&world.launcher(&run).ok())[0]["args"].to_string();
    assert!(args.contains(r#""exec","--json","--model=-m","-"]"#), "{args}");
    let refused =
        world.launcher(&["run", "alpha", "--on", "server1", "--codex", "-p", "x", "--", "--remote", "unix://x"]);
    assert!(refused.stderr.contains("needs a background server"), "{}", refused.stderr);
    assert_eq!(refused.code, Some(41));
}
