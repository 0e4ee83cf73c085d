//! `launcher <venture>`: starts a coding agent on a venture, with its context.
//!
//! Three steps, in this order: [`cli`] is what was typed, [`plan`] decides everything and can be
//! printed, [`process`] carries it out and becomes the agent. Nothing before [`process`] writes.

mod agent_cli;
mod branches;
mod catalogue;
mod choice;
mod cli;
mod completions;
mod config;
mod context_api;
mod conversation;
mod demo;
mod docs_cache;
mod doctor;
mod endpoint;
mod environment;
mod error;
mod exit_code;
mod init;
mod installation;
mod list;
mod man;
mod mcp_doctor;
mod menu;
mod plan;
mod process;
mod registration;
mod secrets;
mod server_build;
mod slash_commands;
mod surroundings;
mod venture_cache;
mod ventures_sync;

use std::io::{self, Write as _};
use std::path::Path;
use std::rc::Rc;

use clap::Parser as _;
use deckwatch_client::checkout::{Checkout, CheckoutError};
use deckwatch_client::variables;
use deckwatch_client::ventures::{self, VenturesFile};

use self::catalogue::Catalogue;
use self::choice::Options;
use self::cli::{Cli, Command, McpCommand, Target};
use self::config::Config;
use self::endpoint::Endpoint;
use self::error::LaunchError;
use self::exit_code::ExitCode;
use self::plan::{Chosen, Plan};
use self::secrets::grant::Wish;
use self::secrets::vault::Vault;
use self::secrets::verb::{self, SecretsCommand};
use self::surroundings::Surroundings;

fn main() -> std::process::ExitCode {
    completions::answer_a_shell();
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
        None | Some(Command::Secrets(SecretsCommand::Check { .. }) | Command::Docs(_)) => launch(cli, &surroundings),
        Some(Command::Demo { data }) => demo::run(&surroundings, data.as_deref()),
        Some(Command::Ventures(verb)) => ventures_sync::run(verb, &surroundings),
        Some(Command::Commands(verb)) => slash_commands::run(verb, &surroundings),
        Some(Command::Init(init)) => init::run(init, &surroundings),
        Some(Command::Completions { shell }) => completions::print(*shell),
        Some(Command::Man { dir }) => man::write(&surroundings.cwd.join(dir)),
        Some(Command::Doctor(doctor)) => doctor::run(doctor, &surroundings),
        Some(Command::Mcp(McpCommand::Doctor { json })) => {
            mcp_doctor::run(&surroundings, *json, &mut io::stdout().lock())
        }
        Some(Command::Secrets(SecretsCommand::Login { api_key })) => {
            let (config, vault) = configured(&surroundings)?;
            verb::login(&config, &vault, *api_key)
        }
        Some(Command::Secrets(SecretsCommand::Logout { api_key })) => {
            let (config, vault) = configured(&surroundings)?;
            verb::logout(&config, &vault, *api_key)
        }
    }
}

/// The settings, and where secrets come from by them.
fn configured(surroundings: &Surroundings) -> Result<(Config, Rc<Vault>), LaunchError> {
    let config = Config::load(&surroundings.dirs)?;
    let vault = Rc::new(Vault::of(surroundings, &config));
    Ok((config, vault))
}

/// Becomes the agent; or only lists the ventures, checks a venture's secrets, copies its documents, or shows the plan.
fn launch(cli: &Cli, surroundings: &Surroundings) -> Result<(), LaunchError> {
    let (config, vault) = configured(surroundings)?;
    let endpoint = Endpoint::choose(surroundings, &config, &vault)?;
    let here = here(cli.target.as_ref(), surroundings)?;
    let file = ventures_file(cli.ventures.as_deref(), surroundings, here.as_ref())?;
    let ask_api = || venture_cache::registered(&endpoint, surroundings);
    let catalogue = Catalogue { file, ask_api: &ask_api };
    if cli.list {
        return list::run(cli.json, &config, &endpoint, surroundings, &catalogue);
    }
    let options =
        Options { cli, config: &config, surroundings, endpoint: &endpoint, catalogue: &catalogue, here: here.as_ref() };
    if let Some(Command::Secrets(SecretsCommand::Check { venture, json })) = &cli.command {
        return verb::check(&options.named(venture)?, &vault, *json, &mut io::stdout().lock());
    }
    if let Some(Command::Docs(verb)) = &cli.command {
        return docs_cache::run(verb, &options);
    }
    let venture = options.venture()?;
    let checkout = options.checkout(&venture)?;
    let ventures_file = catalogue.file.as_ref().map(|file| file.path.clone());
    let secrets = Wish::of(cli, &vault, &venture);
    let chosen = Chosen { venture, ventures_file, checkout, endpoint: &endpoint, secrets };
    let plan = Plan::make(cli, &config, surroundings, chosen)?;
    if cli.dry_run {
        let text = plan.describe(surroundings)?;
        return print(|out| out.write_all(text.as_bytes()));
    }
    Err(process::start(&plan, surroundings))
}

/// What the current directory is. One that git can't read matters only to those who want to work there.
fn here(target: Option<&Target>, surroundings: &Surroundings) -> Result<Option<Checkout>, LaunchError> {
    match Checkout::at(&surroundings.cwd) {
        Err(error) if matches!(error, CheckoutError::GitNotInstalled) => Err(error.into()),
        Err(error) if target == Some(&Target::Here) => Err(error.into()),
        here => Ok(here.ok()),
    }
}

/// The ventures file: the one that a flag or the environment names, else the first that is there.
fn ventures_file(
    flag: Option<&Path>,
    surroundings: &Surroundings,
    here: Option<&Checkout>,
) -> Result<Option<VenturesFile>, LaunchError> {
    let flag = flag.map(|path| surroundings.cwd.join(path));
    let named = flag.or_else(|| surroundings.path_var(variables::VENTURES));
    let root = here.map(|here| here.root.as_path());
    Ok(ventures::find(named.as_deref(), &surroundings.dirs, root)?)
}

/// To standard output. A reader that went away early, such as `head`, has all it wants.
fn print(write: impl FnOnce(&mut io::StdoutLock) -> io::Result<()>) -> Result<(), LaunchError> {
    printed(write(&mut io::stdout().lock()))
}

fn printed(written: io::Result<()>) -> Result<(), LaunchError> {
    match written {
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
