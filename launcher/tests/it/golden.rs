//! The whole output of the launcher, compared with the reviewed files `tests/golden/*.txt`.

use std::path::Path;
use std::process::Command;

use deckwatch_tests::golden;

use crate::doctor::healthy_world;
use crate::launching::closed_port;
use crate::mcp_doctor;
use crate::records::{KEY, is_harmless, records};
use crate::world::{Run, World};

/// The commands of a test and their output, as a text.
pub(crate) struct Transcript(String);

impl Transcript {
    pub(crate) fn new() -> Self {
        Self(String::new())
    }

    /// Runs a command and writes down its output and its exit code. `about` says what it shows.
    pub(crate) fn run(&mut self, about: &str, world: &World, command: &mut Command) {
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let run = Run::of(command);
        let code = run.code.map_or("none".to_owned(), |code| code.to_string());
        if command.get_envs().all(|(name, _)| name != "CLICOLOR_FORCE") {
            is_harmless(&run.stdout);
            is_harmless(&run.stderr);
        }
        let (stdout, stderr) = (section("stdout", &run.stdout), section("stderr", &without_waiting(&run.stderr)));
        let text = format!("$ launcher {}\n{stdout}{stderr}exit code {code}\n", arguments.join(" "));
        if !about.is_empty() {
            self.0.extend(["===== ", about, "\n"]);
        }
        // Colours are visible in a review, and the file stays a text.
        self.0.push_str(&of_world(world, &text).replace('\x1b', "␛"));
        self.0.push('\n');
    }

    /// Writes down a file of the world.
    pub(crate) fn file(&mut self, world: &World, path: &str) {
        let text = section(&format!("{path} is now"), &world.read(path));
        self.0.extend([&of_world(world, &text), "\n"]);
    }

    /// Checks that a secret value is nowhere in the transcript.
    #[track_caller]
    pub(crate) fn lacks(&self, value: &str) {
        assert!(!self.0.contains(value), "{value} is in:\n{}", self.0);
    }

    #[track_caller]
    pub(crate) fn is_in_step(&self, name: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
        golden::assert_in_step(&file, &self.0);
    }
}

/// The text without the line that the launcher prints if a request takes more than a second, as on a busy machine.
fn without_waiting(stderr: &str) -> String {
    stderr.split_inclusive('\n').filter(|line| !line.starts_with("launcher: waiting for ")).collect()
}

/// An output with its name. Nothing if it is empty.
fn section(name: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("--- {name}\n{}\n", text.trim_end()) }
}

/// The text with the folders of the world replaced.
fn of_world(world: &World, text: &str) -> String {
    let folder = |inner: &str| world.path(inner).display().to_string();
    let (home, bin, elsewhere, root) = (folder("home"), folder("bin"), folder("elsewhere"), folder(""));
    golden::normalised(
        text,
        &[(&home, "/home/ann"), (&bin, "/usr/local/bin"), (&elsewhere, "/srv"), (root.trim_end_matches('/'), "/")],
    )
}

fn git(world: &World, args: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(world.path("home/dev/alpha")).args(args);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.org");
    }
    assert!(git.status().unwrap().success());
}

/// A command of the launcher in the repository of alpha.
fn in_alpha(world: &World, args: &[&str]) -> Command {
    let mut launcher = world.launcher(args);
    launcher.current_dir(world.path("home/dev/alpha"));
    launcher
}

