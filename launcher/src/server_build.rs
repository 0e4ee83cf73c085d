//! Compares the build of `deckwatch-mcp` with the launcher's: an older server may lack tools that the agent expects.
//!
//! It only runs the program and reports the difference. The module `installation` replaces the server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::COMMIT;
use tokio::process::Command;
use tokio::time::timeout;

/// An answer takes milliseconds. A server that hangs must not keep the agent from starting.
const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_BUILD_BYTES: usize = 80;

/// A description of the difference. `None` if the builds are equal.
pub(crate) fn difference(server: &Path) -> Option<String> {
    let (ours, theirs) = (own_build(), build_of(server));
    if theirs.as_deref() == Some(&ours) {
        return None;
    }
    let theirs = theirs.unwrap_or_else(|| "of an unknown build".to_owned());
    Some(format!("deckwatch-mcp is {theirs}, but the launcher is {ours}"))
}

/// The launcher's own build, in the form that `deckwatch-mcp --version` prints.
fn own_build() -> String {
    format!("{} ({COMMIT})", env!("CARGO_PKG_VERSION"))
}

/// The build that a server reports. `None` if it does not report one.
pub(crate) fn build_of(server: &Path) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let output = runtime.block_on(async {
        let mut command = Command::new(server);
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        timeout(TIMEOUT, command.output()).await
    });
    let output = output.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let build = text.trim().strip_prefix("deckwatch-mcp ")?;
    // The text comes from another program and is printed on a terminal.
    let plain = build.len() <= MAX_BUILD_BYTES && !build.chars().any(char::is_control);
    plain.then(|| build.to_owned())
}
