//! A terminal on the person's host: a pane of a tmux of its own, which keeps what is shown as a screen.

use deckwatch_tests::Host;

use crate::world::{KEY, wait_until};

/// A running command line on a terminal of 80 columns and 24 lines. It ends with its host.
pub(crate) struct Terminal<'a> {
    host: &'a Host,
}

impl<'a> Terminal<'a> {
    /// Starts a command line in bash. When it ends, the terminal shows its exit code.
    pub(crate) fn start(host: &'a Host, line: &str) -> Self {
        let terminal = Self { host };
        let shown = format!("{line}; echo \"it ended with $?\"; sleep 600");
        // The settings of a person who has run `launcher fleet tmux` here too, so that one tmux is inside another.
        host.write(".terminal.conf", include_str!("../../../fleet/src/host/tmux/deckwatch.conf"));
        terminal.tmux(&["new-session", "-d", "-s", "terminal", "-x", "80", "-y", "24", "bash", "-c", &shown]);
        terminal
    }

    /// Types keys, as tmux names them, or text.
    pub(crate) fn type_keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "terminal"][..], keys].concat());
    }

    /// What is shown, without colours.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "terminal"])
    }

    /// What is shown, with its escape sequences.
    pub(crate) fn colours(&self) -> String {
        self.tmux(&["capture-pane", "-e", "-p", "-t", "terminal"])
    }

    /// Changes the size.
    pub(crate) fn resize(&self, columns: u32, lines: u32) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.tmux(&["resize-window", "-t", "terminal", "-x", &columns, "-y", &lines]);
    }

    /// Waits until a text is shown.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} is not shown"), || self.screen().contains(text), || self.screen());
    }

    /// Ends the terminal, so that another one can start.
    pub(crate) fn end(self) {
        self.tmux(&["kill-server"]);
        let has_ended = || self.host.run("tmux", &["-L", "terminal", "list-sessions"], "", &[]).code != Some(0);
        wait_until("the terminal does not end", has_ended, String::new);
    }

    fn tmux(&self, args: &[&str]) -> String {
        let variables = [("TERM", "xterm-256color"), ("ANTHROPIC_API_KEY", KEY)];
        self.host.run("tmux", &[&["-f", ".terminal.conf", "-L", "terminal"][..], args].concat(), "", &variables).ok()
    }
}
