//! The machine of the fleet that an agent shall run on.

use std::str::FromStr;

use deckwatch_protocol::Host;

/// The machine that an agent shall run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The one with the most room.
    Auto,
    /// This one.
    Machine(Host),
}

impl FromStr for Placement {
    type Err = <Host as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Machine) }
    }
}
