//! Tests of `launcher init`, with flags and with questions on a terminal.

use crate::golden::Transcript;
use crate::world::World;

const CONFIG: &str = "home/.config/deckwatch/config.toml";
const VENTURES: &str = "home/.config/deckwatch/ventures.json";

/// A machine with two repositories and no configuration.
fn unconfigured() -> World {
    let world = World::new();
    world.remove(VENTURES);
    world.repository("home/dev/beta", "https://github.com/example-org/beta");
    world
}

#[test]
fn what_flags_and_defaults_write_is_in_step() {
    let world = unconfigured();
    let mut transcript = Transcript::new();
    transcript.run("the defaults", &world, &mut world.launcher(&["init", "--yes"]));
    transcript.file(&world, CONFIG);
    transcript.file(&world, VENTURES);
    world.run(&["beta"]).succeeds();
    assert_eq!(world.record().cwd, world.path("home/dev/beta"));
    let files = world.home_files();
    transcript.run("again", &world, &mut world.launcher(&["init", "--yes"]));
    assert_eq!(world.home_files(), files);

    let world = unconfigured();
    world.repository("home/code/gamma", "https://github.com/example-org/gamma");
    let flags = ["--dev-root", "../home/code", "--agent", "codex", "--api-url", "https://context.example"];
    let args = [&["init", "--yes"], &flags[..], &["--key-env", "TEAM_KEY"]].concat();
    transcript.run("every flag", &world, &mut world.launcher(&[&args[..], &["--dry-run"]].concat()));
    assert!(!world.path(CONFIG).exists(), "written in a dry run");
    world.run(&args).succeeds();
    transcript.file(&world, CONFIG);
    transcript.file(&world, VENTURES);
    transcript.run("", &world, &mut world.launcher(&["gamma"]));
    transcript.is_in_step("init");
}

#[test]
fn what_overwrite_changes_in_an_existing_file_is_in_step() {
    let world = unconfigured();
    let mine = "# my settings\ndev_root = \"~/code\" # here\n\n[api] # the team's\nurl = \"https://context.example\"\n";
    world.write(CONFIG, mine);
    let mut transcript = Transcript::new();
    let codex = ["init", "--yes", "--agent", "codex"];
    transcript.run("a file exists", &world, &mut world.launcher(&codex));
    assert_eq!(world.read(CONFIG), mine);
    transcript.run("", &world, &mut world.launcher(&[&codex[..], &["--overwrite"]].concat()));
    transcript.file(&world, CONFIG);
    assert_eq!(world.read(&format!("{CONFIG}.deckwatch-backup")), mine);

    world.write(CONFIG, "dev_root = \"~/dev\"\ndefault_agent = ");
    let overwrite = ["init", "--yes", "--overwrite"];
    transcript.run("a file that is no TOML", &world, &mut world.launcher(&overwrite));
    world.remove(CONFIG);
    for (about, ventures) in [("a file that is no JSON", "{\n  \"ventures\": [\n"), ("no list", "[]")] {
        world.write(VENTURES, ventures);
        transcript.run(about, &world, &mut world.launcher(&overwrite));
        assert_eq!(world.read(VENTURES), ventures);
    }
    transcript.is_in_step("init-overwrite");
}

#[test]
fn wrong_answers_write_nothing_and_are_in_step() {
    let world = unconfigured();
    let before = world.home_files();
    let mut transcript = Transcript::new();
    let in_clear = ["init", "--yes", "--api-url", "http://context.example"];
    let empty = ["init", "--yes", "--dry-run", "--dev-root", "nowhere"];
    let key = ["init", "--yes", "--api-url", "https://context.example", "--key-env", "s3cr3t-value"];
    for (about, args) in [
        ("no terminal", &["init"][..]),
        ("an address without TLS", &in_clear),
        ("a folder without repositories", &empty),
        ("a key where a variable is expected", &key),
    ] {
        transcript.run(about, &world, &mut world.launcher(args));
    }
    assert_eq!(world.home_files(), before);
    transcript.is_in_step("init-problems");
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use super::*;
    use crate::terminal::Terminal;

    #[test]
    fn a_person_is_asked_and_shown_before_anything_is_written() {
        let world = unconfigured();
        let mut terminal = Terminal::start(&world, "launcher init");
        terminal.at("Where are your repositories?", "\r");
        terminal.at("Which agent is started by default?", "gem");
        terminal.at("gem", "\r");
        terminal.at("Where should records be stored?", "team");
        terminal.at("team", "\r");
        terminal.at("Its address?", "https://context.example\r");
        terminal.at("Which variable", "\r");
        // The first venture is deselected.
        terminal.at("Which of these are ventures?", " \r");
        terminal.at("config.toml?", "y\r");
        terminal.at("ventures.json?", "y\r");
        let (shown, code) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        let config = world.read(CONFIG);
        assert!(
            config.contains("default_agent = \"gemini\"") && config.contains("key_env = \"CONTEXT_API_KEY\""),
            "{config}"
        );
        assert!(world.read(VENTURES).contains("beta") && !world.read(VENTURES).contains("alpha"));
    }

    #[test]
    fn answering_no_or_cancelling_changes_nothing() {
        let world = World::new();
        world.write(CONFIG, "dev_root = \"~/dev\" # mine\n");
        let before = world.home_files();
        let mut terminal = Terminal::start(&world, "launcher init --no-ventures");
        terminal.at("Where are your repositories?", "\r");
        terminal.at("Which agent is started by default?", "\r");
        terminal.at("Where should records be stored?", "\r");
        terminal.at("Change ~/.config/deckwatch/config.toml?", "n\r");
        let (shown, code) = terminal.end();
        assert!(code == Some(0) && shown.contains("Nothing was written"), "{shown}");
        assert_eq!(world.home_files(), before);

        let mut terminal = Terminal::start(&world, "launcher init");
        terminal.at("Where are your repositories?", "\u{3}");
        assert_eq!(terminal.end().1, Some(130));
        assert_eq!(world.home_files(), before);
    }
}

#[test]
fn existing_ventures_keep_every_field_when_others_are_added() {
    let world = unconfigured();
    let mine = r#"{"ventures": [{"code": "a", "name": "A", "org": "example-org", "repos": ["example-org/alpha.js"],
        "capabilities": ["has_api"], "owner": "Ann"}]}"#;
    world.write(VENTURES, mine);
    world.run(&["init", "--yes", "--overwrite"]).succeeds();
    let after: serde_json::Value = serde_json::from_str(&world.read(VENTURES)).unwrap();
    let before: serde_json::Value = serde_json::from_str(mine).unwrap();
    assert_eq!(after["ventures"][0], before["ventures"][0]);
    assert_eq!(after["ventures"][1]["repos"][0], "example-org/beta");
    assert_eq!(after["ventures"].as_array().unwrap().len(), 2);
}
