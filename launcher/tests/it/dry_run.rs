//! Showing without doing: `--dry-run` and `--help`.

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
fn the_plan_shows_the_keys_name_and_never_its_value() {
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
    assert!(help.contains("launcher alpha --codex") && help.contains("14  the agent's command line tool"), "{help}");
}
