//! This machine's launcher as a program: it starts agents and checks whether one could start.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::variables;
use tokio::process::Command;

use super::{LaunchRequest, Launched, RequestedLaunch, Variable};
use crate::wire::Refusal;

/// How long the check of a launch may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);

/// The launcher's program.
#[derive(Debug, Clone)]
pub struct Launcher {
    program: PathBuf,
}

impl Launcher {
    /// The launcher that this process is.
    pub fn of_this_process() -> Result<Self, Refusal> {
        let program = std::env::current_exe();
        program.map(|program| Self { program }).map_err(|error| {
            Refusal::machine(format!("the path of launcher is not known: {error}; run scripts/deploy-mcp.sh again"))
        })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The command of a supervisor.
    pub(crate) fn supervisor(&self) -> Command {
        self.command("supervise")
    }

    /// A hidden subcommand of `launcher fleet`.
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["fleet", subcommand]);
        command
    }

    /// The command that becomes the agent, or with `--check` only says whether it could.
    pub fn launch(&self, launch: &LaunchRequest, environment: &[Variable], report: Option<PathBuf>) -> Command {
        let requested = RequestedLaunch { launch: Cow::Borrowed(launch), report };
        let mut command = self.command("launch");
        command.envs(environment.iter().map(|variable| (&variable.name, &variable.value)));
        command.env(variables::LAUNCH_REQUEST, serde_json::to_string(&requested).unwrap_or_default());
        command
    }

    /// Checks whether the launch could start: the venture is there, and the agent CLI. Starts nothing. Says what would
    /// start.
    pub async fn check(&self, launch: &LaunchRequest, environment: &[Variable]) -> Result<Launched, Refusal> {
        let failed = |error: String| Refusal::machine(format!("the launcher can't check the launch: {error}"));
        let mut command = self.launch(launch, environment, None);
        command.arg("--check").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(CHECK_TIMEOUT, command.output()).await;
        let output = output.map_err(|_| failed(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())))?;
        let output = output.map_err(|error| failed(error.to_string()))?;
        match serde_json::from_slice(&output.stdout) {
            Ok(Launched::Refused(refusal)) => Err(refusal),
            Ok(starts) => Ok(starts),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
