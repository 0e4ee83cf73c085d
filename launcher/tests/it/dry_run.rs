//! Tests of commands that only print: `--dry-run` and `--help`.

use crate::world::{Run, World};

#[test]
fn the_plan_names_everything_and_changes_nothing() {
    let world = World::new();
    let before = world.home_files();
    let plan =
        world.run(&["alpha", "--gemini", "--track", "3", "--dry-run", "--", "-p", "two words"]).succeeds().stdout;

    for expected in [
        "alpha (Alpha)",
        "example-org/alpha.js in ~/dev/alpha",
        "-gemini-1",
        "~/.local/share/deckwatch/context.db",
        "bin/gemini -p 'two words'",
        "DECKWATCH_AGENT DECKWATCH_BRANCH_PREFIX DECKWATCH_CLIENT DECKWATCH_DEV_ROOT DECKWATCH_LAUNCH DECKWATCH_REPO \
         DECKWATCH_REPOS DECKWATCH_TRACK DECKWATCH_VENTURE",
        "ADMIN_API_KEY",
        "writes ~/.gemini/settings.json",
    ] {
        assert!(plan.contains(expected), "{expected:?} is not in:\n{plan}");
    }
    assert_eq!(world.home_files(), before);
    assert!(!world.path("record.pid").exists());
}

#[test]
fn the_plan_shows_the_name_of_the_key_and_never_its_value() {
    let world = World::new();
    let mut launcher = world.launcher(&["alpha", "--dry-run"]);
    launcher.env("CONTEXT_API_URL", "https://context.example").env("CONTEXT_API_KEY", "s3cr3t-s3cr3t-s3cr3t");
    let run = Run::of(&mut launcher).succeeds();
    assert!(run.stdout.contains("CONTEXT_API_KEY") && run.stdout.contains("https://context.example"));
    assert!(!run.stdout.contains("s3cr3t") && !run.stderr.contains("s3cr3t"));
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    let world = World::new();
    let help = world.run(&["--help"]).succeeds().stdout;
    assert!(help.contains("launcher alpha --codex") && help.contains("14  the agent CLI"), "{help}");
}

#[test]
fn the_configured_api_overrides_the_api_of_an_ended_launch() {
    let world = World::new();
    let settings = "[api]\nurl = \"https://mine.example\"\nkey_env = \"MY_KEY\"\n";
    world.write("home/.config/deckwatch/config.toml", settings);
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    for (secrets, expected) in [("CONTEXT_API_KEY", "https://mine.example"), ("OTHER", "https://team-of-alpha.example")]
    {
        let mut launcher = world.launcher(&["beta", "--dry-run"]);
        launcher.env("CONTEXT_API_URL", "https://team-of-alpha.example").env("CONTEXT_API_KEY", "k".repeat(64));
        launcher.env("DECKWATCH_SECRETS", secrets).env("MY_KEY", "m".repeat(64));
        let plan = Run::of(&mut launcher).succeeds().stdout;
        assert!(plan.contains(&format!("records      {expected}")), "{plan}");
    }
}
