//! `launcher github`: connects a team with GitHub. `setup` registers a GitHub App or takes a token, `check` repeats the checks,
//! `labels` creates the labels of the workflow.
//!
//! `docs/adr/0056` has the rules for the secrets.

mod access;
mod api;
mod app_checks;
mod app_key;
mod destination;
mod labels;
mod manifest;
mod registration;
mod repo_check;
mod repositories;
mod setup;
mod site;
mod token_checks;

use clap::{Args, Subcommand};
use deckwatch_machine::variables;
use deckwatch_protocol::GithubOrg;

use self::access::Access;
use self::api::GitHub;
use self::app_checks::Expected;
use self::destination::Destination;
use self::repositories::{Selection, TeamRepos};
use self::setup::Plan;
use self::site::Site;
use crate::check::{Check, Report};
use crate::config::Config;
use crate::context_api;
use crate::error::LaunchError;
use crate::github_error::GitHubError;
use crate::json_output;
use crate::output::{self, warn};
use crate::process_env::ProcessEnv;

/// What `launcher github --help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher github setup --org acme --worker deckwatch
                                     register an App in a browser, and give its secrets to the Worker
  launcher github setup --org acme --print
                                     the same for a server: print the secrets for its environment
  launcher github setup --token < FILE
                                     check a fine-grained token instead of an App
  launcher github check              repeat the checks
  launcher github labels --dry-run   show which labels of the workflow are missing

The credential of `check` and `labels` is the App in GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY; else the token in GH_TOKEN or \
GITHUB_TOKEN (GH_ENTERPRISE_TOKEN for an enterprise host); else that of `gh auth login`.

Exit codes:
  0     every check passed; there may be warnings
  1     a check failed
  42    GitHub did not answer or refused a request, or there is no credential
  130   you pressed Ctrl-C";

/// What can be done about GitHub.
#[derive(Debug, Subcommand)]
pub(crate) enum GitHubCommand {
    /// Register a GitHub App for the team, or check a token
    #[command(after_help = EXAMPLES)]
    Setup(Box<Setup>),

    /// Check the App or the token: permissions, webhook, installations, repositories
    #[command(after_help = EXAMPLES)]
    Check(Checks),

    /// Create the labels of the workflow where they are missing
    #[command(after_help = EXAMPLES)]
    Labels(Labels),
}

/// The options of `launcher github setup`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Setup {
    /// The organisation that owns the App
    #[arg(long, value_name = "ORG", required_unless_present_any = ["personal", "token"], conflicts_with_all = ["personal", "token"])]
    org: Option<GithubOrg>,

    /// Your own account owns the App
    #[arg(long, conflicts_with = "token")]
    personal: bool,

    /// Give the App's secrets to this Worker of Cloudflare, with wrangler
    #[arg(long, value_name = "NAME", required_unless_present_any = ["print", "token"], conflicts_with_all = ["print", "token"], value_parser = worker_name)]
    worker: Option<String>,

    /// Print the App's secrets, for the environment of deckwatch-server; the checks go to standard error
    #[arg(long, conflicts_with_all = ["token", "json"])]
    print: bool,

    /// Use a token instead of an App: the one of the environment, or on standard input
    #[arg(long)]
    token: bool,

    /// The name of the App; GitHub wants one that no other App has
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Let other accounts than the owner install the App
    #[arg(long)]
    public: bool,

    /// The address of the team's API, to which GitHub sends events; default: the configured one
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// The port of this machine for the page; default: any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,

    /// How many minutes to wait for you, each time
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=60))]
    wait: u64,

    #[command(flatten)]
    place: Place,
}

