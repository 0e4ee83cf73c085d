//! Shows long text in a pager, as git does: only on a terminal, and with colours unless the user disabled them.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::Stdio;

use anstream::{AutoStream, ColorChoice};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::context_api;
use crate::environment;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;

/// The options for `less` if the user set none: exit if the text fits on one screen, keep colours, and leave the text on
/// the screen.
const LESS: &str = "FRX";

/// Shows a text. Uses a pager if standard output is a terminal and a pager is available.
pub(crate) fn show(text: &str, env: &ProcessEnv) -> Result<(), LaunchError> {
    let stdout = io::stdout();
    if stdout.is_terminal()
        && let Some(pager) = pager(env)
    {
        let plain = AutoStream::choice(&stdout) == ColorChoice::Never;
        let text = if plain { anstream::adapter::strip_str(text).to_string() } else { text.to_owned() };
        if context_api::runtime()?.block_on(page(&pager, &text, env)).is_ok() {
            return Ok(());
        }
    }
    output::printed(anstream::stdout().write_all(text.as_bytes()))
}

/// The command line of the pager. `None` if the user disabled it or it is not installed.
fn pager(env: &ProcessEnv) -> Option<String> {
    match std::env::var("PAGER") {
        Ok(pager) if pager.is_empty() || pager == "cat" => None,
        Ok(pager) => Some(pager),
        Err(_) => env.program("less").map(|less| less.display().to_string()),
    }
}

/// Sends the text to the pager and waits until the pager ends. Returns an error if the pager did not start.
async fn page(pager: &str, text: &str, env: &ProcessEnv) -> io::Result<()> {
    // The pager handles Ctrl-C. Without this, Ctrl-C would end the launcher while the pager still runs.
    let _interrupts = signal(SignalKind::interrupt())?;
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    if env.var("LESS").is_none() {
        command.env("LESS", LESS);
    }
    for name in environment::WITHHELD_VARIABLES {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // If the user leaves the pager early, writing fails. This is no error.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let ended = child.wait().await?;
    // A shell exits with these codes if it can't find or run a program.
    let not_started = matches!(ended.code(), Some(126 | 127));
    if not_started { Err(io::Error::other("the pager was not started")) } else { Ok(()) }
}
