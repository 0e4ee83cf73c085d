//! A terminal with a program in its own tmux server: reads the screen and types text.

use std::path::PathBuf;
use std::process::{Command as SyncCommand, Stdio};
use std::time::{Duration, Instant};

use tokio::process::Command;

/// Enough time for an agent CLI that starts cold on a loaded machine.
const TIMEOUT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A running program and its screen. Dropping it ends the tmux server and therefore the program.
pub(crate) struct Pane {
    socket: PathBuf,
}

impl Pane {
    /// Whether tmux is installed. Prints the reason for skipping if it is not.
    pub(crate) fn has_tmux() -> bool {
        let found =
            SyncCommand::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        if !found {
            println!("skipped: tmux is not installed");
        }
        found
    }

    /// Starts a command in a tmux server that has only the command's environment.
    pub(crate) fn open(command: &Command, socket: PathBuf) -> Self {
        Self::open_session(command, socket, "test")
    }

    /// Like `open`, in a session with this name.
    pub(crate) fn open_session(command: &Command, socket: PathBuf, session: &str) -> Self {
        let command = command.as_std();
        let pane = Self { socket };
        let mut tmux = pane.tmux();
        tmux.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        tmux.args(["-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"]);
        tmux.args(["new-session", "-d", "-s", session, "-x", "140", "-y", "50", "-c"]);
        tmux.arg(command.get_current_dir().unwrap()).arg("--").arg(command.get_program()).args(command.get_args());
        assert!(tmux.status().unwrap().success(), "{tmux:?}");
        pane
    }

    /// The current text on the screen.
    pub(crate) fn screen(&self) -> String {
        let output = self.tmux().args(["capture-pane", "-p", "-S", "-200"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen shows this text.
    pub(crate) async fn shows(&self, text: &str) -> String {
        self.waits(&format!("{text:?}"), || self.screen().contains(text)).await;
        self.screen()
    }

    /// Waits until a condition is true. `what` describes it for the error message.
    pub(crate) async fn waits(&self, what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < TIMEOUT, "timed out waiting for {what}; the screen shows\n{}", self.screen());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Types a line, then Enter.
    pub(crate) async fn types(&self, line: &str) {
        self.writes(line);
        // The CLIs treat keys without a pause as pasted text.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(self.tmux().args(["send-keys", "Enter"]).status().unwrap().success());
    }

    /// Types a text without Enter.
    pub(crate) fn writes(&self, text: &str) {
        assert!(self.tmux().args(["send-keys", "-l", text]).status().unwrap().success());
    }

    /// Removes what was typed without Enter.
    pub(crate) fn clears_prompt(&self) {
        assert!(self.tmux().args(["send-keys", "C-u"]).status().unwrap().success());
    }

    /// Waits until the program has ended.
    pub(crate) async fn ends(&self) {
        let dead = || {
            let started = self.tmux().args(["display-message", "-p", "#{pane_dead}"]).output().unwrap();
            String::from_utf8_lossy(&started.stdout).trim() == "1"
        };
        self.waits("end of the program", dead).await;
    }

    /// The process id of the program.
    pub(crate) fn process(&self) -> String {
        let output = self.tmux().args(["display-message", "-p", "#{pane_pid}"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn tmux(&self) -> SyncCommand {
        let mut tmux = SyncCommand::new("tmux");
        tmux.arg("-S").arg(&self.socket).stderr(Stdio::null());
        tmux
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // The server may have ended already, together with its program.
        let _ = self.tmux().arg("kill-server").status();
    }
}
