//! The variables that an agent on another machine gets from here: keys of the models and of the Context API, and those that
//! the person names. They travel through the SSH connection only.

use deckwatch_fleet::runs::Variable;
use deckwatch_machine::variables;
use url::{Host, Url};

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output::warn;
use crate::process_env::ProcessEnv;

/// The variables with which the agent CLIs reach their models.
const MODEL_VARIABLES: [&str; 10] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "CODEX_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_GEMINI_BASE_URL",
];
/// The most bytes of all variables together.
const MAX_BYTES: usize = 128 * 1024;

/// The variables for the agent. `named` are those that the person asks for.
pub(super) fn for_agent(named: &[String], is_local: bool, env: &ProcessEnv) -> Result<Vec<Variable>, LaunchError> {
    let mut found = Vec::new();
    for name in named {
        let value =
            env.var(name).ok_or_else(|| LaunchError::Fleet(format!("--env {name}: the variable is not set")))?;
        found.push(Variable { name: name.clone(), value });
    }
    for name in MODEL_VARIABLES.iter().filter(|name| !named.iter().any(|named| named == *name)) {
        found.extend(env.var(name).map(|value| Variable { name: (*name).to_owned(), value }));
    }
    if !is_local {
        found.extend(of_api(env)?);
    }
    if let Some(invalid) = found.iter().find(|variable| !variable.is_valid()) {
        return Err(LaunchError::Fleet(format!("{:?} is not the name of a variable", invalid.name)));
    }
    if found.iter().map(|variable| variable.name.len() + variable.value.len()).sum::<usize>() > MAX_BYTES {
        return Err(LaunchError::Fleet(format!("the variables for the agent have over {MAX_BYTES} bytes")));
    }
    Ok(found)
}

/// The API of this machine with its key. An API that only this machine reaches is not passed on.
fn of_api(env: &ProcessEnv) -> Result<Vec<Variable>, LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let endpoint = Endpoint::choose(env, &config, &vault)?;
    if let Err(error) = endpoint.unlock() {
        warn(&format!("{error}; the agent uses the key of its own machine, if that has one"));
        return Ok(Vec::new());
    }
    let url = endpoint.var(variables::API_URL).unwrap_or_default();
    if url.parse::<Url>().is_ok_and(|url| is_loopback(&url)) {
        warn(&format!("only this machine reaches {url}; the agent uses the API of its own machine, if that has one"));
        return Ok(Vec::new());
    }
    let value = |name: &str| Some(Variable { name: name.to_owned(), value: endpoint.var(name)?.to_owned() });
    Ok([variables::API_URL, variables::API_KEY].into_iter().filter_map(value).collect())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
