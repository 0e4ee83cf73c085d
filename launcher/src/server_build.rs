//! Whether `deckwatch-mcp` is of the same build as the launcher: an older one may lack what the agent is told of.
//!
//! It asks the program itself and only says; what is done about it is the business of `installation`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::COMMIT;
use tokio::process::Command;
use tokio::time::timeout;

/// It answers in milliseconds; one that hangs must not keep the agent from starting.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_SHOWN: usize = 80;

/// How the two differ, when they are of different builds.
pub(crate) fn difference(server: &Path) -> Option<String> {
    let (ours, theirs) = (own_build(), build_of(server));
    if theirs.as_deref() == Some(&ours) {
        return None;
    }
    let theirs = theirs.unwrap_or_else(|| "of an unknown build".to_owned());
    Some(format!("deckwatch-mcp is {theirs}, but the launcher is {ours}"))
}

/// The launcher's own build, as `deckwatch-mcp --version` says its own.
fn own_build() -> String {
    format!("{} ({COMMIT})", env!("CARGO_PKG_VERSION"))
}

/// What a server says of its build; `None` when it does not.
pub(crate) fn build_of(server: &Path) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let output = runtime.block_on(async {
        let mut command = Command::new(server);
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        timeout(PATIENCE, command.output()).await
    });
    let output = output.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let build = text.trim().strip_prefix("deckwatch-mcp ")?;
    // Another program's words, on their way to a terminal.
    let plain = build.len() <= LONGEST_SHOWN && !build.chars().any(char::is_control);
    plain.then(|| build.to_owned())
}
