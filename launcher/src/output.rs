//! Standard output, and messages on standard error.

use std::io::{self, Write as _};

use crate::error::LaunchError;

/// Writes to standard output. A reader that closes it early, such as `head`, causes no error.
pub(crate) fn print(write: impl FnOnce(&mut io::StdoutLock) -> io::Result<()>) -> Result<(), LaunchError> {
    printed(write(&mut io::stdout().lock()))
}

/// The result of writing; a reader that closed the output causes no error.
pub(crate) fn printed(written: io::Result<()>) -> Result<(), LaunchError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LaunchError::Output(error)),
        _ => Ok(()),
    }
}

/// Writes an error and its hint to standard error, in colour only on a terminal.
pub(crate) fn report(error: &LaunchError) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    // If this can't be written, the exit code still reports the error.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {error}");
    if let Some(text) = error.hint() {
        hint(&text);
    }
}

/// Prints what to do about the error that was just reported.
pub(crate) fn hint(text: &str) {
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    let _ = writeln!(anstream::stderr(), "{cyan}hint:{cyan:#} {text}");
}

/// Writes a message to standard error. A message that can't be written changes nothing.
pub(crate) fn say(line: &str) {
    let dim = anstyle::Style::new().dimmed();
    let _ = writeln!(anstream::stderr(), "{dim}launcher: {line}{dim:#}");
}

/// Writes a warning to standard error: the agent starts, but with a problem.
pub(crate) fn warn(line: &str) {
    let yellow = anstyle::AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{yellow}warning:{yellow:#} {line}");
}
