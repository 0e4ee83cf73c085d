//! The terminal as a full screen. It is restored when the screen is left, also after a panic.

use std::io::{self, Stdout, Write as _, stdout};
use std::sync::Once;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;

/// The terminal while the screen is shown.
pub(super) struct FullScreen(Terminal<CrosstermBackend<Stdout>>);

impl FullScreen {
    /// Changes to the alternate screen. What the terminal showed before comes back at the end.
    pub(super) fn enter() -> io::Result<Self> {
        restore_after_a_panic();
        enable_raw_mode()?;
        // From here on, the drop restores the terminal.
        let entered = Terminal::new(CrosstermBackend::new(stdout())).and_then(|terminal| {
            let screen = Self(terminal);
            // ratatui's own `clear` would ask the terminal for its cursor, and the answer can get lost.
            execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, Hide)?;
            Ok(screen)
        });
        if entered.is_err() {
            restore();
        }
        entered
    }

    /// The columns and the lines of the terminal.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        self.0.size().map(|size| (size.width, size.height))
    }

    /// Draws the cells that have changed, all at once if the terminal can.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        queue!(stdout(), BeginSynchronizedUpdate)?;
        self.0.draw(|frame| draw(frame.buffer_mut()))?;
        execute!(stdout(), EndSynchronizedUpdate)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        restore();
    }
}

/// If the terminal is gone, nothing can be restored.
fn restore() {
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// A panic is reported on the restored terminal.
fn restore_after_a_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Set in the process that panics.
    const PANICS: &str = "DECKWATCH_TEST_PANICS_ON_THE_SCREEN";
    const NAME: &str = "top::screen::terminal::tests::a_panic_is_reported_on_the_restored_terminal";

    /// The test runs itself again, in a terminal of `script`.
    #[test]
    fn a_panic_is_reported_on_the_restored_terminal() {
        if std::env::var_os(PANICS).is_some() {
            let _screen = FullScreen::enter().unwrap();
            panic!("the cause of the panic");
        }
        let own = std::env::current_exe().unwrap();
        let line = format!("'{}' --exact {NAME} --nocapture; stty -a", own.display());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).envs([(PANICS, "1"), ("TERM", "xterm-256color")]);
        let output = script.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is not in {text:?}"));
        let (entered, left) = (at("\u{1b}[?1049h"), at("\u{1b}[?1049l"));
        assert!(entered < left && left < at("the cause of the panic"), "{text:?}");
        assert!(at("\u{1b}[?25l") < at("\u{1b}[?25h"), "the cursor is shown again: {text:?}");
        let settings: Vec<&str> = text.split_whitespace().map(|word| word.trim_end_matches(';')).collect();
        for setting in ["icanon", "echo", "isig", "opost"] {
            assert!(settings.contains(&setting), "{setting}: {text:?}");
        }
    }
}
