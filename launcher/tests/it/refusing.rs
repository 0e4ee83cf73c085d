//! Tests of errors that keep an agent from starting. Each has an exit code and says what to do.

use crate::launching::closed_port;
use crate::world::{Run, World};

#[test]
fn without_a_terminal_a_venture_must_be_named() {
    World::new().run(&[]).refuses(2, &["no venture was given", "launcher alpha"]);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    World::new().run(&["alpha", "--claude", "--codex"]).refuses(2, &["cannot be used with"]);
}

#[test]
fn the_error_for_an_unknown_venture_lists_the_known_ones() {
    World::new().run(&["gamma"]).refuses(12, &["no venture gamma", "alpha, beta, empty"]);
}

#[test]
fn an_unknown_venture_and_an_unreachable_api_are_both_reported() {
    let world = World::new();
    let mut launcher = world.launcher(&["gamma"]);
    launcher.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", "k".repeat(64));
    Run::of(&mut launcher).refuses(18, &["ventures.json has no venture gamma", "can't reach the Context API"]);
}

#[test]
fn the_error_for_a_missing_agent_cli_has_its_install_command() {
    let world = World::new();
    world.remove("bin/codex");
    world.run(&["alpha", "--codex"]).refuses(14, &["Codex CLI is not installed", "npm install -g @openai/codex"]);

    world.remove("bin/claude");
    world.run(&["alpha"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_CLIENT"], "gemini");

    world.remove("bin/gemini");
    world.run(&["alpha"]).refuses(14, &["@anthropic-ai/claude-code", "@google/gemini-cli", "@openai/codex"]);
}

#[test]
fn the_error_for_a_missing_server_says_how_to_install_it() {
    let world = World::new();
    world.remove("bin/deckwatch-mcp");
    world.run(&["alpha"]).refuses(15, &["deckwatch-mcp is not installed", "./scripts/start"]);
}

#[test]
fn the_error_for_a_missing_repository_has_its_clone_command() {
    let world = World::new();
    world
        .run(&["beta"])
        .refuses(13, &["no repository of venture beta", "git clone git@github.com:example-org/beta.git"]);
    world.run(&["empty"]).refuses(13, &["lists no repositories", "--repo PATH"]);
    world.run(&["alpha", "--repo", "."]).refuses(13, &["is not in a git repository"]);
    world.run(&["alpha", "--repo", "gone"]).refuses(13, &["is not a directory"]);
}

#[test]
fn the_error_for_several_clones_lists_them() {
    let world = World::new();
    world.repository("home/dev/b1", "https://github.com/example-org/beta");
    world.repository("home/dev/b2", "https://github.com/example-org/beta");
    world.run(&["beta"]).refuses(13, &["dev/b1", "dev/b2", "--repo PATH"]);
}

#[test]
fn the_error_for_a_repository_of_another_user_says_how_to_trust_it() {
    let world = World::new();
    let mut launcher = world.launcher(&["."]);
    launcher.current_dir(world.path("home/dev/alpha")).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    Run::of(&mut launcher).refuses(13, &["git does not trust", "git config --global --add safe.directory"]);
}

#[test]
fn the_error_for_missing_git_says_how_to_install_it() {
    let world = World::new();
    world.remove("bin/git");
    world.run(&["alpha"]).refuses(13, &["git is not installed", "apt install git"]);
}

#[test]
fn errors_in_files_are_reported_with_their_line() {
    let world = World::new();
    world.write("home/.config/deckwatch/config.toml", "\ndev_rot = \"~/x\"\n");
    world.run(&["alpha"]).refuses(10, &["config.toml", "line 2", "dev_rot"]);

    world.write("home/.config/deckwatch/config.toml", "");
    world.write("home/.config/deckwatch/ventures.json", "{\n  \"ventures\": [\n");
    world.run(&["alpha"]).refuses(11, &["ventures.json", "line 3"]);
    world.run(&["alpha", "--ventures", "other.json"]).refuses(11, &["other.json", "--ventures"]);
}

#[test]
fn a_url_without_a_key_and_an_unencrypted_key_are_refused() {
    let world = World::new();
    let with_url = |url: &str, key: &str| {
        Run::of(world.launcher(&["alpha"]).env("CONTEXT_API_URL", url).env("CONTEXT_API_KEY", key))
    };
    with_url("https://context.example", "").refuses(10, &["CONTEXT_API_KEY is not set"]);
    with_url("http://context.example", "s3cr3t-s3cr3t-s3cr3t").refuses(10, &["unencrypted"]);
}

#[test]
fn a_refused_launch_writes_nothing() {
    let world = World::new();
    world.remove("bin/deckwatch-mcp");
    let before = world.home_files();
    for args in [&["alpha"][..], &["gamma"], &["beta"]] {
        assert_ne!(world.run(args).code, Some(0));
    }
    assert_eq!(world.home_files(), before);
}
