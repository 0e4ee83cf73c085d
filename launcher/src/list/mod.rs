//! `launcher --list`: the ventures, their folders on this machine, and the agents that work on them.
//!
//! Git and the API are asked at the same time, each with a short time limit. If one does not answer in time, the list
//! shows its values as unknown.

mod git_state;
mod listing;
mod sessions;
mod table;

use std::io::Write as _;

use deckwatch_machine::agent::{SessionProcesses, this_host};
use deckwatch_machine::clock::now;
use deckwatch_machine::discovery::Repositories;

use self::listing::{Listing, VenturePath};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;

/// Prints the list, as JSON or as a table.
pub(crate) fn run(
    json: bool,
    config: &Config,
    endpoint: &Endpoint,
    env: &ProcessEnv,
    catalogue: &Catalogue,
) -> Result<(), LaunchError> {
    let ventures = catalogue.all()?;
    if ventures.is_empty() && !json {
        return Err(LaunchError::NoVentures);
    }
    let repositories = Repositories::below(&config.dev_root)?;
    let places: Vec<VenturePath> =
        ventures.iter().map(|venture| VenturePath::of(repositories.of_venture(venture))).collect();
    let api = context_api::reader(endpoint, env)?;
    let processes = SessionProcesses::of(&env.dirs, &this_host());
    let runtime = context_api::runtime()?;
    let (states, sessions) = runtime.block_on(async {
        let asked = tokio::spawn(async move { sessions::ask(api, &processes).await });
        let states = git_state::of_all(places.iter().map(VenturePath::path)).await;
        (states, asked.await.unwrap_or_else(|error| Err(error.to_string())))
    });
    // A request that still waits, such as one for a locked database, ends with this process.
    runtime.shutdown_background();
    let file = catalogue.file.as_ref().map(|file| file.path.clone());
    let listing = Listing::new(file, &ventures, places, states, sessions, now());
    if json {
        return output::print(|out| {
            serde_json::to_writer_pretty(&mut *out, &listing)?;
            writeln!(out)
        });
    }
    let table = table::Table::new(&listing, env, now());
    let mut out = anstream::stdout();
    output::printed(table.write(&mut out, table::terminal_width()))?;
    listing.warn();
    Ok(())
}
