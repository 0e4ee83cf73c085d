//! The members that the registry of the API lists.

use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{Host, Limit, Machine, MachineFilter};
use serde::{Deserialize, Serialize};

use super::Member;

/// What the registry says about the fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The machines with an approved access, in the order of their registration.
    pub members: Vec<Member>,
    /// The machines with an access that waits for approval.
    pub waiting: Vec<Waiting>,
}

/// A machine with an access that waits for an admin's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The hostname.
    pub hostname: Host,
    /// Whether the machine is a member already: it has an earlier access, which stays in use until the approval.
    pub is_member: bool,
}

/// Reads all pages of the registry.
pub async fn from_api(api: &Api) -> Result<Registered, ClientError> {
    let mut machines = Vec::new();
    let mut filter = MachineFilter { limit: Limit::try_from(100).ok(), ..MachineFilter::default() };
    loop {
        let page = api.list_machines(&filter).await?;
        machines.extend(page.items);
        if page.next_cursor.is_none() {
            return Ok(Registered::of(&machines));
        }
        filter.cursor = page.next_cursor;
    }
}

impl Registered {
    /// `machines` are the newest first, as the API lists them.
    fn of(machines: &[Machine]) -> Self {
        let waiting = machines.iter().rev().filter(|machine| machine.pending.is_some());
        let waiting = waiting
            .map(|machine| Waiting { hostname: machine.hostname.clone(), is_member: machine.approved.is_some() })
            .collect();
        Self { members: machines.iter().rev().filter_map(Member::of).collect(), waiting }
    }
}
