//! `launcher top`: the agents of a venture on a full screen, those that need a person first.
//!
//! [`model`] is what is shown, [`views`] draws it, [`input`] says what a key does; these three are pure. [`source`] reads
//! the records and follows their changes, [`screen`] has the terminal.

mod input;
mod model;
mod plain;
mod reply;
mod screen;
mod source;
mod views;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use deckwatch_client::Api;
use deckwatch_machine::clock::now;
use deckwatch_machine::variables;

use self::model::Model;
use self::source::Source;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::records::source::Source as Records;
use crate::target::Target;
use crate::{completions, context_api, json_output, output, table};

/// What `launcher top --help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher top                    the agents of the venture of this repository, on a full screen
  launcher top --all              those of all ventures
  launcher top --once             print the board once, for a pipe or a log
  launcher top --json             the same as JSON, for programs

Keys: 1 to 5 or Tab choose a view, Enter opens an agent, r sends it a message, a shows its run, / filters, ? lists all keys.
NO_COLOR turns colours off. A terminal of 40 columns is enough.";

/// The options of `launcher top`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Top {
    /// Code of the venture, or `.` for the one of the repository you are in, which is the default
    #[arg(long, value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    venture: Option<Target>,

    /// Show the agents of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    /// Read the records of this machine, whatever API is configured
    #[arg(long)]
    local: bool,

    /// Print the board once and end
    #[arg(long)]
    once: bool,

    /// Print the board once, as JSON
    #[arg(long)]
    json: bool,
}

/// Shows the screen, or prints the board once.
pub(crate) fn run(top: &Top, env: &ProcessEnv) -> Result<(), LaunchError> {
    let is_once = top.once || top.json;
    if !is_once && (!env.interactive || env.var("TERM").as_deref() == Some("dumb")) {
        return Err(LaunchError::NoScreen);
    }
    let named = top.venture.as_ref();
    let records = Records::open(top.local, named, env)?;
    let subject = records.subject(named, top.all)?;
    records.must_exist(named)?;
    let place = format!("{} in {}", subject.describe(), records.describe());
    let Some(client) = &records.client else {
        // A reader does not create the database.
        return if is_once { print(top, &Model::default(), &place) } else { Err(LaunchError::NoRecords(place)) };
    };
    let source = Source { api: api_of_person(client.api(), top, env)?, venture: subject.venture };
    if !is_once {
        return screen::run(source, &place, env);
    }
    let mut model = Model::default();
    let updates = context_api::runtime()?.block_on(source.read_once()).map_err(context_api::as_launch_error)?;
    for update in updates {
        model.apply(update);
    }
    print(top, &model, &place)
}

/// The API with the admin key, if there is one: with it, a person sends messages and reads the mail of all agents.
fn api_of_person(usual: &Api, top: &Top, env: &ProcessEnv) -> Result<Api, LaunchError> {
    if top.local || env.var(variables::ADMIN_KEY).is_none() {
        return Ok(usual.clone());
    }
    let (config, vault) = Config::with_vault(env)?;
    context_api::writer(&Endpoint::of_admin(env, &config, &vault)?, env)
}

fn print(top: &Top, model: &Model, place: &str) -> Result<(), LaunchError> {
    let now = now();
    if top.json {
        return json_output::print(&plain::json(model, now));
    }
    let text = plain::text(model, place, now, table::terminal_width());
    output::print(|out| std::io::Write::write_all(out, text.as_bytes()))
}
