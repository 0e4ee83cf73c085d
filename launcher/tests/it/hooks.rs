//! Tests of the registration of the hooks: each launch has them, nothing of the user changes, and nothing is left over.

use serde_json::{Value, json};

use crate::world::World;

const GEMINI: &str = "home/.gemini/settings.json";
const CLAUDE: &str = "home/.local/state/deckwatch/mcp/claude-plugin/hooks/hooks.json";
const OWN: &str = r#"{
    // mine
    "hooks": { "BeforeAgent": [ { "hooks": [ { "type": "command", "command": "mine" } ] } ] }
}
"#;

fn hooks_of_gemini(world: &World) -> Value {
    let text: String = world.read(GEMINI).lines().filter(|line| !line.trim().starts_with("//")).collect();
    serde_json::from_str::<Value>(&text).unwrap()["hooks"].clone()
}

#[test]
fn claude_gets_a_plugin_folder_for_the_launch_and_only_for_it() {
    let world = World::new();
    world.run(&["alpha", "--claude", "--", "-p", "hi"]).succeeds();
    let record = world.record();
    let folder = world.path("home/.local/state/deckwatch/mcp/claude-plugin");
    assert_eq!(record.plugin_dir, Some(format!("--plugin-dir={}", folder.display())));
    assert_eq!(record.env["DECKWATCH_HOOKS"], "1");
    // A waiter would keep a headless Claude Code from ending.
    assert!(!record.env.contains_key("DECKWATCH_WAKE"));
    let hooks: Value = serde_json::from_str(&world.read(CLAUDE)).unwrap();
    let program = world.path("bin/deckwatch-mcp");
    let expected =
        json!({ "type": "command", "command": program, "args": ["hook", "claude", "turn-end"], "timeout": 5 });
    assert_eq!(hooks["hooks"]["Stop"][0]["hooks"][0], expected);
    assert_eq!(hooks["hooks"]["Stop"][0]["hooks"][1]["asyncRewake"], true);
    assert!(!world.path("home/.claude/settings.json").exists());

    let again = world.run(&["alpha", "--claude", "--", "-p", "hi"]).succeeds();
    assert!(!again.stderr.contains("registered"), "{}", again.stderr);
    for (flags, agent_flags) in [(&["--no-hooks"][..], &["-p"][..]), (&[], &["--bare"])] {
        let words = ["alpha", "--claude"].into_iter().chain(flags.iter().copied()).chain(["--"]);
        world.run(&words.chain(agent_flags.iter().copied()).collect::<Vec<_>>()).succeeds();
        let record = world.record();
        assert_eq!(record.plugin_dir, None);
        assert!(!record.env.contains_key("DECKWATCH_HOOKS"));
    }
}

#[test]
fn gemini_gets_its_hooks_beside_those_of_the_user_and_loses_only_ours() {
    let world = World::new();
    world.write(GEMINI, OWN);
    world.run(&["alpha", "--gemini"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_HOOKS"], "1");
    let hooks = hooks_of_gemini(&world);
    assert_eq!(hooks.as_object().unwrap().len(), 6, "{hooks}");
    assert_eq!(hooks["BeforeAgent"][0]["hooks"][0]["command"], "mine");
    let ours = &hooks["BeforeAgent"][1]["hooks"][0];
    assert_eq!((&ours["name"], &ours["timeout"]), (&json!("deckwatch"), &json!(5_000)));
    assert!(world.read(GEMINI).contains("// mine"));

    let registered = world.read(GEMINI);
    world.run(&["alpha", "--gemini"]).succeeds();
    world.run(&["alpha", "--gemini", "--no-hooks"]).succeeds();
    assert!(!world.record().env.contains_key("DECKWATCH_HOOKS"));
    assert_eq!(world.read(GEMINI), registered, "another launch may use the entries");

    // The program has another path after an update.
    world.write(GEMINI, &registered.replace("/bin/deckwatch-mcp", "/old/deckwatch-mcp"));
    world.run(&["alpha", "--gemini"]).succeeds();
    assert!(!world.read(GEMINI).contains("/old/"), "{}", world.read(GEMINI));
    assert_eq!(hooks_of_gemini(&world)["BeforeAgent"].as_array().unwrap().len(), 2);

    world.write("home/.config/deckwatch/config.toml", "hooks = false\n");
    world.run(&["alpha", "--gemini"]).succeeds();
    let own = json!({ "BeforeAgent": [{ "hooks": [{ "type": "command", "command": "mine" }] }] });
    assert_eq!(hooks_of_gemini(&world), own);
    let run = world.run(&["alpha", "--gemini", "--dry-run"]).succeeds();
    assert!(run.stdout.contains("hooks        none: hooks = false in config.toml"), "{}", run.stdout);
}

#[test]
fn a_hook_of_gemini_does_nothing_outside_a_launch_also_without_the_program() {
    let world = World::new();
    world.run(&["alpha", "--gemini"]).succeeds();
    let command = hooks_of_gemini(&world)["AfterTool"][0]["hooks"][0]["command"].as_str().unwrap().to_owned();
    world.remove("bin/deckwatch-mcp");
    let output =
        std::process::Command::new("sh").arg("-c").arg(command).env_remove("DECKWATCH_HOOKS").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn settings_of_gemini_that_turn_hooks_off_are_named() {
    for (settings, why) in [
        (r#"{"hooksConfig": {"enabled": false}}"#, "hooksConfig.enabled in ~/.gemini/settings.json is false"),
        (r#"{"hooksConfig": {"disabled": ["deckwatch"]}}"#, "hooksConfig.disabled in ~/.gemini/settings.json names"),
        (r#"{"hooks": {"AfterTool": {}}}"#, "hooks.AfterTool in ~/.gemini/settings.json is not a list"),
        (r#"{"hooks": []}"#, "hooks in ~/.gemini/settings.json is not an object"),
    ] {
        let world = World::new();
        world.write(GEMINI, settings);
        let run = world.run(&["alpha", "--gemini"]).succeeds();
        let line = format!("Gemini CLI starts without the hooks of Deckwatch: {why}");
        assert!(run.stderr.contains(&line), "{}", run.stderr);
        assert!(!world.record().env.contains_key("DECKWATCH_HOOKS"), "{settings}");
    }
}

#[test]
fn codex_gets_no_hooks_before_a_person_has_agreed() {
    let world = World::new();
    let run = world.run(&["alpha", "--codex"]).succeeds();
    assert!(
        run.stderr.contains("Codex CLI starts without the hooks of Deckwatch: you have not agreed"),
        "{}",
        run.stderr
    );
    let record = world.record();
    assert!(!record.args.iter().any(|arg| arg.starts_with("hooks.")), "{:?}", record.args);
    assert!(!record.env.contains_key("DECKWATCH_HOOKS"));
    let quiet = world.run(&["alpha", "--codex", "--no-hooks"]).succeeds();
    assert!(!quiet.stderr.contains("hooks"), "{}", quiet.stderr);
}
