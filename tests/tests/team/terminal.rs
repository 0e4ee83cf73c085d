//! A terminal of a given size: a tmux server of its own with one program in it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Enough time for a program that starts on a loaded machine.
const TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A running program and its screen. Dropping it ends the tmux server and therefore the program.
pub(crate) struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// Whether tmux is installed. Prints the reason for skipping if it is not.
    pub(crate) fn is_possible() -> bool {
        let found = Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        if !found {
            println!("skipped: tmux is not installed");
        }
        found
    }

    /// Starts a command in a terminal of so many columns and lines, with only the command's environment.
    pub(crate) fn open(command: &tokio::process::Command, socket: PathBuf, (columns, lines): (u16, u16)) -> Self {
        let command = command.as_std();
        let terminal = Self { socket };
        let mut tmux = terminal.tmux();
        tmux.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // Without it, tmux shows only ASCII.
        tmux.env("LC_ALL", "C.UTF-8");
        tmux.args(["-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"]);
        tmux.args(["set-option", "-g", "status", "off", ";", "new-session", "-d"]);
        tmux.args(["-x", &columns.to_string(), "-y", &lines.to_string(), "-c"]);
        tmux.arg(command.get_current_dir().unwrap()).arg("--").arg(command.get_program()).args(command.get_args());
        assert!(tmux.status().unwrap().success(), "{tmux:?}");
        terminal
    }

    /// The current text on the screen.
    pub(crate) fn screen(&self) -> String {
        self.output(&["capture-pane", "-p"])
    }

    /// The current text on the screen with its escape sequences.
    pub(crate) fn captured(&self) -> String {
        self.output(&["capture-pane", "-p", "-e"])
    }

    /// Waits until a condition of the screen is true, and returns the screen. `what` describes it for the error message.
    pub(crate) async fn waits(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            assert!(started.elapsed() < TIMEOUT, "timed out waiting for {what}; the screen shows\n{screen}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the screen shows this text.
    pub(crate) async fn shows(&self, text: &str) -> String {
        self.waits(&format!("{text:?}"), |screen| screen.contains(text)).await
    }

    /// Presses keys by their names in tmux, such as `Enter`.
    pub(crate) fn presses(&self, keys: &[&str]) {
        self.output(&[&["send-keys"][..], keys].concat());
    }

    /// Types a text.
    pub(crate) fn types(&self, text: &str) {
        self.output(&["send-keys", "-l", text]);
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.output(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// The id of the program's process.
    pub(crate) fn process(&self) -> u32 {
        self.output(&["display-message", "-p", "#{pane_pid}"]).trim().parse().unwrap()
    }

    /// The exit code of the program, if it has ended.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.output(&["display-message", "-p", "#{pane_dead_status}"]).trim().parse().ok()
    }

    /// Ends the terminal, as a window that is closed.
    pub(crate) fn close(&self) {
        // The server may have ended already, together with its program.
        let _ = self.tmux().arg("kill-server").status();
    }

    fn output(&self, args: &[&str]) -> String {
        let output = self.tmux().args(args).output().unwrap();
        assert!(output.status.success(), "tmux {args:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.arg("-u").arg("-S").arg(&self.socket).stderr(Stdio::null());
        tmux
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}
