//! `scripts/dev-session`, with the real tmux on a socket of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::world::World;

/// A tmux server that ends with the test.
struct Tmux<'a> {
    world: &'a World,
    // Sockets have short names only, so not below the world.
    sockets: tempfile::TempDir,
}

impl<'a> Tmux<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, sockets: tempfile::tempdir().unwrap() }
    }

    fn run(&self, program: &Path, args: &[&str]) -> Output {
        let path = std::env::var_os("PATH").unwrap();
        let folders = std::iter::once(self.world.path("bin")).chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.world.path("elsewhere")).stdin(std::process::Stdio::null());
        command.env("HOME", self.world.path("home")).env("PATH", std::env::join_paths(folders).unwrap());
        command.env("TMUX_TMPDIR", self.sockets.path()).env("TERM", "xterm").env("LANG", "C.UTF-8");
        command.env("RECORD", self.world.path("record")).env("AGENT_SLEEPS", "1");
        command.output().unwrap()
    }

    fn session(&self, args: &[&str]) -> (Option<i32>, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/dev-session");
        let output = self.run(&script, args);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn sessions(&self) -> String {
        let output = self.run(&PathBuf::from("tmux"), &["list-sessions", "-F", "#{session_name}"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&PathBuf::from("tmux"), &["kill-server"]);
    }
}

#[test]
fn the_session_of_a_venture_is_made_once_with_an_agent_in_it() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    let (code, said) = tmux.session(&["alpha", "--codex", "--track", "7"]);
    assert!(code == Some(0) && said.contains("made the session deckwatch-alpha"), "{code:?} {said}");
    while !std::fs::read_to_string(world.path("record.pid")).is_ok_and(|text| text.ends_with('\n')) {
        assert_eq!(tmux.sessions(), "deckwatch-alpha\n", "the agent did not start");
        std::thread::yield_now();
    }
    assert_eq!(world.record().env["DECKWATCH_TRACK"], "7");

    let pid = world.record().pid;
    let (code, said) = tmux.session(&["alpha"]);
    assert!(code == Some(0) && said.contains("is there") && said.contains("tmux attach -t deckwatch-alpha"), "{said}");
    assert_eq!((tmux.sessions().as_str(), world.record().pid), ("deckwatch-alpha\n", pid));
}

#[test]
fn what_is_no_venture_makes_no_session() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    for bad in [&[][..], &["a;b"], &["--codex"]] {
        assert_eq!(tmux.session(bad).0, Some(2), "{bad:?}");
    }
    assert_eq!(tmux.sessions(), "");
}
