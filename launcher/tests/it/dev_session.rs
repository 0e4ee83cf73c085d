//! `scripts/dev-session` with the real launcher and on terminals, with tmux on a separate socket.
//! `tests/scripts/dev_session.bats` tests its arguments and errors.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

#[cfg(target_os = "linux")]
use crate::terminal::Terminal;
use crate::world::World;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/dev-session");

/// A tmux server that ends with the test.
struct Tmux<'a> {
    world: &'a World,
    // The path of a socket must be short, so it is not below the world.
    sockets: tempfile::TempDir,
}

impl<'a> Tmux<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, sockets: tempfile::tempdir().unwrap() }
    }

    fn environment(&self) -> [(&'static str, OsString); 7] {
        let path = std::env::var_os("PATH").unwrap();
        let folders = std::iter::once(self.world.path("bin")).chain(std::env::split_paths(&path));
        [
            ("HOME", self.world.path("home").into()),
            ("PATH", std::env::join_paths(folders).unwrap()),
            ("TMUX_TMPDIR", self.sockets.path().into()),
            ("TERM", "xterm".into()),
            ("LANG", "C.UTF-8".into()),
            ("RECORD", self.world.path("record").into()),
            ("AGENT_SLEEPS", "1".into()),
        ]
    }

    fn run(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.world.path("elsewhere")).stdin(std::process::Stdio::null());
        command.envs(self.environment()).output().unwrap()
    }

    fn session(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.run(Path::new(SCRIPT), args);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The output of a tmux command.
    fn tmux(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.run(Path::new("tmux"), args).stdout).into_owned()
    }

    fn sessions(&self) -> String {
        self.tmux(&["list-sessions", "-F", "#{session_name}"])
    }

    /// Waits until the only terminal shows this session.
    #[cfg(target_os = "linux")]
    fn shows(&self, session: &str) {
        let started = std::time::Instant::now();
        loop {
            let shown = self.tmux(&["list-clients", "-F", "#{session_name}"]);
            if shown == format!("{session}\n") {
                return;
            }
            assert!(
                started.elapsed().as_secs() < 20,
                "{session} is not shown, but {shown:?}: {}",
                self.tmux(&["capture-pane", "-p"])
            );
        }
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn the_tmux_session_of_a_venture_is_created_once_with_an_agent() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    let (code, said) = tmux.session(&["alpha", "--codex", "--track", "7"]);
    assert!(code == Some(0) && said.contains("created the session deckwatch-alpha"), "{code:?} {said}");
    while !std::fs::read_to_string(world.path("record.pid")).is_ok_and(|text| text.ends_with('\n')) {
        assert_eq!(tmux.sessions(), "deckwatch-alpha\n", "the agent did not start");
        std::thread::yield_now();
    }
    assert_eq!(world.record().env["DECKWATCH_TRACK"], "7");

    let pid = world.record().pid;
    let (code, said) = tmux.session(&["alpha"]);
    assert!(code == Some(0) && said.contains("exists") && said.contains("tmux attach -t deckwatch-alpha"), "{said}");
    assert_eq!((tmux.sessions().as_str(), world.record().pid), ("deckwatch-alpha\n", pid));
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_attaches_and_the_agent_stays_when_the_terminal_leaves() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    let terminal = Terminal::with(&world, &format!("{SCRIPT} alpha --codex"), &tmux.environment());
    tmux.shows("deckwatch-alpha");
    tmux.tmux(&["detach-client", "-s", "deckwatch-alpha"]);
    let (shown, code) = terminal.end();
    assert!(code == Some(0) && shown.contains("created the session deckwatch-alpha"), "{shown}");
    assert_eq!(tmux.sessions(), "deckwatch-alpha\n");

    let terminal = Terminal::with(&world, &format!("{SCRIPT} alpha"), &tmux.environment());
    tmux.shows("deckwatch-alpha");
    tmux.tmux(&["detach-client", "-s", "deckwatch-alpha"]);
    assert!(terminal.end().0.contains("the session deckwatch-alpha exists"));
}

#[cfg(target_os = "linux")]
#[test]
fn inside_tmux_the_terminal_is_switched_to_the_session_and_not_nested() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    // Not a login shell: its profile would set another PATH.
    let mut terminal = Terminal::with(&world, "tmux -f /dev/null new-session -s mine sh", &tmux.environment());
    tmux.shows("mine");
    terminal.at("", &format!("{SCRIPT} alpha\r"));
    tmux.shows("deckwatch-alpha");
    assert_eq!(tmux.sessions(), "deckwatch-alpha\nmine\n", "the first session stays");
    tmux.tmux(&["detach-client", "-s", "deckwatch-alpha"]);
    assert_eq!(terminal.end().1, Some(0));
}

#[test]
fn the_message_of_an_agent_that_can_not_start_stays_until_it_was_read() {
    let world = World::new();
    let tmux = Tmux::new(&world);
    assert_eq!(tmux.session(&["no-such-venture", "--codex"]).0, Some(0));
    let started = std::time::Instant::now();
    let screen = || tmux.tmux(&["capture-pane", "-p", "-t", "=deckwatch-no-such-venture:"]);
    while !screen().contains("ended with exit code 12") {
        assert!(started.elapsed().as_secs() < 20, "the message is not shown: {}", screen());
    }
    assert!(screen().contains("there is no venture no-such-venture"), "{}", screen());
    tmux.tmux(&["send-keys", "-t", "=deckwatch-no-such-venture:", "Enter"]);
    while !tmux.sessions().is_empty() {
        assert!(started.elapsed().as_secs() < 20, "the session stays");
    }
}
