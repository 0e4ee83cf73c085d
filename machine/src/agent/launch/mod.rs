//! Checks whether this process belongs to the launch that its environment names.
//!
//! Every child process inherits the environment. A background server, or a process that outlived its launch, can therefore
//! pass the name of one agent to the sessions of another. The slot's file and the ancestors of this process can't be
//! inherited, so they decide. If they give no answer, the environment is trusted, as for a server that was registered by
//! hand or runs in a container.

use std::fmt;

use deckwatch_protocol::{Agent, Host, RepoName};

use super::process::{RunningProcess, lineage};
use super::shared_server::SharedServer;
use super::slot::Slot;
use crate::dirs::Dirs;

/// The relation of this process to the launch that its environment names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lineage {
    /// The holder of the agent's slot is an ancestor of this process.
    Descendant,
    /// The holder of the slot runs, but is not an ancestor. The tool may have detached this process.
    Unrelated,
    /// No slot has this name, or its holder can't be seen from this process.
    Unknown,
}

/// The environment belongs to another launch.
#[derive(Debug)]
pub struct ForeignLaunch {
    /// The agent that the environment names.
    pub agent: Agent,
    /// The evidence.
    pub reason: ForeignReason,
}

/// Evidence that the environment belongs to another launch.
#[derive(Debug)]
pub enum ForeignReason {
    /// A background server passed on its own environment.
    SharedServer(SharedServer, u32),
    /// The launch's process has ended.
    Ended,
    /// A later launch has the name now.
    TakenOver,
    /// This process is outside the launch's processes and in another repository.
    Elsewhere {
        /// The repository of the launch.
        launched: RepoName,
        /// The repository of this process.
        here: RepoName,
    },
    /// The launch started this process in a repository that its venture does not own.
    OutsideVenture {
        /// The repository of the launch.
        launched: RepoName,
        /// The repository of this process.
        here: RepoName,
    },
}

impl Lineage {
    /// Checks that a process with this relation to a launch on `launched` may work in `here` under the launch's name.
    /// `owned` means that the venture of the launch has the repository `here`.
    pub fn allows(self, agent: &Agent, launched: &RepoName, here: &RepoName, owned: bool) -> Result<(), ForeignLaunch> {
        let (agent, launched, here) = (agent.clone(), launched.clone(), here.clone());
        match self {
            _ if launched == here => Ok(()),
            Self::Unrelated => Err(ForeignLaunch { agent, reason: ForeignReason::Elsewhere { launched, here } }),
            Self::Descendant if !owned => {
                Err(ForeignLaunch { agent, reason: ForeignReason::OutsideVenture { launched, here } })
            }
            Self::Descendant | Self::Unknown => Ok(()),
        }
    }
}

/// The launch id of a process, for [`crate::variables::LAUNCH`].
pub fn launch_id(pid: u32) -> Option<String> {
    Some(RunningProcess::find(pid)?.id())
}

/// Compares this process with the holder of the agent's slot. `launch` is the value of [`crate::variables::LAUNCH`].
pub fn lineage_of(dirs: &Dirs, host: &Host, agent: &Agent, launch: Option<&str>) -> Result<Lineage, ForeignLaunch> {
    examine(std::process::id(), dirs, host, agent, launch)
}

/// 1. If there is no slot and no launch id, the name did not come from a launcher, so nothing is known.
/// 2. If a background server is between this process and the holder, the environment is not this session's own.
/// 3. If the slot belongs to a later launch, the name was taken over.
/// 4. The holder must run. This is unknown if process ids can't be compared.
fn examine(pid: u32, dirs: &Dirs, host: &Host, agent: &Agent, launch: Option<&str>) -> Result<Lineage, ForeignLaunch> {
    let foreign = |reason| Err(ForeignLaunch { agent: agent.clone(), reason });
    let holding = Slot::holding(dirs, host, agent);
    if holding.is_none() && launch.is_none() {
        return Ok(Lineage::Unknown);
    }
    let holder =
        holding.as_ref().filter(|held| held.comparable && held.holder.is_running()).map(|held| held.holder.pid);
    let mut ancestors = lineage(pid);
    let mut found = false;
    let server = ancestors.find_map(|pid| {
        found = found || Some(pid) == holder;
        if found { None } else { Some((SharedServer::of_process(pid)?, pid)) }
    });
    if let Some((server, pid)) = server {
        return foreign(ForeignReason::SharedServer(server, pid));
    }
    let Some(holding) = holding else { return Ok(Lineage::Unknown) };
    if launch.is_some_and(|launch| launch != holding.holder.id()) {
        return foreign(ForeignReason::TakenOver);
    }
    match holder {
        _ if !holding.comparable || RunningProcess::find(pid).is_none() => Ok(Lineage::Unknown),
        None => foreign(ForeignReason::Ended),
        Some(_) => Ok(if found { Lineage::Descendant } else { Lineage::Unrelated }),
    }
}

impl ForeignLaunch {
    /// The finding, for a message.
    pub fn what(&self) -> String {
        let agent = &self.agent;
        match &self.reason {
            ForeignReason::SharedServer(server, pid) => format!(
                "the environment belongs to the launch of {agent}: {} (process {pid}) passes it to every session",
                server.title()
            ),
            ForeignReason::Ended => format!("the environment belongs to the launch of {agent}, which has ended"),
            ForeignReason::TakenOver => {
                format!("the environment belongs to an earlier launch of {agent}; a later launch has that name now")
            }
            ForeignReason::Elsewhere { launched, here } => format!(
                "the environment belongs to the launch of {agent} on {launched}; this process is not part of that \
                 launch and works on {here}"
            ),
            ForeignReason::OutsideVenture { launched, here } => format!(
                "the environment belongs to the launch of {agent} on {launched}; this session works on {here}, which is \
                 not a repository of its venture"
            ),
        }
    }

    /// How to fix it.
    pub fn fix(&self) -> String {
        match &self.reason {
            ForeignReason::SharedServer(server, _) => format!(
                "end this session, run `{}`, and start the agent again with `launcher <venture>`",
                server.stop_command()
            ),
            ForeignReason::OutsideVenture { here, .. } => format!(
                "end this session and start an agent with `launcher <venture>` for the venture of {here}; if {here} \
                 belongs to this venture, add it to the venture's repos and start the agent again"
            ),
            ForeignReason::Ended | ForeignReason::TakenOver | ForeignReason::Elsewhere { .. } => {
                "end this session and start the agent again with `launcher <venture>`; if you set DECKWATCH_AGENT \
                 yourself, unset it"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for ForeignLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. Nothing was read or recorded under that name. To repair it, {}.", self.what(), self.fix())
    }
}

impl std::error::Error for ForeignLaunch {}

#[cfg(test)]
mod tests;
