//! The members that a command is about: from the registry of the API, from its last answer, or from a file.

use std::path::Path;

use deckwatch_fleet::members::{KeptList, Member, Registered, Taken, Waiting, from_api, read_file};
use deckwatch_machine::clock::{ago, now};
use deckwatch_machine::variables;
use deckwatch_protocol::{Host, Timestamp};

use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output::warn;
use crate::process_env::ProcessEnv;
use crate::suggestion;

/// The file with the machines, in the folder of the configuration.
const FILE: &str = "machines.json";

/// The fleet as this machine knows it.
pub(super) struct Roster {
    pub(super) members: Vec<Member>,
    /// The machines with an access that waits for approval.
    pub(super) waiting: Vec<Waiting>,
    pub(super) origin: Origin,
}

/// Where the members come from.
pub(super) enum Origin {
    /// The registry of the API, now.
    Registry,
    /// The last answer of the registry, because the API can't be asked now.
    LastAnswer { taken_at: Timestamp },
    /// The file that a person wrote.
    File,
}

/// The fleet. Warns if it is not what the registry says now.
pub(super) fn roster(env: &ProcessEnv) -> Result<Roster, LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let endpoint = Endpoint::choose(env, &config, &vault)?;
    let path = env.dirs.config.join(FILE);
    match registered(&endpoint, env) {
        Ok(Registered { members, waiting }) if !members.is_empty() || !waiting.is_empty() => {
            Ok(Roster { members, waiting, origin: Origin::Registry })
        }
        Ok(_) => of_file(&path)?.ok_or(LaunchError::NoMembers { file: path }),
        Err(error @ LaunchError::KeyRefused(_)) => Err(error),
        Err(error) => without_registry(error, &endpoint, &path, env),
    }
}

/// The fleet for a change of access. The last answer of the registry is not used: a machine may have been retired since.
pub(super) fn current_roster(env: &ProcessEnv) -> Result<Roster, LaunchError> {
    let roster = roster(env)?;
    let Origin::LastAnswer { taken_at } = roster.origin else { return Ok(roster) };
    let path = env.dirs.config.join(FILE);
    let file = env.shown(&path);
    let Some(roster) = of_file(&path)? else {
        return Err(LaunchError::Fleet(format!(
            "the registry does not answer. Its last answer is of {}, and a machine may have been retired since. Try \
             again when the API answers, or list the machines in {file}",
            ago(taken_at, now())
        )));
    };
    warn(&format!("a change of access does not use the last answer of the registry; it uses {file}"));
    Ok(roster)
}

/// The fleet as far as this machine knows it, if the registry did not answer.
fn without_registry(
    cause: LaunchError,
    endpoint: &Endpoint,
    file: &Path,
    env: &ProcessEnv,
) -> Result<Roster, LaunchError> {
    if let Some(Taken { taken_at, registered }) = kept(endpoint, env).and_then(|kept| kept.last()) {
        warn(&format!("these are the members as of {}: {cause}", ago(taken_at, now())));
        let Registered { members, waiting } = registered;
        return Ok(Roster { members, waiting, origin: Origin::LastAnswer { taken_at } });
    }
    let Some(roster) = of_file(file)? else { return Err(cause) };
    warn(&format!("these are the members of {}: {cause}", env.shown(file)));
    Ok(roster)
}

fn of_file(path: &Path) -> Result<Option<Roster>, LaunchError> {
    let members = read_file(path).map_err(|error| LaunchError::Fleet(error.to_string()))?;
    let roster = |members| Roster { members, waiting: Vec::new(), origin: Origin::File };
    Ok(members.map(roster))
}

/// The members. Machines that wait for approval are none.
pub(crate) fn all(env: &ProcessEnv) -> Result<Vec<Member>, LaunchError> {
    named(&[], env)
}

/// The members with these names, or all if none is given. An error if one of them waits for approval.
pub(crate) fn named(requested: &[Host], env: &ProcessEnv) -> Result<Vec<Member>, LaunchError> {
    let mut roster = roster(env)?;
    select(&mut roster, requested)?;
    let Roster { members, waiting, .. } = roster;
    let mut waiting = waiting.into_iter().filter(|waiting| !waiting.is_member).peekable();
    if members.is_empty() || (!requested.is_empty() && waiting.peek().is_some()) {
        return Err(LaunchError::NoApprovedMembers { waiting: waiting.map(|waiting| waiting.hostname).collect() });
    }
    Ok(members)
}

/// Keeps only the machines with these names, or all if none is given.
pub(super) fn select(roster: &mut Roster, requested: &[Host]) -> Result<(), LaunchError> {
    let known = || {
        let members = roster.members.iter().map(|member| &member.hostname);
        members.chain(roster.waiting.iter().map(|waiting| &waiting.hostname))
    };
    let is = |host: &Host, name: &Host| host.as_str().eq_ignore_ascii_case(name.as_str());
    if let Some(unknown) = requested.iter().find(|name| !known().any(|host| is(host, name))) {
        let meant = suggestion::nearest(unknown.as_str(), known().map(Host::as_str)).map(str::to_owned);
        return Err(LaunchError::UnknownMember { name: unknown.clone(), meant });
    }
    let is_requested = |host: &Host| requested.is_empty() || requested.iter().any(|name| is(host, name));
    roster.members.retain(|member| is_requested(&member.hostname));
    roster.waiting.retain(|waiting| is_requested(&waiting.hostname));
    Ok(())
}

/// What the registry says now. Its answer is kept. A machine without a database of its own has no registry.
fn registered(endpoint: &Endpoint, env: &ProcessEnv) -> Result<Registered, LaunchError> {
    let Some(api) = context_api::reader(endpoint, env)? else { return Ok(Registered::default()) };
    let registered = context_api::wait(from_api(&api))?;
    let is_kept = kept(endpoint, env).map_or(Ok(()), |kept| kept.keep(&registered, now()));
    if let Err(error) = is_kept {
        warn(&format!("the list of machines could not be kept for times without the API: {error}"));
    }
    Ok(registered)
}

/// The last answer of a registry that may be out of reach.
fn kept(endpoint: &Endpoint, env: &ProcessEnv) -> Option<KeptList> {
    Some(KeptList::of(&env.dirs, endpoint.var(variables::API_URL)?))
}
