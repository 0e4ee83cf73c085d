//! Tests that a launch shares no background server with another session.

use crate::world::{Run, World};

#[test]
fn codex_is_started_without_its_background_server() {
    let world = World::new();
    let mut knows = world.launcher(&["alpha", "--codex", "--", "resume", "--last"]);
    knows.env("AGENT_HELP", "      --no-daemon\n          Run without the shared background server");
    Run::of(&mut knows).succeeds();
    assert_eq!(world.record().own_args(), ["--no-daemon", "resume", "--last"]);

    // A version without the option uses no shared server if the configuration is repeated as options.
    world.run(&["alpha", "--codex", "--", "fix it"]).succeeds();
    let again = format!("mcp_servers.deckwatch.command=\"{}\"", world.path("bin/deckwatch-mcp").display());
    let agent = world.record();
    assert_eq!((&agent.args[..2], agent.own_args()), (&["-c".to_owned(), again][..], vec!["fix it"]));
}

#[test]
fn codex_commands_without_a_conversation_get_no_extra_arguments() {
    let world = World::new();
    for line in [&["exec", "hi"][..], &["-m", "x", "review"], &["--no-daemon", "hi"], &["queue", "--thread", "x"]] {
        world.run(&[&["alpha", "--codex", "--"], line].concat()).succeeds();
        assert_eq!(world.record().own_args(), line);
    }
}

#[test]
fn claude_is_started_with_its_background_service_disabled() {
    let world = World::new();
    world.run(&["alpha", "--claude"]).succeeds();
    assert_eq!(world.record().env["CLAUDE_CODE_DISABLE_AGENT_VIEW"], "1");
    world.run(&["alpha", "--gemini"]).succeeds();
    assert!(!world.record().env.contains_key("CLAUDE_CODE_DISABLE_AGENT_VIEW"));
}

#[test]
fn commands_that_need_a_background_server_are_refused_with_advice() {
    let world = World::new();
    for (flag, words, told) in [
        ("--codex", &["agents"][..], "`codex agents`"),
        ("--codex", &["resume", "--remote", "unix://"], "`codex --remote`"),
        ("--codex", &["remote-control"], "`codex remote-control`"),
        ("--claude", &["--bg", "hello"], "`claude --bg`"),
        ("--claude", &["attach", "x"], "`claude attach`"),
        ("--claude", &["--worktree", "w1", "--tmux=classic"], "`claude --tmux=classic`"),
    ] {
        let run = world.run(&[&["alpha", flag, "--"], words].concat());
        run.refuses(2, &[told, "needs a background server", "without the launcher"]);
        assert!(!world.path("record.pid").exists());
    }
}

#[test]
fn every_launch_has_its_own_id() {
    let world = World::new();
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..2 {
        // The id of another launch in the environment is not passed on.
        Run::of(world.launcher(&["alpha", "--claude"]).env("DECKWATCH_LAUNCH", "4242@yesterday")).succeeds();
        let agent = world.record();
        let id = agent.env["DECKWATCH_LAUNCH"].clone();
        assert!(id.starts_with(&format!("{}@", agent.pid)), "{id}");
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_ventures_file_from_the_environment_of_another_launch_is_not_used() {
    let world = World::new();
    world.run(&["alpha", "--claude"]).succeeds();
    let slots = world.path("home/.local/state/deckwatch/slots");
    let host = std::fs::read_dir(slots).unwrap().next().unwrap().unwrap().file_name();
    let agent = format!("{}-claude-1", host.to_string_lossy());
    let other = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js"]}]}"#;
    world.write("elsewhere/other.json", other);
    let file_used = |left: &[(&str, &str)]| {
        let mut launcher = world.launcher(&["alpha", "--claude"]);
        launcher.env("DECKWATCH_VENTURES", world.path("elsewhere/other.json")).envs(left.iter().copied());
        Run::of(&mut launcher).succeeds();
        world.record().env["DECKWATCH_VENTURES"].clone()
    };
    let of_another = file_used(&[("DECKWATCH_AGENT", &agent), ("DECKWATCH_LAUNCH", "1@yesterday")]);
    assert!(of_another.ends_with(".config/deckwatch/ventures.json"), "{of_another}");
    let of_the_user = file_used(&[]);
    assert!(of_the_user.ends_with("elsewhere/other.json"), "{of_the_user}");
}

#[test]
fn a_repository_that_was_added_to_the_venture_after_the_launch_belongs_to_the_launch() {
    let world = World::new();
    world.repository("home/dev/new", "git@github.com:example-org/new.git");
    let now =
        r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js", "example-org/new"]}]}"#;
    let file = world.path("home/.config/deckwatch/ventures.json");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || exit 0\nprintf '%s' '{now}' > {}\ncd {}\nlauncher doctor > \"$RECORD.said\"\n",
        file.display(),
        world.path("home/dev/new").display(),
    );
    world.install("claude", &script);
    world.run(&["alpha", "--claude"]).succeeds();
    let said = world.read("record.said");
    assert!(said.contains("belongs to the launch of") && !said.contains("works on example-org/new"), "{said}");
}
