//! `launcher <venture>`: starts a coding agent on a venture, with its context.
//!
//! It has three steps: [`cli`] parses the command line. [`plan`] makes all decisions and can be printed. [`process`]
//! carries out the plan and replaces the launcher by the agent. The first two steps write nothing, except the name of a
//! repository without a remote when an agent starts.

mod agent_cli;
mod agent_name;
mod agent_token;
mod background_server;
mod branches;
mod catalogue;
mod check;
mod choice;
mod claims_guard;
mod cli;
mod completions;
mod config;
mod context_api;
mod conversation;
mod demo;
mod demo_error;
mod docs_cache;
mod docs_command;
mod docs_push;
mod doctor;
mod endpoint;
mod environment;
mod error;
mod event_line;
mod exit_code;
mod fleet;
mod fleet_settings;
mod github;
mod github_error;
mod headless;
mod help;
mod hook_doctor;
mod init;
mod installation;
mod json_output;
mod launch;
mod launch_secrets;
mod list;
mod man;
mod mcp_doctor;
mod menu;
mod message_error;
mod messages;
mod notice_settings;
mod notices;
mod output;
mod pager;
mod placement;
mod plan;
mod process;
mod process_env;
mod program_source;
mod records;
mod registration;
mod requested;
mod runs;
mod sandbox;
mod secrets;
mod secrets_command;
mod secrets_error;
mod self_update;
mod server_build;
mod settings_file;
mod slash_commands;
mod suggestion;
mod table;
mod target;
mod top;
mod turn;
mod turn_proof;
mod update_error;
mod venture_cache;
mod ventures_sync;
mod wait_budget;

use std::io::{self, Write as _};

use clap::{CommandFactory as _, FromArgMatches as _};
use deckwatch_machine::checkout::Checkout;

use self::catalogue::Catalogue;
use self::choice::Options;
use self::cli::{Cli, Command, McpCommand};
use self::config::Config;
use self::docs_command::DocsCommand;
use self::endpoint::Endpoint;
use self::error::LaunchError;
use self::exit_code::ExitCode;
use self::launch_secrets::SecretsRequest;
use self::plan::{Chosen, Plan};
use self::process_env::ProcessEnv;
use self::requested::Requested;
use self::secrets_command::SecretsCommand;
use self::target::Target;
use self::venture_cache::CacheUse;

fn main() -> std::process::ExitCode {
    completions::answer_completion_request(Cli::command);
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match run(&cli) {
        Ok(()) => ExitCode::Success.into(),
        Err(LaunchError::AgentEnded(code)) => code.into(),
        // The command has said what continues.
        Err(error @ LaunchError::Detached) => error.exit_code().into(),
        Err(error) => {
            output::report(&error);
            error.exit_code().into()
        }
    }
}

/// Parses the command line. Returns an exit code if clap printed help or an error.
fn parsed() -> Result<Cli, std::process::ExitCode> {
    let command = help::with_wrapped_help(Cli::command());
    let parsed = command.clone().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // If the message can't be printed, the exit code still reports the error.
        let _ = error.print();
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        if error.use_stderr()
            && let Some(meant) = suggestion::for_first_word(&command, &arguments)
        {
            output::hint(&format!("did you mean `{meant}`?"));
        }
        if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Success.into() }
    })
}

fn run(cli: &Cli) -> Result<(), LaunchError> {
    let env = ProcessEnv::of_this_process()?;
    match &cli.command {
        None | Some(Command::Secrets(SecretsCommand::Check { .. }) | Command::Docs(DocsCommand::Cache(_))) => {
            launch(cli, &env)
        }
        Some(Command::Docs(DocsCommand::Push(push))) => docs_push::run(push, &env),
        Some(Command::Log(log)) => records::log(log, &env),
        Some(Command::Handoff(handoff)) => records::handoff(handoff, &env),
        Some(Command::Notes(notes)) => records::notes(notes, &env),
        Some(Command::Claims(claims)) => records::claims(claims, &env),
        Some(Command::Send(send)) => messages::send(send, &env),
        Some(Command::Inbox(inbox)) => messages::inbox(inbox, &env),
        Some(Command::Watch(watch)) => messages::watch(watch, &env),
        Some(Command::Top(top)) => top::run(top, &env),
        Some(Command::Notices(notices)) => notices::run(notices, &env),
        Some(Command::Demo { data }) => demo::run(&env, data.as_deref()),
        Some(Command::Ventures(verb)) => ventures_sync::run(verb, &env),
        Some(Command::Commands(verb)) => slash_commands::run(verb, &env),
        Some(Command::Github(command)) => github::run(command, &env),
        Some(Command::Fleet(command)) => fleet::run(command, &env, launch_requested),
        Some(Command::Run(run)) => runs::run(run, &env),
        Some(Command::Attach(attach)) => runs::attach(attach, &env),
        Some(Command::Ps(ps)) => runs::ps(ps, &env),
        Some(Command::Stop(stop)) => runs::stop(stop, &env),
        Some(Command::Init(init)) => init::run(init, &env),
        Some(Command::Completions { shell }) => completions::print(*shell),
        Some(Command::Man { dir }) => man::write(Cli::command(), &env.cwd.join(dir)),
        Some(Command::Doctor(doctor)) => doctor::run(doctor, &Cli::command(), &env),
        Some(Command::SelfCommand(command)) => self_update::run(command, &env),
        Some(Command::Mcp(McpCommand::Doctor { json, no_turns })) => mcp_doctor::run(&env, *json, *no_turns),
        Some(Command::Secrets(SecretsCommand::Login { api_key })) => {
            let (config, vault) = Config::with_vault(&env)?;
            secrets_command::login(&config, &vault, *api_key)
        }
        Some(Command::Secrets(SecretsCommand::Logout { api_key })) => {
            let (config, vault) = Config::with_vault(&env)?;
            secrets_command::logout(&config, &vault, *api_key)
        }
    }
}