#[test]
fn lists_are_in_step() {
    let world = World::new();
    git(&world, &["checkout", "--quiet", "-b", "dev/mac1/fix"]);
    let mut transcript = Transcript::new();
    transcript.run("no records", &world, &mut world.launcher(&["--list"]));
    world.write("home/dev/alpha/begun.txt", "");
    records(&world);
    transcript.run("an agent at work and uncommitted changes", &world, &mut world.launcher(&["--list"]));
    transcript.run("with colours", &world, world.launcher(&["--list"]).env("CLICOLOR_FORCE", "1"));
    let mut offline = world.launcher(&["--list"]);
    transcript.run(
        "the API is down",
        &world,
        offline.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", KEY),
    );
    world.write("home/.config/deckwatch/ventures.json", r#"{"ventures": []}"#);
    transcript.run("no ventures", &world, &mut world.launcher(&["--list"]));
    transcript.is_in_step("list");
}

#[test]
fn records_are_in_step() {
    let world = World::new();
    let mut transcript = Transcript::new();
    for verb in ["log", "handoff", "notes"] {
        transcript.run("no records", &world, &mut in_alpha(&world, &[verb]));
    }
    world.repository("home/dev/shop", "https://github.com/example-org/shop.git");
    for args in [&["send", "@all", "Hello."][..], &["inbox"], &["watch"]] {
        let mut in_shop = world.launcher(args);
        transcript.run(
            "no agent was started in the repository",
            &world,
            in_shop.current_dir(world.path("home/dev/shop")),
        );
    }
    records(&world);
    for args in [
        &["log"][..],
        &["log", "--limit", "1"],
        &["log", "--venture", "beta"],
        &["log", "--since", "9999-01-01"],
        &["log", "--agent", "mac1-cladue-1"],
        &["log", "--venture", "alhpa"],
        &["handoff"],
        &["handoff", "ho_01KB2ZQ0M3V5X7Y9A1C3E5G7J9"],
        &["notes"],
        &["notes", "price", "europe"],
        &["notes", "elephants"],
        &["notes", "show", "note_01KB2ZQ0M3V5X7Y9A1C3E5G7J9"],
    ] {
        transcript.run("records of this machine", &world, &mut in_alpha(&world, args));
    }
    let found = Run::of(&mut in_alpha(&world, &["notes", "price"])).stdout;
    let id = found.split_whitespace().find(|word| word.starts_with("note_")).unwrap();
    transcript.run("records of this machine", &world, &mut in_alpha(&world, &["notes", "show", id]));
    transcript.run("all ventures", &world, &mut world.launcher(&["log"]));
    for verb in ["log", "handoff", "notes"] {
        let mut offline = in_alpha(&world, &[verb]);
        offline.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", KEY);
        transcript.run("the API is down", &world, &mut offline);
    }
    transcript.is_in_step("records");
}

#[test]
fn healthy_checks_are_in_step() {
    let world = healthy_world();
    let mut transcript = Transcript::new();
    transcript.run("all is well", &world, &mut world.launcher(&["doctor"]));
    transcript.run("with colours", &world, world.launcher(&["doctor"]).env("CLICOLOR_FORCE", "1"));
    transcript.is_in_step("doctor");
}

/// A world with one problem, and the command that reports it.
type Problem = (&'static str, fn(&World) -> Command);

#[test]
fn failing_checks_are_in_step() {
    let doctor = |world: &World| world.launcher(&["doctor"]);
    let problems: &[Problem] = &[
        ("the default agent CLI is missing", |world| {
            world.remove("bin/codex");
            world.write("home/.config/deckwatch/config.toml", "default_agent = \"codex\"\n");
            world.launcher(&["doctor"])
        }),
        ("an agent CLI is missing", |world| {
            world.remove("bin/codex");
            world.launcher(&["doctor"])
        }),
        ("no agent CLI is installed", |world| {
            for cli in ["claude", "gemini", "codex"] {
                world.remove(&format!("bin/{cli}"));
            }
            world.launcher(&["doctor"])
        }),
        ("an agent CLI fails", |world| {
            world.install("claude", "#!/bin/sh\nexit 3\n");
            world.launcher(&["doctor"])
        }),
        ("git is missing", |world| {
            world.remove("bin/git");
            world.launcher(&["doctor"])
        }),
        ("deckwatch-mcp is missing", |world| {
            world.remove("bin/deckwatch-mcp");
            world.launcher(&["doctor"])
        }),
        ("deckwatch-mcp has another version", |world| {
            world.install("deckwatch-mcp", "#!/bin/sh\necho deckwatch-mcp 9.9.9\n");
            world.launcher(&["doctor"])
        }),
        ("the settings are wrong", |world| {
            world.write("home/.config/deckwatch/config.toml", "dev_rot = 'x'\n");
            world.launcher(&["doctor"])
        }),
        ("the ventures file is wrong", |world| {
            world.write("home/.config/deckwatch/ventures.json", "{");
            world.launcher(&["doctor"])
        }),
        ("there is no ventures file", |world| {
            world.remove("home/.config/deckwatch/ventures.json");
            world.launcher(&["doctor"])
        }),
        ("a venture has the name of a command", |world| {
            world.write(
                "home/.config/deckwatch/ventures.json",
                r#"{"ventures": [{"code": "doctor", "name": "Doctor"}]}"#,
            );
            world.launcher(&["doctor"])
        }),
        ("a repository is missing", |world| {
            let ventures = r#"{"ventures": [{"code": "beta", "name": "Beta", "repos": ["example-org/beta"]}]}"#;
            world.write("home/.config/deckwatch/ventures.json", ventures);
            world.launcher(&["doctor"])
        }),
        ("the API can't be reached", |world| {
            let mut doctor = world.launcher(&["doctor"]);
            doctor.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", KEY);
            doctor
        }),
        ("the API has no key", |world| {
            let mut doctor = world.launcher(&["doctor"]);
            doctor.env("CONTEXT_API_URL", "https://context.example.com");
            doctor
        }),
        ("the folders of Deckwatch can't be used", |world| {
            world.write("home/.local", "a file where a folder should be");
            world.launcher(&["doctor"])
        }),
        ("Infisical has no project", |world| {
            let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "infisical_path": "/alpha"}]}"#;
            world.write("home/.config/deckwatch/ventures.json", ventures);
            world.launcher(&["doctor"])
        }),
        ("Infisical has no credential", |world| {
            let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "infisical_path": "/alpha"}]}"#;
            world.write("home/.config/deckwatch/ventures.json", ventures);
            let mut doctor = world.launcher(&["doctor"]);
            doctor.env("INFISICAL_PROJECT_ID", "p");
            doctor
        }),
    ];
    let healthy = healthy_world();
    let healthy_output = of_world(&healthy, &Run::of(&mut doctor(&healthy)).stdout);
    let mut transcript = Transcript::new();
    for (about, prepare) in problems {
        let world = healthy_world();
        let mut doctor = prepare(&world);
        transcript.run(about, &world, &mut doctor);
    }
    // A check that is well is in the file `doctor.txt`.
    let well: Vec<&str> = healthy_output.lines().collect();
    let lines: Vec<&str> = transcript.0.lines().filter(|line| !well.contains(line)).collect();
    Transcript(lines.join("\n")).is_in_step("doctor-problems");
}

