//! `launcher <venture>`: starts a coding agent on a venture, with its context.
//!
//! Three steps, in this order: [`cli`] is what was typed, [`plan`] decides everything and can be
//! printed, [`process`] carries it out and becomes the agent. Nothing before [`process`] writes.

mod agent_cli;
mod branches;
mod catalogue;
mod choice;
mod cli;
mod config;
mod context_api;
mod conversation;
mod demo;
mod discovery;
mod endpoint;
mod error;
mod exit_code;
mod list;
mod mcp_doctor;
mod menu;
mod plan;
mod process;
mod registration;
mod secrets;
mod server_build;
mod surroundings;
mod venture_cache;

use std::io::{self, Write as _};

use clap::Parser as _;
use deckwatch_client::checkout::{Checkout, CheckoutError};
use deckwatch_client::ventures::{self, FILE_VARIABLE, VenturesFile};

use self::catalogue::Catalogue;
use self::choice::Options;
use self::cli::{Cli, Command, McpCommand, Target};
use self::config::Config;
use self::discovery::Repositories;
use self::endpoint::Endpoint;
use self::error::LaunchError;
use self::exit_code::ExitCode;
use self::list::Listing;
use self::plan::{Chosen, Plan};
use self::surroundings::Surroundings;

fn main() -> std::process::ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::Success.into(),
        Err(error) => {
            report(&error);
            error.exit_code().into()
        }
    }
}

fn run(cli: &Cli) -> Result<(), LaunchError> {
    let surroundings = Surroundings::of_this_process()?;
    match &cli.command {
        Some(Command::Demo { data }) => return demo::run(&surroundings, data.as_deref()),
        Some(Command::Mcp(McpCommand::Doctor { json })) => {
            return mcp_doctor::run(&surroundings, *json, &mut io::stdout().lock());
        }
        None => {}
    }
    let config = Config::load(&surroundings.dirs)?;
    let endpoint = Endpoint::choose(&surroundings, &config)?;
    let here = here(cli, &surroundings)?;
    let file = ventures_file(cli, &surroundings, here.as_ref())?;
    let ask_api = || venture_cache::registered(&endpoint, &surroundings);
    let catalogue = Catalogue { file, ask_api: &ask_api };
    if cli.list {
        return list(cli, &config, &surroundings, &catalogue);
    }
    let options = Options {
        cli,
        config: &config,
        surroundings: &surroundings,
        endpoint: &endpoint,
        catalogue: &catalogue,
        here: here.as_ref(),
    };
    let venture = options.venture()?;
    let checkout = options.checkout(&venture)?;
    let ventures_file = catalogue.file.as_ref().map(|file| file.path.clone());
    let chosen = Chosen { venture, ventures_file, checkout, endpoint: &endpoint };
    let plan = Plan::make(cli, &config, &surroundings, chosen)?;
    if cli.dry_run {
        let text = plan.describe(&surroundings)?;
        return print(|out| out.write_all(text.as_bytes()));
    }
    Err(process::start(&plan, &surroundings))
}

/// What the current directory is. One that git can't read matters only to those who want to work there.
fn here(cli: &Cli, surroundings: &Surroundings) -> Result<Option<Checkout>, LaunchError> {
    match Checkout::at(&surroundings.cwd) {
        Err(error) if matches!(error, CheckoutError::GitNotInstalled) => Err(error.into()),
        Err(error) if cli.target == Some(Target::Here) => Err(error.into()),
        here => Ok(here.ok()),
    }
}

fn ventures_file(
    cli: &Cli,
    surroundings: &Surroundings,
    here: Option<&Checkout>,
) -> Result<Option<VenturesFile>, LaunchError> {
    let flag = cli.ventures.as_ref().map(|path| surroundings.cwd.join(path));
    let named = flag.or_else(|| surroundings.path_var(FILE_VARIABLE));
    let root = here.map(|here| here.root.as_path());
    Ok(ventures::find(named.as_deref(), &surroundings.dirs, root)?)
}

fn list(cli: &Cli, config: &Config, surroundings: &Surroundings, catalogue: &Catalogue) -> Result<(), LaunchError> {
    let ventures = catalogue.all()?;
    if ventures.is_empty() && !cli.json {
        return Err(LaunchError::NoVentures);
    }
    let file = catalogue.file.as_ref().map(|file| file.path.clone());
    let listing = Listing::new(file, &ventures, &Repositories::below(&config.dev_root)?);
    print(|out| if cli.json { listing.write_json(out) } else { listing.write_table(out, surroundings) })
}

/// To standard output. A reader that went away early, such as `head`, has all it wants.
fn print(write: impl FnOnce(&mut io::StdoutLock) -> io::Result<()>) -> Result<(), LaunchError> {
    match write(&mut io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LaunchError::Output(error)),
        _ => Ok(()),
    }
}

/// What happened and what to do, on standard error; in colour only for a person.
fn report(error: &LaunchError) {
    let (red, cyan) = (anstyle::AnsiColor::Red.on_default().bold(), anstyle::AnsiColor::Cyan.on_default());
    let mut err = anstream::stderr();
    // When even this can't be written, the exit code still tells.
    let _ = writeln!(err, "{red}error:{red:#} {error}");
    if let Some(hint) = error.hint() {
        let _ = writeln!(err, "{cyan}hint:{cyan:#} {hint}");
    }
}
