//! The smallest request: who the member is.

use deckwatch_machine::agent::this_host;
use deckwatch_protocol::Host;
use serde::{Deserialize, Serialize};

use super::{Answers, Connection};
use crate::wire::{Refusal, Request};

/// Asks who the member is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {}

/// Who the member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The hostname that the machine has now.
    pub hostname: Host,
    /// The version of Deckwatch there.
    pub version: String,
}

impl Request for Hello {
    const NAME: &'static str = "hello";
    type Item = ();
    type Answer = Greeting;
}

impl Answers for Hello {
    async fn answer(self, _: &mut Connection) -> Result<Greeting, Refusal> {
        Ok(Greeting { hostname: this_host(), version: env!("CARGO_PKG_VERSION").to_owned() })
    }
}
