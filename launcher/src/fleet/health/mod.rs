//! `launcher fleet health`: the state of every machine, and what to do about its problems.

mod examination;
mod last;
mod newest;
mod problems;
mod report;
mod show;

use std::io::Write as _;
use std::sync::Arc;

use clap::Args;
use deckwatch_machine::ventures::{self, VentureEntry};
use deckwatch_protocol::Host;

use self::examination::examine;
use self::newest::newest_of;
pub(super) use self::problems::describe;
use self::problems::{Level, problems_of};
use self::show::Shown;
use super::{ask_every, members};
use crate::config::Config;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::{json_output, output, venture_cache};

/// The most ventures that a machine is asked about.
const MAX_VENTURES: usize = 200;

/// The options of `launcher fleet health`.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// Only these machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<Host>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(health: &Health, env: &ProcessEnv) -> Result<(), LaunchError> {
    let config = Config::load(&env.dirs)?;
    let ventures = Arc::new(known_ventures(&config, env));
    let outcomes = ask_every(members::named(&health.machines, env)?, env, |remote, member| {
        let ventures = Arc::clone(&ventures);
        // A failure is a part of the examination: what had arrived before is shown too.
        async move { Ok(examine(&remote, &member, &ventures).await) }
    })?;
    let examined: Vec<_> =
        outcomes.into_iter().filter_map(|outcome| Some((outcome.member, outcome.result.ok()?))).collect();
    let newest = newest_of(examined.iter().map(|(_, examination)| &examination.report))?;
    let shown: Vec<Shown> = examined
        .into_iter()
        .map(|(member, examination)| {
            let problems = problems_of(&member, &examination.report, &newest, &config.fleet.health);
            let last = match examination.failure {
                None => {
                    last::save(&member, &examination.report, &env.dirs);
                    None
                }
                Some(_) => last::read(&member, &env.dirs),
            };
            Shown { member, examination, problems, last }
        })
        .collect();
    if health.json {
        json_output::print(&show::as_json(&shown, &newest))?;
    } else {
        output::print(|out| writeln!(out, "{}", show::drawn(&shown)))?;
    }
    verdict(&shown)
}

/// An error if a machine failed or has a bad value.
fn verdict(shown: &[Shown]) -> Result<(), LaunchError> {
    let failed = shown.iter().filter(|machine| machine.examination.failure.is_some()).count();
    let bad = shown.iter().filter(|machine| machine.level() == Level::Bad).count();
    match (failed, bad) {
        (0, 0) => Ok(()),
        (0, bad) => Err(LaunchError::MembersBad { bad, of: shown.len() }),
        (failed, _) => Err(LaunchError::MembersFailed { failed, of: shown.len() }),
    }
}

/// The ventures of this machine: those of the ventures file, otherwise those of the last answer of the API.
fn known_ventures(config: &Config, env: &ProcessEnv) -> Vec<VentureEntry> {
    let file = ventures::find(env.path_var(deckwatch_machine::variables::VENTURES).as_deref(), &env.dirs, None);
    let cached = || {
        let url = config.api.as_ref().map(|api| api.url.as_str());
        venture_cache::cached_ventures(&env.dirs, url).map(|(ventures, _)| ventures)
    };
    // A file that can't be read names no repositories; other commands report it.
    let ventures = file.ok().flatten().map(|file| file.ventures).or_else(cached);
    ventures.unwrap_or_default().into_iter().take(MAX_VENTURES).collect()
}
