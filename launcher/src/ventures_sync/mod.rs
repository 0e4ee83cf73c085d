//! `launcher ventures sync`: registers the ventures of the file in the API.
//!
//! It never deletes a venture. It reports ventures that only the API has, and the user decides about them.

mod comparison;
mod report;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::comparison::Comparison;
use self::report::Report;
use crate::catalogue;
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::target;

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher ventures sync --dry-run          show what would be registered
  ADMIN_API_KEY=… launcher ventures sync    register the ventures of the file
  launcher ventures sync --json             for scripts

Only an admin can register ventures in a team's API. The admin's key is read from the variable ADMIN_API_KEY. The \
database of this machine needs no key. No venture is ever deleted.

Exit codes:
  0     the API has the ventures as the file has them
  18    a venture could not be registered";

/// The subcommands of `launcher ventures`.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Register the ventures of the ventures file in the Context API
    #[command(after_help = EXAMPLES)]
    Sync(Sync),
}

/// The options of `launcher ventures sync`.
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Show what would be registered, and register nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Read the ventures from FILE
    #[arg(long, value_name = "FILE")]
    ventures: Option<PathBuf>,
}

/// Compares the ventures, registers those that differ, and prints the report.
pub(crate) fn run(action: &Action, env: &ProcessEnv) -> Result<(), LaunchError> {
    let Action::Sync(sync) = action;
    let (config, vault) = Config::with_vault(env)?;
    let endpoint = if sync.dry_run {
        // A dry run only reads, so the usual key is enough.
        Endpoint::of_reader(env, &config, &vault)?
    } else {
        Endpoint::of_admin(env, &config, &vault)?
    };
    let here = target::here(None, env)?;
    let file = catalogue::file(sync.ventures.as_deref(), env, here.as_ref())?;
    let file = file.ok_or(LaunchError::NoVenturesFile)?;
    let registered = context_api::registered(&endpoint, env)?;
    let comparison = Comparison::new(&file.ventures, &registered);
    let put =
        if sync.dry_run { Vec::new() } else { context_api::register_all(&comparison.to_register(), &endpoint, env)? };
    let report = Report::new(&file.path, endpoint.describe(env), sync.dry_run, &comparison, put);
    output::print(|out| if sync.json { report.write_json(out) } else { report.write_text(out, env) })?;
    match report.failed_count() {
        0 => Ok(()),
        count => Err(LaunchError::Api(format!(
            "{count} of the ventures could not be registered; correct what the list names, then run this again"
        ))),
    }
}