/// The names in the list of commands of a help.
fn commands_in(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that is continued on the next line is indented further.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn help_of(transcript: &mut Transcript, world: &World, command: &[String]) {
    let mut help = world.launcher(&[]);
    help.args(command).arg("--help").env("COLUMNS", "100");
    let text = Run::of(&mut help).succeeds().stdout;
    transcript.run("", world, &mut help);
    for name in commands_in(&text) {
        help_of(transcript, world, &[command, &[name]].concat());
    }
}

#[test]
fn the_help_of_every_command_is_in_step() {
    let world = World::new();
    let mut transcript = Transcript::new();
    help_of(&mut transcript, &world, &[]);
    transcript.run("the short form", &world, world.launcher(&["-h"]).env("COLUMNS", "100"));
    transcript.is_in_step("help");
}

#[test]
fn checks_of_the_registration_are_in_step() {
    let world = mcp_doctor::world("sod");
    let mut transcript = Transcript::new();
    let doctor = |world: &World| {
        let mut launcher = world.launcher(&["mcp", "doctor"]);
        launcher.env("XDG_DATA_HOME", world.path("home/.local/share"));
        launcher
    };
    transcript.run("not registered", &world, &mut doctor(&world));
    world.run(&["alpha", "--codex"]).succeeds();
    transcript.run("all is well", &world, &mut doctor(&world));
    let registered = world.read("home/.codex/config.toml");
    world.write("home/.codex/config.toml", &registered.replace("args = []", "args = []\nenabled = false"));
    transcript.run("a key overrides the registration", &world, &mut doctor(&world));
    world.write("home/.codex/config.toml", &registered);
    world.install("deckwatch-mcp", &mcp_doctor::SERVER.replace("TOOL", "other"));
    transcript.run("the server has other tools", &world, &mut doctor(&world));
    world.install("deckwatch-mcp", "#!/bin/sh\nexit 1\n");
    transcript.run("the server does not speak MCP", &world, &mut doctor(&world));
    world.remove("bin/codex");
    world.install("gemini", "#!/bin/sh\n");
    world.write("home/.gemini/settings.json", "{\"mcp\": {\"excluded\": [\"deckwatch\"]}}");
    transcript.run(
        "a launch while Gemini CLI excludes the server",
        &world,
        &mut world.launcher(&["alpha", "--gemini"]),
    );
    transcript.run("Gemini CLI excludes the server", &world, &mut doctor(&world));
    world.write("home/.gemini/settings.json", "{\"mcp\": {\"allowed\": [\"other\"]}}");
    let _ = world.run(&["alpha", "--gemini"]).succeeds();
    transcript.run("Gemini CLI allows other servers only", &world, &mut doctor(&world));
    world.write("home/.gemini/settings.json", "{}");
    world.write("home/.gemini/mcp-server-enablement.json", "{\"deckwatch\": {\"enabled\": false}}");
    let _ = world.run(&["alpha", "--gemini"]).succeeds();
    transcript.run("the server is disabled in Gemini CLI", &world, &mut doctor(&world));
    world.remove("bin/gemini");
    transcript.run("no agent CLI", &world, &mut doctor(&world));
    transcript.is_in_step("mcp-doctor");
}

/// A command line that fails, and what is done to the world before.
type Failure = (&'static str, &'static [&'static str], fn(&World));

#[test]
fn errors_are_in_step() {
    let nothing: fn(&World) = |_| ();
    let failures: &[Failure] = &[
        ("no venture is named, and there is no terminal", &[], nothing),
        ("two agent CLIs are named", &["alpha", "--claude", "--codex"], nothing),
        ("an option is not known", &["alpha", "--colour"], nothing),
        ("an issue is not a number", &["alpha", "--issue", "0"], nothing),
        ("a code is malformed", &["Alpha!"], nothing),
        ("the venture is not known", &["gamma"], nothing),
        ("the venture is misspelled", &["alpah"], nothing),
        ("the venture is misspelled, and the API can't be reached", &["alpah"], |world| {
            let key = "key_command = [\"sh\", \"-c\", \"echo 0123456789abcdef0123456789abcdef\"]";
            let api = format!("[api]\nurl = \"http://127.0.0.1:9\"\n{key}\n");
            world.write("home/.config/deckwatch/config.toml", &api);
        }),
        ("a command is misspelled", &["doctr"], nothing),
        ("an agent CLI is named without dashes", &["cladue"], nothing),
        ("a command with an argument is misspelled", &["handof", "ho_1"], nothing),
        ("there are no ventures", &["alpha"], |world| {
            world.write("home/.config/deckwatch/ventures.json", r#"{"ventures": []}"#);
        }),
        ("the agent CLI is not installed", &["alpha", "--codex"], |world| world.remove("bin/codex")),
        ("no agent CLI is installed", &["alpha"], |world| {
            for cli in ["claude", "gemini", "codex"] {
                world.remove(&format!("bin/{cli}"));
            }
        }),
        ("deckwatch-mcp is not installed", &["alpha"], |world| world.remove("bin/deckwatch-mcp")),
        ("the repository is not on this machine", &["beta"], nothing),
        ("the venture has no repositories", &["empty"], nothing),
        ("the folder is not a repository", &["."], nothing),
        ("the named folder is not a repository", &["alpha", "--repo", "."], nothing),
        ("the named folder does not exist", &["alpha", "--repo", "gone"], nothing),
        ("the repository has several clones", &["beta"], |world| {
            world.repository("home/dev/b1", "https://github.com/example-org/beta");
            world.repository("home/dev/b2", "https://github.com/example-org/beta");
        }),
        ("the dev root is a file", &["alpha"], |world| {
            std::fs::remove_dir_all(world.path("home/dev")).unwrap();
            world.write("home/dev", "");
        }),
        ("git is not installed", &["alpha"], |world| world.remove("bin/git")),
        ("a setting is not known", &["alpha"], |world| {
            world.write("home/.config/deckwatch/config.toml", "\ndev_rot = \"~/x\"\n");
        }),
        ("the ventures file is malformed", &["alpha"], |world| {
            world.write("home/.config/deckwatch/ventures.json", "{\n  \"ventures\": [\n");
        }),
        ("the named ventures file does not exist", &["alpha", "--ventures", "other.json"], nothing),
        ("the API has no key", &["alpha"], |world| {
            world.write("home/.config/deckwatch/config.toml", "[api]\nurl = \"https://context.example.com\"\n");
        }),
        ("the key would be sent without encryption", &["alpha"], |world| {
            let settings = "[api]\nurl = \"http://context.example.com\"\nkey_command = [\"env\", \"echo\", \"k\"]\n";
            world.write("home/.config/deckwatch/config.toml", settings);
        }),
        ("Infisical has no credential", &["alpha", "--require-secrets"], |world| {
            let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js"], "infisical_path": "/alpha"}]}"#;
            world.write("home/.config/deckwatch/ventures.json", ventures);
            world.write("home/.config/deckwatch/config.toml", "[infisical]\nproject_id = \"p\"\n");
        }),
        ("the state folder can't be used", &["alpha"], |world| world.write("home/.local/state", "")),
        ("the settings of Codex are malformed", &["alpha", "--codex"], |world| {
            world.write("home/.codex/config.toml", "[");
        }),
        ("the folder for manual pages is a file", &["man", "page"], |world| world.write("elsewhere/page", "")),
        ("an admin's key is missing", &["ventures", "sync"], |world| {
            world.write("home/.config/deckwatch/config.toml", "[api]\nurl = \"https://context.example.com\"\n");
        }),
        ("questions without a terminal", &["init"], nothing),
        ("files exist already", &["init", "--yes"], |world| {
            world.write("home/.config/deckwatch/config.toml", "default_agent = \"codex\"\n");
        }),
    ];
    let mut transcript = Transcript::new();
    for (about, args, prepare) in failures {
        let world = World::new();
        prepare(&world);
        transcript.run(about, &world, &mut world.launcher(args));
    }
    let world = World::new();
    let mut foreign = in_alpha(&world, &["."]);
    foreign.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    transcript.run("the repository belongs to another user", &world, &mut foreign);
    transcript.is_in_step("errors");
}