/// Claims the name of a repository without a remote before the launch uses it, so that two launches at once in two folders
/// with the same name get different names.
fn claim_name(checkout: &mut Checkout, env: &ProcessEnv) {
    if let Err(error) = checkout.claim_name(&env.dirs) {
        output::warn(&format!(
            "the name of this repository could not be saved, so another one may get it too: {error}"
        ));
    }
}

/// Starts the agent, or lists ventures, checks secrets, copies documents, or prints the plan.
fn launch(cli: &Cli, env: &ProcessEnv) -> Result<(), LaunchError> {
    if let Some(on) = &cli.launch.on {
        return runs::session(&cli.launch, on, env);
    }
    with_plan(cli, env, |plan| {
        if cli.launch.dry_run {
            let text = plan.describe(env)?;
            return output::print(|out| out.write_all(text.as_bytes()));
        }
        Err(process::start(plan, env))
    })
}

/// Starts the agent that another machine of the fleet has asked for, and reports what comes of it.
fn launch_requested(is_check: bool, env: &ProcessEnv) -> Result<(), LaunchError> {
    let requested = Requested::read(is_check, env)?;
    let done = with_plan(&requested.cli, env, |plan| requested.act(plan, env));
    if let Err(error) = &done {
        requested.refuse(error)?;
    }
    done
}

/// Makes the plan of the launch and acts on it, or does what another command of the launch says.
fn with_plan(
    cli: &Cli,
    env: &ProcessEnv,
    act: impl FnOnce(&Plan) -> Result<(), LaunchError>,
) -> Result<(), LaunchError> {
    let launch = &cli.launch;
    let (config, vault) = Config::with_vault(env)?;
    let endpoint = Endpoint::of_launch(launch.local, env, &config, &vault)?;
    let starts_agent = cli.command.is_none() && !cli.list && !launch.dry_run;
    let mut here = target::here(launch.target.as_ref(), env)?;
    if let (true, Some(Target::Here), Some(here)) = (starts_agent, &launch.target, &mut here) {
        claim_name(here, env);
    }
    let file = catalogue::file(launch.ventures.as_deref(), env, here.as_ref())?;
    if let Some(unknown) = file.as_ref().and_then(|file| catalogue::unknown_fields(file, env)) {
        output::warn(&unknown);
    }
    let cache = if launch.dry_run { CacheUse::ReadOnly } else { CacheUse::Update };
    let request_ventures = || venture_cache::registered(&endpoint, env, cache);
    let catalogue = Catalogue { file, request_ventures: &request_ventures };
    if cli.list {
        return list::run(cli.json, &config, &endpoint, env, &catalogue);
    }
    let options =
        Options { launch, config: &config, env, endpoint: &endpoint, catalogue: &catalogue, here: here.as_ref() };
    if let Some(Command::Secrets(SecretsCommand::Check { venture, json })) = &cli.command {
        return secrets_command::check(&options.named(venture)?, &vault, *json, &mut io::stdout().lock());
    }
    if let Some(Command::Docs(DocsCommand::Cache(cache))) = &cli.command {
        return docs_cache::run(cache, &options);
    }
    let venture = options.venture()?;
    let mut checkout = options.checkout(&venture)?;
    if starts_agent {
        claim_name(&mut checkout, env);
        checkout.repo = venture.spelling_of(&checkout.repo);
    }
    let ventures_file = catalogue.file.as_ref().map(|file| file.path.clone());
    let secrets = SecretsRequest::of(launch, &vault, &venture);
    let chosen = Chosen { venture, ventures_file, checkout, endpoint: &endpoint, secrets };
    let plan = Plan::make(launch, &config, env, chosen)?;
    act(&plan)
}
