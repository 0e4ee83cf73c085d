//! The keys of an agent on this machine: its own key pair, and the public keys of other agents that it has seen.
//!
//! The engine says which public key an agent has. So an agent remembers the key of each other agent, and a person is told when
//! it differs: the agent has moved to another machine, or the engine names a key that is not the agent's.

use std::io;
use std::path::PathBuf;

use deckwatch_machine::agent_folder::ApiName;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{Agent, PublicKey, SealKeyId, VentureCode};

use super::boxes::key_id;
use super::key_pair::{KeyError, KeyPair, folder};

/// The keys of an agent of one venture of an API.
pub struct AgentKeys {
    agent: Agent,
    pair: KeyPair,
    /// One file for each agent whose key is known.
    known: PathBuf,
}

/// Another agent has another key than the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedKey {
    /// The agent.
    pub agent: Agent,
    /// The id of the key that it had.
    pub before: SealKeyId,
    /// The id of the key that it has now.
    pub now: SealKeyId,
}

impl std::fmt::Display for ChangedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "The key of {} has changed from {} to {}. It may have moved to another machine; if it has not, ask its person to \
             compare the keys before you trust sealed messages from or to it.",
            self.agent, self.before, self.now
        )
    }
}

impl AgentKeys {
    /// The keys of `agent` on this machine. Makes its key pair on first use. The agent knows other agents by venture.
    pub fn of_agent(dirs: &Dirs, api: &ApiName, venture: &VentureCode, agent: &Agent) -> Result<Self, KeyError> {
        let pair = KeyPair::of_agent(dirs, api, agent)?;
        let known = folder(dirs, api, agent)?.join("known").join(venture.as_str());
        Ok(Self { agent: agent.clone(), pair, known })
    }

    /// The agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The agent's own key pair.
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// The last known key of another agent, if any.
    pub(super) fn known(&self, agent: &Agent) -> Option<PublicKey> {
        std::fs::read_to_string(self.known.join(agent.as_str())).ok()?.trim().parse().ok()
    }

    /// Remembers the key of another agent. Returns the change if it had another one.
    pub(super) fn remember(&self, agent: &Agent, key: &PublicKey) -> Option<ChangedKey> {
        let known = self.known(agent);
        if known.as_ref() == Some(key) {
            return None;
        }
        if let Err(error) = self.write(agent, key) {
            log::warn!("the public key of {agent} could not be remembered: {error}");
        }
        let (before, now) = (key_id(&known?).ok()?, key_id(key).ok()?);
        Some(ChangedKey { agent: agent.clone(), before, now })
    }

    fn write(&self, agent: &Agent, key: &PublicKey) -> io::Result<()> {
        Dirs::create(&self.known)?;
        durable::write(&self.known.join(agent.as_str()), format!("{key}\n").as_bytes())
    }
}
