//! What people and scripts read: standard output, and errors with what to do about them.

use std::io::{self, Write as _};

use crate::error::LaunchError;

/// To standard output. A reader that went away early, such as `head`, has all it wants.
pub(crate) fn print(write: impl FnOnce(&mut io::StdoutLock) -> io::Result<()>) -> Result<(), LaunchError> {
    printed(write(&mut io::stdout().lock()))
}

/// A reader that went away is no failure.
pub(crate) fn printed(written: io::Result<()>) -> Result<(), LaunchError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LaunchError::Output(error)),
        _ => Ok(()),
    }
}

/// What happened and what to do, on standard error; in colour only for a person.
pub(crate) fn report(error: &LaunchError) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    // When even this can't be written, the exit code still tells.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {error}");
    if let Some(text) = error.hint() {
        hint(&text);
    }
}

/// What to do about an error that was just reported.
pub(crate) fn hint(text: &str) {
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    let _ = writeln!(anstream::stderr(), "{cyan}hint:{cyan:#} {text}");
}

/// One line for the person who waits, beside the agent's own output. One that nobody can read is no failure.
pub(crate) fn say(line: &str) {
    let dim = anstyle::Style::new().dimmed();
    let _ = writeln!(anstream::stderr(), "{dim}launcher: {line}{dim:#}");
}

/// One line that must be seen: the agent starts, and not as it was meant to.
pub(crate) fn warn(line: &str) {
    let yellow = anstyle::AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{yellow}warning:{yellow:#} {line}");
}
