//! Long text for a person, through a pager as git uses one: only on a terminal, with colours unless they are unwanted.

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
use crate::surroundings::Surroundings;

/// What `less` is told unless the user has told it something: end where one screen is enough, keep colours, leave the
/// text on the screen.
const LESS: &str = "FRX";

/// Shows a text, in a pager where there is one and a person looks.
pub(crate) fn show(text: &str, surroundings: &Surroundings) -> Result<(), LaunchError> {
    let stdout = io::stdout();
    if stdout.is_terminal()
        && let Some(pager) = pager(surroundings)
    {
        let plain = AutoStream::choice(&stdout) == ColorChoice::Never;
        let text = if plain { anstream::adapter::strip_str(text).to_string() } else { text.to_owned() };
        if context_api::runtime()?.block_on(page(&pager, &text, surroundings)).is_ok() {
            return Ok(());
        }
    }
    output::printed(anstream::stdout().write_all(text.as_bytes()))
}

/// The command line of the pager; `None` where the user wants none or it is not installed.
fn pager(surroundings: &Surroundings) -> Option<String> {
    match std::env::var("PAGER") {
        Ok(pager) if pager.is_empty() || pager == "cat" => None,
        Ok(pager) => Some(pager),
        Err(_) => surroundings.program("less").map(|less| less.display().to_string()),
    }
}

/// Gives the text to the pager and waits until the person has read it. An error means that the pager did not start.
async fn page(pager: &str, text: &str, surroundings: &Surroundings) -> io::Result<()> {
    // Ctrl-C belongs to the pager, which would otherwise stay behind without its parent.
    let _interrupts = signal(SignalKind::interrupt())?;
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    if surroundings.var("LESS").is_none() {
        command.env("LESS", LESS);
    }
    for name in environment::WITHHELD {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A pager that was left early has closed its input.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let ended = child.wait().await?;
    // What a shell says of a program that it can't find or run.
    let not_started = matches!(ended.code(), Some(126 | 127));
    if not_started { Err(io::Error::other("the pager was not started")) } else { Ok(()) }
}