/// Which GitHub and which repositories, and how to print.
#[derive(Debug, Args)]
struct Place {
    /// The host of GitHub Enterprise; default: the one of the environment, or github.com
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    #[command(flatten)]
    selection: Selection,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The options of `launcher github check`.
#[derive(Debug, Args)]
pub(crate) struct Checks {
    /// The address of the team's API, to which GitHub sends events; default: the configured one
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    #[command(flatten)]
    place: Place,
}

/// The options of `launcher github labels`.
#[derive(Debug, Args)]
pub(crate) struct Labels {
    /// Show which labels are missing, and create none
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    place: Place,
}

/// Runs a command of `launcher github`.
pub(crate) fn run(command: &GitHubCommand, env: &ProcessEnv) -> Result<(), LaunchError> {
    match command {
        GitHubCommand::Setup(setup) if setup.token => check_token(setup, env),
        GitHubCommand::Setup(setup) => register(setup, env),
        GitHubCommand::Check(checks) => check(checks, env),
        GitHubCommand::Labels(labels) => create_labels(labels, env),
    }
}

fn register(setup: &Setup, env: &ProcessEnv) -> Result<(), LaunchError> {
    let site = Site::find(setup.place.host.as_deref(), env)?;
    let api_url = api_url(setup.api_url.as_deref(), env)?.ok_or_else(|| {
        GitHubError::Setup(
            "the address of the team's API is not known: give it with --api-url, or set CONTEXT_API_URL".to_owned(),
        )
    })?;
    let repos = repositories(&setup.place, env)?;
    let destination = match &setup.worker {
        Some(name) => Destination::worker(name, env)?,
        None => Destination::StandardOutput,
    };
    let plan = Plan {
        org: setup.org.as_ref().map(GithubOrg::as_str),
        name: setup.name.as_deref(),
        public: setup.public,
        api_url: &api_url,
        port: setup.port,
        opens_browser: !setup.no_browser && env.interactive,
        minutes: setup.wait,
        destination,
        repos: &repos,
    };
    plan.check()?;
    let checks = context_api::runtime()?.block_on(plan.run(&GitHub::new(site), env))?;
    report(checks, setup.place.json, setup.print)
}

fn check_token(setup: &Setup, env: &ProcessEnv) -> Result<(), LaunchError> {
    let site = Site::find(setup.place.host.as_deref(), env)?;
    let repos = repositories(&setup.place, env)?;
    let access = Access::given_token(&site, env)?;
    let checks = cancellable(checks_of(&GitHub::new(site), &access, None, &repos))?;
    report(checks, setup.place.json, false)
}

fn check(checks: &Checks, env: &ProcessEnv) -> Result<(), LaunchError> {
    let site = Site::find(checks.place.host.as_deref(), env)?;
    let repos = repositories(&checks.place, env)?;
    let api_url = api_url(checks.api_url.as_deref(), env)?;
    let done = cancellable(async {
        let access = Access::find(&site, env).await?;
        Ok::<_, LaunchError>(checks_of(&GitHub::new(site), &access, api_url.as_deref(), &repos).await)
    })??;
    report(done, checks.place.json, false)
}

fn create_labels(labels: &Labels, env: &ProcessEnv) -> Result<(), LaunchError> {
    let site = Site::find(labels.place.host.as_deref(), env)?;
    let repos = repositories(&labels.place, env)?;
    if repos.on_github.is_empty() {
        let fix = "no repository of the ventures is on GitHub: name one with --repo owner/name, or add `repos` to the ventures";
        return Err(GitHubError::Setup(fix.to_owned()).into());
    }
    let done = cancellable(async {
        let access = Access::find(&site, env).await?;
        Ok::<_, LaunchError>(self::labels::create(&GitHub::new(site), &access, &repos, labels.dry_run).await)
    })??;
    if labels.place.json {
        json_output::print(&done)?;
    } else {
        let text = done.text();
        output::print(|out| std::io::Write::write_all(out, text.as_bytes()))?;
    }
    Ok(done.into_result()?)
}

async fn checks_of(github: &GitHub, access: &Access, api_url: Option<&str>, repos: &TeamRepos) -> Vec<Check> {
    match access {
        Access::App(key) => app_checks::check(github, key, &Expected { api_url, repos }).await,
        Access::Token(token, source) => token_checks::check(github, token, source, repos).await,
    }
}

/// Runs requests, each of which has a time limit. Ctrl-C ends them.
fn cancellable<T>(work: impl Future<Output = T>) -> Result<T, LaunchError> {
    context_api::runtime()?.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            _ = tokio::signal::ctrl_c() => Err(LaunchError::Cancelled),
        }
    })
}

/// The repositories of the team. Names that are not on GitHub are named once.
fn repositories(place: &Place, env: &ProcessEnv) -> Result<TeamRepos, LaunchError> {
    let repos = TeamRepos::find(&place.selection, env)?;
    if !repos.elsewhere.is_empty() {
        let names: Vec<&str> = repos.elsewhere.iter().map(deckwatch_protocol::RepoName::as_str).collect();
        warn(&format!("these repositories are not on GitHub, and are left out: {}", names.join(", ")));
    }
    Ok(repos)
}

/// The address of the team's API: the option, else the environment, else the configuration.
fn api_url(option: Option<&str>, env: &ProcessEnv) -> Result<Option<String>, LaunchError> {
    if let Some(url) = option {
        return Ok(Some(url.to_owned()));
    }
    let config = Config::load(&env.dirs)?;
    Ok(env.var(variables::API_URL).or_else(|| config.api.map(|api| api.url)))
}

/// Prints the checks. `aside` prints them to standard error, because standard output has the secrets.
fn report(checks: Vec<Check>, json: bool, aside: bool) -> Result<(), LaunchError> {
    let report = Report::new(checks);
    if json {
        json_output::print(&report)?;
    } else if aside {
        output::printed(report.write_table(&mut anstream::stderr()))?;
    } else {
        output::printed(report.write_table(&mut anstream::stdout()))?;
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(LaunchError::ChecksFailed { failed }),
    }
}

/// The name of a Worker. It must not look like an option of wrangler.
fn worker_name(text: &str) -> Result<String, String> {
    let is_plain = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if is_plain && !text.is_empty() && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err("the name of a Worker has small letters, digits and - only".to_owned())
}
