//! Descriptions of terminals (terminfo). Without one, programs on a machine don't know how to draw on a new terminal.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::TmuxSetUp;

/// Terminals that older systems don't know, and the one that tmux itself is.
pub const TERMINALS: [&str; 6] = ["xterm-ghostty", "xterm-kitty", "alacritty", "wezterm", "foot", "tmux-256color"];
/// The longest description, in bytes. Real ones have about 4,000.
pub const MAX_DESCRIPTION: usize = 64 * 1024;

/// The description of one terminal, as `infocmp -x` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The name of the terminal, a value of `TERM`.
    pub terminal: String,
    /// The source text.
    pub source: String,
}

/// The description that this machine has. `None` if it has none, or no `infocmp`.
pub async fn description(terminal: &str) -> Option<Description> {
    let output = Command::new("infocmp").args(["-x", terminal]).stdin(Stdio::null()).output().await.ok()?;
    let source = String::from_utf8(output.stdout).ok()?;
    let is_whole = output.status.success() && source.len() <= MAX_DESCRIPTION;
    is_whole.then(|| Description { terminal: terminal.to_owned(), source })
}

/// Adds the description to the user's own, if this machine does not know the terminal.
pub(super) async fn add(description: &Description, dry_run: bool, set_up: &mut TmuxSetUp) {
    let terminal = &description.terminal;
    let is_listed = TERMINALS.contains(&terminal.as_str());
    if !is_listed || description.source.len() > MAX_DESCRIPTION || self::description(terminal).await.is_some() {
        return;
    }
    if !dry_run && let Err(error) = compile(&description.source).await {
        set_up.warnings.push(format!("the terminal {terminal} could not be added: {error}"));
        return;
    }
    set_up.changes.push(format!("add the terminal {terminal} to ~/.terminfo"));
}

/// Runs `tic`, which writes below `~/.terminfo`.
async fn compile(source: &str) -> Result<(), String> {
    let mut command = Command::new("tic");
    command.args(["-x", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("tic can't be started: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(source.as_bytes()).await.map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    let reason = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(reason.trim().to_owned()) }
}
