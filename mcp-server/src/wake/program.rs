//! Runs the programs that wake an agent.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The variables that `codex queue` and `tmux` need. The agent's name and keys are not among them: what they start can be
/// no second agent.
const VARIABLES: [&str; 6] = ["HOME", "PATH", "USER", "LANG", "TMPDIR", "CODEX_HOME"];

/// Runs a program. Returns what it prints, or why it failed.
pub(super) async fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output()).await;
    let output = output.map_err(|_| format!("{program} did not end within {} seconds", TIMEOUT.as_secs()))?;
    let output = output.map_err(|error| format!("{program} can't be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
