//! Whether this process belongs to the launch that its environment names.
//!
//! An environment is copied to whatever a process starts, so a background server, or what a launch has left
//! behind, passes the name of one agent to the sessions of another. The slot's file and the processes above
//! this one can't be copied: they decide. Where they say nothing the environment is believed, as for a
//! server that was registered by hand or runs in a container.

use std::fmt;

use deckwatch_protocol::{Agent, Host, RepoName};

use super::process::{RunningProcess, lineage};
use super::shared_server::SharedServer;
use super::slot::Slot;
use crate::dirs::Dirs;

/// How this process stands to the launch that it is told to belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lineage {
    /// The process that holds the agent's slot started it.
    Descendant,
    /// The process that holds the slot runs, but not above this one: the tool may have detached it.
    Apart,
    /// No slot has this name, or its holder can't be seen from here.
    Unknown,
}

/// The environment belongs to another launch.
#[derive(Debug)]
pub struct ForeignLaunch {
    /// The name that the environment gives.
    pub agent: Agent,
    /// How that was found out.
    pub why: Foreign,
}

/// What shows that an environment belongs to another launch.
#[derive(Debug)]
pub enum Foreign {
    /// A background server passed its own environment on.
    SharedServer(SharedServer, u32),
    /// The launch's process has ended.
    Ended,
    /// The name was given to a later launch.
    TakenOver,
    /// This process is outside the launch's processes and in another repository.
    Elsewhere {
        /// Where the launch works.
        launched: RepoName,
        /// Where this process works.
        here: RepoName,
    },
    /// The launch started this process, in a repository that its venture does not own.
    OutsideVenture {
        /// Where the launch works.
        launched: RepoName,
        /// Where this process works.
        here: RepoName,
    },
}

impl Lineage {
    /// Whether a process that stands so to a launch on `launched` may work `here` under its name. `owned`: the venture
    /// of the launch has that repository.
    pub fn allows(self, agent: &Agent, launched: &RepoName, here: &RepoName, owned: bool) -> Result<(), ForeignLaunch> {
        let (agent, launched, here) = (agent.clone(), launched.clone(), here.clone());
        match self {
            _ if launched == here => Ok(()),
            Self::Apart => Err(ForeignLaunch { agent, why: Foreign::Elsewhere { launched, here } }),
            Self::Descendant if !owned => Err(ForeignLaunch { agent, why: Foreign::OutsideVenture { launched, here } }),
            Self::Descendant | Self::Unknown => Ok(()),
        }
    }
}

/// The id of the launch that a process carries out, for [`crate::variables::LAUNCH`].
pub fn launch_id(pid: u32) -> Option<String> {
    Some(RunningProcess::find(pid)?.id())
}

/// Compares this process with the holder of the agent's slot. `launch` is what [`crate::variables::LAUNCH`] says.
pub fn lineage_of(dirs: &Dirs, host: &Host, agent: &Agent, launch: Option<&str>) -> Result<Lineage, ForeignLaunch> {
    examine(std::process::id(), dirs, host, agent, launch)
}

/// 1. A name that no launcher gave says nothing about processes.
/// 2. A background server between this process and the holder gives every session the same environment.
/// 3. The slot may belong to a later launch by now.
/// 4. The holder must run; where process ids can't be compared, that is not known.
fn examine(pid: u32, dirs: &Dirs, host: &Host, agent: &Agent, launch: Option<&str>) -> Result<Lineage, ForeignLaunch> {
    let foreign = |why| Err(ForeignLaunch { agent: agent.clone(), why });
    let holding = Slot::holding(dirs, host, agent);
    if holding.is_none() && launch.is_none() {
        return Ok(Lineage::Unknown);
    }
    let holder =
        holding.as_ref().filter(|held| held.comparable && held.holder.is_running()).map(|held| held.holder.pid);
    let mut above = lineage(pid);
    let mut found = false;
    let server = above.find_map(|pid| {
        found = found || Some(pid) == holder;
        if found { None } else { Some((SharedServer::of_process(pid)?, pid)) }
    });
    if let Some((server, pid)) = server {
        return foreign(Foreign::SharedServer(server, pid));
    }
    let Some(holding) = holding else { return Ok(Lineage::Unknown) };
    if launch.is_some_and(|launch| launch != holding.holder.id()) {
        return foreign(Foreign::TakenOver);
    }
    match holder {
        _ if !holding.comparable || RunningProcess::find(pid).is_none() => Ok(Lineage::Unknown),
        None => foreign(Foreign::Ended),
        Some(_) => Ok(if found { Lineage::Descendant } else { Lineage::Apart }),
    }
}

impl ForeignLaunch {
    /// What was found.
    pub fn what(&self) -> String {
        let agent = &self.agent;
        match &self.why {
            Foreign::SharedServer(server, pid) => format!(
                "the environment belongs to the launch of {agent}: {} (process {pid}) passes it to every session",
                server.title()
            ),
            Foreign::Ended => format!("the environment belongs to the launch of {agent}, which has ended"),
            Foreign::TakenOver => {
                format!("the environment belongs to an earlier launch of {agent}; a later one has that name now")
            }
            Foreign::Elsewhere { launched, here } => format!(
                "the environment belongs to the launch of {agent} on {launched}; this process is not part of that \
                 launch and works on {here}"
            ),
            Foreign::OutsideVenture { launched, here } => format!(
                "the environment belongs to the launch of {agent} on {launched}; this session works on {here}, which is \
                 not a repository of its venture"
            ),
        }
    }

    /// What to do about it.
    pub fn fix(&self) -> String {
        match &self.why {
            Foreign::SharedServer(server, _) => format!(
                "end this session, run `{}`, and start the agent again with `launcher <venture>`",
                server.stop_command()
            ),
            Foreign::OutsideVenture { here, .. } => format!(
                "end this session and start an agent with `launcher <venture>` for the venture of {here}; if {here} \
                 belongs to this venture, add it to the venture's repos and start the agent again"
            ),
            Foreign::Ended | Foreign::TakenOver | Foreign::Elsewhere { .. } => {
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
