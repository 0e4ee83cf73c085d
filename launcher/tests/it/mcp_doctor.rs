//! Tests of `launcher mcp doctor`: it connects as each agent CLI does, and reports problems.

use crate::world::{Run, World};

/// A server that answers the handshake and lists one tool, if it gets the variable of the data folder.
pub(crate) const SERVER: &str = r#"#!/bin/sh
[ -n "$XDG_DATA_HOME" ] || exit 1
env > "$HOME/given"
while read -r line; do
  id=${line##*\"id\":}; id=${id%%[!0-9]*}
  case $line in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"TOOL","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id" ;;
  esac
done
"#;

fn doctor(world: &World) -> Run {
    let mut launcher = world.launcher(&["mcp", "doctor"]);
    launcher.env("XDG_DATA_HOME", world.path("home/.local/share")).env("MY_TOKEN", "s3cr3t-s3cr3t");
    Run::of(&mut launcher)
}

/// A world with only Codex installed, and a server with this tool.
pub(crate) fn world(tool: &str) -> World {
    let world = World::new();
    for agent in ["claude", "gemini"] {
        world.remove(&format!("bin/{agent}"));
    }
    world.install("deckwatch-mcp", &SERVER.replace("TOOL", tool));
    world
}

#[test]
fn the_check_connects_with_only_the_environment_of_the_agent_cli() {
    let world = world("sod");
    world.run(&["alpha", "--codex"]).succeeds();
    doctor(&world).succeeds();
    let given = world.read("home/given");
    assert!(given.contains("XDG_DATA_HOME=") && !given.contains("MY_TOKEN"), "{given}");
}

#[test]
fn the_check_registers_nothing() {
    let world = world("sod");
    let before = world.home_files();
    doctor(&world).refuses(16, &[]);
    assert_eq!(world.home_files(), before);
}

/// Makes a settings file a link to a file that can be read but not replaced: its name has 255 characters, so a temporary
/// file beside it would have a name that is too long. Removing permissions would not stop root.
fn settings_that_stay(world: &World, inner: &str, text: &str) {
    let kept = format!("home/store/{}", "s".repeat(255));
    world.write(&kept, text);
    world.write(inner, "");
    world.remove(inner);
    std::os::unix::fs::symlink(world.path(&kept), world.path(inner)).unwrap();
}

#[test]
fn unwritable_settings_are_reported_with_what_a_launch_does() {
    for (cli, settings) in [("codex", "home/.codex/config.toml"), ("gemini", "home/.gemini/settings.json")] {
        let world = world("sod");
        world.remove("bin/codex");
        world.install(cli, "#!/bin/sh\n");
        settings_that_stay(&world, settings, if cli == "gemini" { "{}" } else { "" });
        let run = doctor(&world).succeeds();
        for part in
            ["ok ", "connected to", "1 tool; a launch by the launcher registers the server for that launch alone"]
        {
            assert!(run.stdout.contains(part), "{cli}: {part} in {}", run.stdout);
        }
        assert!(!run.stdout.contains("not registered, or"), "{cli}: {}", run.stdout);
        let plan = world.run(&["alpha", &format!("--{cli}"), "--dry-run"]).succeeds();
        assert!(plan.stdout.contains("registers    for this launch alone: "), "{}", plan.stdout);
        let launch = world.run(&["alpha", &format!("--{cli}")]).succeeds();
        assert!(launch.stderr.contains("is for this launch only"), "{}", launch.stderr);
    }
}

#[test]
fn an_impossible_registration_is_reported_as_a_failing_launch() {
    let world = world("sod");
    // No option of Codex can remove this key.
    settings_that_stay(&world, "home/.codex/config.toml", "[mcp_servers.deckwatch]\nurl = \"http://127.0.0.1:9\"\n");
    let before = world.home_files();
    let run = doctor(&world);
    run.refuses(16, &[]);
    assert!(run.stdout.contains("a launch fails: ") && run.stdout.contains("writable for you"), "{}", run.stdout);
    assert_eq!(world.home_files(), before);
    assert_ne!(world.run(&["alpha", "--codex"]).code, Some(0));
}
