//! The members that a command is about.

use deckwatch_fleet::members::{Member, read_file};
use deckwatch_protocol::Host;

use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::suggestion;

/// The file with the machines, in the folder of the configuration.
const FILE: &str = "machines.json";

/// All members.
pub(crate) fn all(env: &ProcessEnv) -> Result<Vec<Member>, LaunchError> {
    let path = env.dirs.config.join(FILE);
    let listed = read_file(&path).map_err(|error| LaunchError::Fleet(error.to_string()))?;
    listed.ok_or(LaunchError::NoMembers { file: path })
}

/// The members with these names, or all if none is given.
pub(crate) fn named(names: &[Host], env: &ProcessEnv) -> Result<Vec<Member>, LaunchError> {
    let mut members = all(env)?;
    let is = |member: &Member, name: &Host| member.hostname.as_str().eq_ignore_ascii_case(name.as_str());
    if let Some(unknown) = names.iter().find(|name| !members.iter().any(|member| is(member, name))) {
        let known = members.iter().map(|member| member.hostname.as_str());
        let meant = suggestion::nearest(unknown.as_str(), known).map(str::to_owned);
        return Err(LaunchError::UnknownMember { name: unknown.clone(), meant });
    }
    members.retain(|member| names.is_empty() || names.iter().any(|name| is(member, name)));
    Ok(members)
}
