//! Tests that a launch with secrets leaves no secret in files, on command lines or on the terminal.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::infisical::{CLIENT_ID, CLIENT_SECRET, Deviation, Infisical};
use crate::keyring::Desktop;
use crate::secrets::{VALUE, launcher, world_with};
use crate::world::{Run, World, found_on_path};

const KEY: &str = "0123456789abcdef-the-key";

/// Runs `work` and returns all command lines that are visible on this machine meanwhile.
fn command_lines_during<T>(work: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                seen.extend(command_lines());
                std::thread::yield_now();
            }
            seen
        });
        let ending = Ending(&done);
        let result = work();
        drop(ending);
        (result, watching.join().unwrap())
    })
}

/// Stops watching when it is dropped, also if the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn command_lines() -> impl Iterator<Item = String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| {
        let bytes = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
    })
}

/// Checks that no text contains a secret of these tests.
#[track_caller]
fn assert_clean<'a>(what: &str, texts: impl IntoIterator<Item = &'a str>) {
    for text in texts {
        for secret in [VALUE, CLIENT_SECRET, KEY, "t0ken-"] {
            assert!(!text.contains(secret), "{what} holds {secret}: {text}");
        }
    }
}

#[track_caller]
fn assert_no_file_holds_a_secret(world: &World) {
    for (path, bytes) in world.home_files() {
        assert_clean(&path.display().to_string(), [&*String::from_utf8_lossy(&bytes)]);
    }
}

#[test]
fn a_launch_leaves_no_secret_in_files_command_lines_or_output() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE), ("PATH", VALUE), ("not-a-name", VALUE)]);
    infisical.folder("/deckwatch", &[("KEY", KEY)]);
    let world = world_with(&infisical);
    let api = "[api]\nurl = \"https://context.example\"\nkey_infisical = \"/deckwatch/KEY\"\n";
    world.write("home/.config/deckwatch/config.toml", &format!("{api}{}", infisical.config()));
    for agent in ["--claude", "--gemini", "--codex"] {
        infisical.deviate_at_logins([Deviation::Slow(Duration::from_millis(200))]);
        infisical.deviate_at_lists([Deviation::Slow(Duration::from_millis(200))]);
        let (run, lines) = command_lines_during(|| Run::of(&mut launcher(&world, &["alpha", agent])).succeeds());
        assert_eq!(world.record().env["DATABASE_URL"], VALUE);
        assert!(lines.iter().any(|line| line.contains(agent)), "the launcher was not seen");
        assert_clean("a command line", lines.iter().map(String::as_str));
        assert_clean("the output", [&*run.stdout, &*run.stderr]);
    }
    infisical.deviate_at_lists([Deviation::Answer(200, "", format!("{{\"x\": \"{VALUE}\"}}"))]);
    let run = Run::of(&mut launcher(&world, &["alpha", "--require-secrets"]));
    assert_clean("the output", [&*run.stdout, &*run.stderr]);
    assert_no_file_holds_a_secret(&world);
}

#[test]
fn values_for_the_keyring_are_on_no_command_line() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let world = world_with(&infisical);
    let Some(desktop) = Desktop::start(&world) else { return };
    let identity = format!("{{\"clientId\": \"{CLIENT_ID}\", \"clientSecret\": \"{CLIENT_SECRET}\"}}");
    let (runs, lines) = command_lines_during(|| {
        let login = desktop.typed(&world, &["secrets", "login"], &identity).succeeds();
        [login, desktop.run(&world, &["alpha"]).succeeds()]
    });
    assert_eq!(world.record().env["DATABASE_URL"], VALUE);
    assert!(lines.iter().any(|line| line.contains("secret-tool")), "the keyring's tool was not seen");
    assert_clean("a command line", lines.iter().map(String::as_str));
    assert_clean("the output", runs.iter().flat_map(|run| [&*run.stdout, &*run.stderr]));
    assert_no_file_holds_a_secret(&world);
}

/// The launcher on a terminal that `script` of util-linux creates. Without it, prints the reason and returns `None`.
fn on_terminal(inner: &Command) -> Option<Command> {
    let Some(script) = found_on_path("script") else {
        println!("skipped: util-linux has no `script` here");
        return None;
    };
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let line = words.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let mut command = Command::new(script);
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    command.env("SHELL", "/bin/sh").env("TERM", "xterm").current_dir(inner.get_current_dir().unwrap());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Some(command)
}

#[test]
fn a_slow_fetch_prints_what_it_waits_for() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    infisical.deviate_at_lists([Deviation::Slow(Duration::from_millis(1500))]);
    let world = world_with(&infisical);
    let Some(mut command) = on_terminal(&launcher(&world, &["alpha"])) else { return };
    let shown = Run::of(&mut command).succeeds().stdout;
    assert_eq!(shown.matches("waiting for Infisical at 127.0.0.1").count(), 1, "{shown}");
    assert!(!shown.contains(VALUE), "{shown}");
}

#[test]
fn a_login_asks_for_the_secret_without_showing_it() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let world = world_with(&infisical);
    let Some(desktop) = Desktop::start(&world) else { return };
    let mut inner = world.launcher(&["secrets", "login"]);
    let Some(mut command) = on_terminal(desktop.inside(&mut inner)) else { return };
    let mut terminal = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = String::new();
    for (asked, answer) in [("Client id", CLIENT_ID), ("Client secret", CLIENT_SECRET)] {
        while !shown.contains(asked) {
            let mut byte = [0];
            screen.read_exact(&mut byte).unwrap();
            shown.push(char::from(byte[0]));
        }
        keys.write_all(format!("{answer}\r").as_bytes()).unwrap();
    }
    screen.read_to_string(&mut shown).unwrap();
    assert!(terminal.wait().unwrap().success(), "{shown}");
    assert!(shown.contains(CLIENT_ID) && !shown.contains(CLIENT_SECRET), "{shown}");
    desktop.run(&world, &["alpha", "--require-secrets"]).succeeds();
}
