//! The names of ventures and agents in the last answers of an API. They are used to start while the API can't be
//! reached, and for shell completions.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deckwatch_machine::clock;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_machine::ventures::{self, VentureEntry};
use deckwatch_protocol::Agent;
use serde_json::json;

use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

const MAX_NAME: usize = 120;
/// The largest number of agent names that are kept.
const MAX_AGENTS: usize = 200;
/// The name of the database of this machine in the cache.
const THIS_MACHINE: &str = "this-machine";

/// What happens to the cache when the API has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheUse {
    /// The answer is saved.
    Update,
    /// Nothing is written, as `--dry-run` promises.
    ReadOnly,
}

/// The ventures of the API. If the API can't be reached, the cached ventures, with a message about their age.
pub(crate) fn registered(
    endpoint: &Endpoint,
    env: &ProcessEnv,
    cache: CacheUse,
) -> Result<Vec<VentureEntry>, LaunchError> {
    let answer = context_api::registered(endpoint, env);
    match answer {
        Ok(entries) if cache == CacheUse::ReadOnly => Ok(entries),
        Ok(entries) if entries.is_empty() && matches!(endpoint, Endpoint::Embedded) => Ok(entries),
        Ok(entries) => {
            // If saving fails, only a later start without the API and the completions know less.
            let _ = save(&ventures_file(&env.dirs, url_of(endpoint)), &json!({ "ventures": entries }));
            Ok(entries)
        }
        Err(LaunchError::Unreachable(why)) => match last_known(endpoint, env) {
            Some((entries, age)) => {
                say(&format!(
                    "{why}\nlauncher: the ventures are those of {} ago; records wait for the API",
                    clock::duration(age.as_secs())
                ));
                Ok(entries)
            }
            None => Err(LaunchError::Unreachable(why)),
        },
        Err(other) => Err(other),
    }
}

/// The cached ventures of a team's API, and their age.
pub(crate) fn last_known(endpoint: &Endpoint, env: &ProcessEnv) -> Option<(Vec<VentureEntry>, Duration)> {
    let Endpoint::Remote { url, .. } = endpoint else { return None };
    cached_ventures(&env.dirs, Some(url))
}

/// The cached ventures of an API. Without `url`, those of the database of this machine.
pub(crate) fn cached_ventures(dirs: &Dirs, url: Option<&str>) -> Option<(Vec<VentureEntry>, Duration)> {
    let file = ventures_file(dirs, url);
    let age = file.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
    let found = ventures::find(Some(&file), dirs, None).ok()??;
    Some((found.ventures, age))
}

/// Stores the names of agents for completions.
pub(crate) fn remember_agents<'a>(agents: impl Iterator<Item = &'a Agent>, endpoint: &Endpoint, env: &ProcessEnv) {
    let url = url_of(endpoint);
    let mut names: BTreeSet<String> = agents.map(ToString::to_string).collect();
    let known = cached_agents(&env.dirs, url);
    names.extend(known.iter().take(MAX_AGENTS.saturating_sub(names.len())).cloned());
    if names.len() != known.len() {
        // If saving fails, completions know less.
        let _ = save(&agents_file(&env.dirs, url), &json!(names));
    }
}

/// The cached agent names of an API. Without `url`, those of the database of this machine.
pub(crate) fn cached_agents(dirs: &Dirs, url: Option<&str>) -> Vec<String> {
    let bytes = std::fs::read(agents_file(dirs, url)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn url_of(endpoint: &Endpoint) -> Option<&str> {
    match endpoint {
        Endpoint::Embedded => None,
        Endpoint::Remote { url, .. } => Some(url),
    }
}

fn ventures_file(dirs: &Dirs, url: Option<&str>) -> PathBuf {
    dirs.cache.join("ventures").join(file_name(url))
}

fn agents_file(dirs: &Dirs, url: Option<&str>) -> PathBuf {
    dirs.cache.join("agents").join(file_name(url))
}

fn file_name(url: Option<&str>) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    let name: String = url.unwrap_or(THIS_MACHINE).chars().map(safe).take(MAX_NAME).collect();
    format!("{name}.json")
}

fn save(file: &Path, value: &serde_json::Value) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        Dirs::create(folder)?;
    }
    durable::write(file, value.to_string().as_bytes())
}

/// Prints a message. An error is ignored.
fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "launcher: {line}");
}
