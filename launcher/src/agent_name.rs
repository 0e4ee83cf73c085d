//! The name under which an agent is started: that of its slot, or with `--as` another one.

use deckwatch_machine::agent::{Slot, SlotRequest, slot_number};
use deckwatch_protocol::{Agent, Client, Host};

use crate::error::LaunchError;
use crate::launch::Launch;

/// The name under which an agent is started.
pub(crate) struct AgentName(Option<Agent>);

impl AgentName {
    pub(crate) fn of(launch: &Launch) -> Self {
        Self(launch.as_agent.clone())
    }

    /// The slot that the agent must have: a name of this machine belongs to its slot.
    pub(crate) fn slot(&self, host: &Host, client: &Client) -> Option<SlotRequest> {
        let name = self.0.as_ref()?;
        let number = slot_number(name)?;
        Slot::is_name_of(host, client, number, name).then_some(SlotRequest::Exactly(number))
    }

    /// The name of an agent that got this slot. A slot that was asked for and not given is held by a running agent.
    pub(crate) fn as_agent(&self, slot: &Slot, client: &Client) -> Result<Agent, LaunchError> {
        match &self.0 {
            None => Ok(slot.agent.clone()),
            Some(name) if *name != slot.agent && self.slot(&slot.host, client).is_some() => {
                Err(LaunchError::NameInUse(name.clone()))
            }
            Some(name) => Ok(name.clone()),
        }
    }

    /// The name, for the plan.
    pub(crate) fn describe(&self, slot: &Slot) -> String {
        match &self.0 {
            Some(name) => format!("{name}, also if another machine has the name"),
            None => format!("{} (if the slot is still free then)", slot.agent),
        }
    }
}
