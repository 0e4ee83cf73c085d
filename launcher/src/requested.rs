//! A launch that another machine of the fleet has asked for.

use std::path::PathBuf;

use clap::Parser as _;
use deckwatch_fleet::runs::{LaunchRequest, Launched, RequestedLaunch, Workspace};
use deckwatch_fleet::wire::{Refusal, RefusalKind};
use deckwatch_machine::durable;
use deckwatch_machine::variables;

use crate::cli::Cli;
use crate::error::LaunchError;
use crate::exit_code::ExitCode;
use crate::output;
use crate::plan::Plan;
use crate::process;
use crate::process_env::ProcessEnv;

/// The launch, and where to report what comes of it.
pub(crate) struct Requested {
    /// The command line that a person would have written.
    pub(crate) cli: Cli,
    report: Report,
}

enum Report {
    /// Only check, and print the report.
    Print,
    File(Option<PathBuf>),
}

impl Requested {
    /// Reads the request from the environment.
    pub(crate) fn read(is_check: bool, env: &ProcessEnv) -> Result<Self, LaunchError> {
        let text = env.var(variables::LAUNCH_REQUEST).unwrap_or_default();
        let malformed = |error: String| LaunchError::Fleet(format!("the request of the launch is malformed: {error}"));
        let requested: RequestedLaunch = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let report = if is_check { Report::Print } else { Report::File(requested.report) };
        let cli = command_line(&requested.launch, is_check).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { cli, report })
    }

    /// Carries out the plan, or reports that it could be carried out.
    pub(crate) fn act(&self, plan: &Plan, env: &ProcessEnv) -> Result<(), LaunchError> {
        self.report(&Launched::Starts {
            repo: plan.checkout.repo.clone(),
            agent: plan.cli.to_string(),
            folder: plan.checkout.root.display().to_string(),
        })?;
        match self.report {
            Report::Print => Ok(()),
            Report::File(_) => Err(process::start(plan, env)),
        }
    }

    /// Reports why no agent starts.
    pub(crate) fn refuse(&self, error: &LaunchError) -> Result<(), LaunchError> {
        self.report(&Launched::Refused(refusal(error)))
    }

    fn report(&self, launched: &Launched) -> Result<(), LaunchError> {
        let text = serde_json::to_vec(launched).map_err(|error| LaunchError::Output(error.into()))?;
        match &self.report {
            Report::Print => output::print(|out| std::io::Write::write_all(out, &text)),
            Report::File(Some(path)) => durable::write(path, &text)
                .map_err(|error| LaunchError::NotWritten { path: path.clone(), message: error.to_string() }),
            Report::File(None) => Ok(()),
        }
    }
}

fn command_line(launch: &LaunchRequest, is_check: bool) -> Result<Cli, clap::Error> {
    let mut words = vec!["launcher".to_owned(), launch.venture.to_string()];
    words.extend(launch.agent.iter().map(|agent| format!("--{agent}")));
    words.extend(launch.track.map(|track| format!("--track={track}")));
    words.extend(launch.issue.map(|issue| format!("--issue={issue}")));
    match &launch.workspace {
        Workspace::Worktree(None) => words.push("--worktree".to_owned()),
        Workspace::Worktree(Some(name)) => words.push(format!("--worktree={name}")),
        Workspace::Sandbox => words.push("--sandbox".to_owned()),
        Workspace::Shared => {}
    }
    words.extend(is_check.then(|| "--dry-run".to_owned()));
    words.extend(launch.flags.iter().cloned());
    words.push("--".to_owned());
    words.extend(launch.agent_args.iter().cloned());
    let mut cli = Cli::try_parse_from(words)?;
    cli.launch.remote.output = launch.output;
    cli.launch.remote.model.clone_from(&launch.model);
    cli.launch.remote.folder.clone_from(&launch.folder);
    Ok(cli)
}

/// The error as the machine that asked gets it.
fn refusal(error: &LaunchError) -> Refusal {
    let kind = match (error, error.exit_code()) {
        (LaunchError::Workspace(_) | LaunchError::Worktree { .. }, _) => RefusalKind::Workspace,
        (_, ExitCode::AgentMissing) => RefusalKind::AgentMissing,
        (_, ExitCode::UnknownVenture | ExitCode::Repository | ExitCode::VenturesFile) => RefusalKind::VentureMissing,
        _ => RefusalKind::Machine,
    };
    let hint = error.hint().map(|hint| format!("; on that machine: {hint}")).unwrap_or_default();
    Refusal::new(kind, format!("{error}{hint}"))
}
