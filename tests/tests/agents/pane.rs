//! A terminal of a person: a program in a tmux of its own, what its screen shows, what is typed.

use std::path::PathBuf;
use std::process::{Command as SyncCommand, Stdio};
use std::time::{Duration, Instant};

use tokio::process::Command;

/// Long enough for a command line tool that starts cold on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(100);

/// A running program and its screen. Dropping it ends the tmux server, and with it the program.
pub(crate) struct Pane {
    socket: PathBuf,
}

impl Pane {
    /// Whether there is a tmux; else says so.
    pub(crate) fn possible() -> bool {
        let found =
            SyncCommand::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        if !found {
            println!("skipped: tmux is not installed");
        }
        found
    }

    /// Starts a command in a tmux server that has its environment, and no other.
    pub(crate) fn open(command: &Command, socket: PathBuf) -> Self {
        let command = command.as_std();
        let pane = Self { socket };
        let mut tmux = pane.tmux();
        tmux.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        tmux.args(["-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"]);
        tmux.args(["new-session", "-d", "-x", "140", "-y", "50", "-c"]);
        tmux.arg(command.get_current_dir().unwrap()).arg("--").arg(command.get_program()).args(command.get_args());
        assert!(tmux.status().unwrap().success(), "{tmux:?}");
        pane
    }

    /// What the screen shows now.
    pub(crate) fn screen(&self) -> String {
        let output = self.tmux().args(["capture-pane", "-p", "-S", "-200"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen shows these words.
    pub(crate) async fn shows(&self, words: &str) -> String {
        self.waits(&format!("{words:?}"), || self.screen().contains(words)).await;
        self.screen()
    }

    /// Waits until something is so.
    pub(crate) async fn waits(&self, what: &str, is_so: impl Fn() -> bool) {
        let asked = Instant::now();
        while !is_so() {
            assert!(asked.elapsed() < PATIENCE, "no {what}; the screen shows\n{}", self.screen());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Types a line, and then the key that sends it.
    pub(crate) async fn types(&self, line: &str) {
        assert!(self.tmux().args(["send-keys", "-l", line]).status().unwrap().success());
        // Tools take keys that come at once for a text that was pasted.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(self.tmux().args(["send-keys", "Enter"]).status().unwrap().success());
    }

    /// Waits until the program has ended.
    pub(crate) async fn ends(&self) {
        let dead = || {
            let asked = self.tmux().args(["display-message", "-p", "#{pane_dead}"]).output().unwrap();
            String::from_utf8_lossy(&asked.stdout).trim() == "1"
        };
        self.waits("end of the program", dead).await;
    }

    fn tmux(&self) -> SyncCommand {
        let mut tmux = SyncCommand::new("tmux");
        tmux.arg("-S").arg(&self.socket).stderr(Stdio::null());
        tmux
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // A server whose program has ended may be gone already.
        let _ = self.tmux().arg("kill-server").status();
    }
}
