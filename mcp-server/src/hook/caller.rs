//! The agent in whose tool a hook runs, from the variables that the launcher sets.

use std::str::FromStr;

use deckwatch_machine::agent::{lineage_of, this_host};
use deckwatch_machine::agent_folder::{AgentFolder, ApiName};
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_protocol::{Agent, VentureCode};

use super::names::HookCli;

/// The agent in whose tool this process runs.
pub(super) struct Caller {
    pub(super) agent: Agent,
    pub(super) folder: AgentFolder,
    dirs: Dirs,
}

impl Caller {
    /// `None` if the launcher has not started this agent with hooks, or has started another CLI, which has started this one.
    pub(super) fn find(cli: HookCli) -> Option<Self> {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let started = var(variables::CLIENT);
        if var(variables::HOOKS).as_deref() != Some("1") || started.is_some_and(|started| started != cli.as_str()) {
            return None;
        }
        let agent: Agent = parsed(var(variables::AGENT))?;
        let venture: VentureCode = parsed(var(variables::VENTURE))?;
        let dirs = Dirs::from_env().ok()?;
        let folder = AgentFolder::of(&dirs, &ApiName::from_vars(var, &dirs), &venture, &agent);
        Some(Self { agent, folder, dirs })
    }

    /// Fails if the variables belong to another launch: a background server of the CLI passes them to every session.
    pub(super) fn check_launch(&self) -> Result<(), String> {
        let launch = std::env::var(variables::LAUNCH).ok();
        let lineage = lineage_of(&self.dirs, &this_host(), &self.agent, launch.as_deref());
        lineage.map(drop).map_err(|foreign| foreign.what())
    }
}

fn parsed<T: FromStr>(text: Option<String>) -> Option<T> {
    text?.parse().ok()
}
