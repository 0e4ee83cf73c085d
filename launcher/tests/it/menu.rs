//! The menu, on a terminal as `script` of util-linux makes one.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::world::World;

/// Types `keys` into `launcher --dry-run` on a terminal; gives all that the terminal showed, and the exit code.
fn typed(world: &World, keys: &str) -> (String, Option<i32>) {
    let path = std::env::var_os("PATH").unwrap();
    let mut scripts = std::env::split_paths(&path).map(|dir| dir.join("script"));
    let script = scripts.find(|file| file.exists()).expect("util-linux has `script`");
    let line = format!("{} --dry-run", world.path("bin/launcher").display());
    let mut command = Command::new(script);
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env_clear()
        .current_dir(world.path("elsewhere"));
    command.env("HOME", world.path("home")).env("PATH", world.path("bin")).env("TERM", "xterm").env("SHELL", "/bin/sh");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // A key that comes before the menu is the terminal's: it may be lost, or end another process.
    let mut shown = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    while !String::from_utf8_lossy(&shown).contains("Venture") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }
    child.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
    stdout.read_to_end(&mut shown).unwrap();
    (String::from_utf8_lossy(&shown).into_owned(), child.wait().unwrap().code())
}

#[test]
fn typing_narrows_the_ventures_and_enter_starts_the_one_left() {
    let world = World::new();
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    for (keys, chosen) in [("\r", "alpha (Alpha)"), ("bet\r", "beta (Beta)")] {
        let (shown, code) = typed(&world, keys);
        assert!(shown.contains("Venture") && shown.contains(chosen), "{keys:?}: {shown}");
        assert_eq!(code, Some(0), "{shown}");
    }
}

#[test]
fn leaving_the_menu_starts_nothing() {
    let world = World::new();
    let (shown, code) = typed(&world, "\u{3}");
    assert_eq!(code, Some(130), "{shown}");
    assert!(!world.path("record.args").exists());
}
