//! The values for the configuration: each comes from a flag, from a question, or from a default.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use deckwatch_client::ApiConfig;
use deckwatch_machine::discovery::Repositories;
use deckwatch_machine::variables::API_KEY;
use deckwatch_machine::ventures::VentureEntry;
use inquire::validator::Validation;
use inquire::{MultiSelect, Select, Text};

use super::Init;
use crate::agent_cli::AgentCli;
use crate::config::Config;
use crate::error::LaunchError;
use crate::menu::unanswered;
use crate::process_env::ProcessEnv;

/// A well-formed key. It is used to check an address alone.
const EXAMPLE_KEY: &str = "0123456789abcdef0123456789abcdef";

/// All values.
pub(super) struct Answers {
    pub(super) dev_root: PathBuf,
    pub(super) agent: Option<AgentCli>,
    pub(super) records: Records,
    /// `None` if no ventures file is written.
    pub(super) ventures: Option<Vec<VentureEntry>>,
}

/// Where records are stored.
pub(super) enum Records {
    /// As the settings are now.
    AsConfigured,
    /// In the database of this machine.
    Here,
    /// In the team's API. `key_env` is the name of the variable that holds its key.
    Team { url: String, key_env: String },
}

impl Answers {
    pub(super) fn gather(init: &Init, before: &Config, env: &ProcessEnv) -> Result<Self, LaunchError> {
        let asks = !init.yes;
        let dev_root = match &init.dev_root {
            Some(path) => below_home(path, env),
            None if asks => ask_dev_root(&before.dev_root, env)?,
            None => before.dev_root.clone(),
        };
        let installed: Vec<AgentCli> =
            AgentCli::ALL.into_iter().filter(|cli| env.agent_program(*cli).is_some()).collect();
        let usual = init.agent.or(before.default_agent).or(installed.first().copied());
        let agent = match init.agent {
            None if asks => Some(ask_agent(usual, &installed)?),
            _ => usual,
        };
        let records = records(init, before, asks)?;
        let ventures = if init.no_ventures { None } else { Some(ventures(&dev_root, asks, env)?) };
        Ok(Self { dev_root, agent, records, ventures: ventures.filter(|ventures| !ventures.is_empty()) })
    }
}

fn ask_dev_root(default: &Path, env: &ProcessEnv) -> Result<PathBuf, LaunchError> {
    let shown = env.shown(default);
    let asked = Text::new("Where are your repositories?").with_default(&shown).prompt().map_err(unanswered)?;
    Ok(below_home(Path::new(asked.trim()), env))
}

/// The path with `~` replaced by the home folder, and without `..` if the folder exists.
fn below_home(path: &Path, env: &ProcessEnv) -> PathBuf {
    let home = &env.dirs.home;
    let path = path.strip_prefix("~").map_or_else(|_| env.cwd.join(path), |below| home.join(below));
    // Other paths keep their symbolic links, because a person chose them.
    let has_parent = path.components().any(|part| part == Component::ParentDir);
    if has_parent { path.canonicalize().unwrap_or(path) } else { path }
}

struct Choice {
    cli: AgentCli,
    installed: bool,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.installed { "" } else { " (not installed)" };
        write!(f, "{}{state}", self.cli.title())
    }
}

fn ask_agent(usual: Option<AgentCli>, installed: &[AgentCli]) -> Result<AgentCli, LaunchError> {
    let choices = AgentCli::ALL.map(|cli| Choice { cli, installed: installed.contains(&cli) });
    let at = AgentCli::ALL.iter().position(|cli| Some(*cli) == usual).unwrap_or_default();
    let asked = Select::new("Which agent is started by default?", choices.into()).with_starting_cursor(at);
    Ok(asked.prompt().map_err(unanswered)?.cli)
}

fn records(init: &Init, before: &Config, asks: bool) -> Result<Records, LaunchError> {
    if let Some(url) = &init.api_url {
        check_url(url).map_err(LaunchError::Endpoint)?;
        let key_env = init.key_env.clone().unwrap_or_else(|| API_KEY.to_owned());
        check_variable(&key_env).map_err(LaunchError::Endpoint)?;
        return Ok(Records::Team { url: url.clone(), key_env });
    }
    if asks { ask_records(before.api.as_ref().map(|api| api.url.as_str())) } else { Ok(Records::AsConfigured) }
}

fn ask_records(configured: Option<&str>) -> Result<Records, LaunchError> {
    const HERE: &str = "in a database of this machine";
    const TEAM: &str = "at my team's API";
    let as_configured = configured.map(|url| format!("at {url}, as now"));
    let places = as_configured.clone().into_iter().chain([HERE, TEAM].map(str::to_owned)).collect();
    let place = Select::new("Where should records be stored?", places).prompt().map_err(unanswered)?;
    if Some(&place) == as_configured.as_ref() {
        return Ok(Records::AsConfigured);
    }
    if place == HERE {
        return Ok(Records::Here);
    }
    let url = Text::new("Its address?").with_validator(|text: &str| checked(check_url(text)));
    let url = url.prompt().map_err(unanswered)?;
    let key_env = Text::new("Which variable of your environment holds its key?")
        .with_default(API_KEY)
        .with_validator(|text: &str| checked(check_variable(text)));
    Ok(Records::Team { url, key_env: key_env.prompt().map_err(unanswered)? })
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is inquire's")]
fn checked(result: Result<(), String>) -> Result<Validation, inquire::CustomUserError> {
    Ok(result.map_or_else(|why| Validation::Invalid(why.into()), |()| Validation::Valid))
}

fn check_url(url: &str) -> Result<(), String> {
    ApiConfig::remote(url, EXAMPLE_KEY).map(drop).map_err(|error| error.to_string())
}

fn check_variable(name: &str) -> Result<(), String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if plain && named { Ok(()) } else { Err(format!("{name:?} is not the name of a variable, such as {API_KEY}")) }
}

struct Offered(VentureEntry);

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repo = self.0.repos.first().map(ToString::to_string).unwrap_or_default();
        write!(f, "{:<20} {repo}", self.0.code.as_str())
    }
}

/// The ventures for the repositories on this machine: the ones that the user selects, or all if no question is asked.
fn ventures(dev_root: &Path, asks: bool, env: &ProcessEnv) -> Result<Vec<VentureEntry>, LaunchError> {
    let mut found: Vec<VentureEntry> = Vec::new();
    for repo in Repositories::below(dev_root)?.names() {
        let is_known = found.iter().any(|venture| venture.owns(&repo));
        found.extend(VentureEntry::of_repo_among(&repo, &found).filter(|_| !is_known));
    }
    if !asks || found.is_empty() || env.dirs.config.join("ventures.json").exists() {
        return Ok(found);
    }
    let all: Vec<usize> = (0..found.len()).collect();
    let offered = found.into_iter().map(Offered).collect();
    let asked = MultiSelect::new("Which of these are ventures? (space toggles, enter accepts)", offered);
    let taken = asked.with_default(&all).with_page_size(15).prompt().map_err(unanswered)?;
    Ok(taken.into_iter().map(|offered| offered.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variables_name_and_an_address_are_checked() {
        assert!(check_variable("TEAM_KEY2").is_ok() && check_url("https://context.example.com").is_ok());
        for name in ["", "2KEY", "MY KEY", "s3cr3t-value", "$KEY"] {
            assert!(check_variable(name).is_err(), "{name}");
        }
        assert!(check_url("http://context.example.com").unwrap_err().contains("unencrypted"));
    }
}
