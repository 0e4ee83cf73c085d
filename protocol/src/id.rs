//! Ids: a type prefix and a ULID, so that id order is creation order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::impl_text_traits;
use crate::time::Timestamp;
use crate::violation::Invalid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id for something made at `now`; `random` supplies the 80 random bits.
            pub fn mint(now: Timestamp, random: u128) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(format!(concat!($prefix, "{}"), ulid::Ulid::from_parts(millis, random).to_string()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let ulid = text.strip_prefix($prefix).and_then(|rest| ulid::Ulid::from_string(rest).ok());
                match ulid {
                    // Only the canonical spelling: one thing has one id.
                    Some(ulid) if text.get($prefix.len()..) == Some(ulid.to_string().as_str()) => Ok(Self(text.to_owned())),
                    _ => Err(Invalid::new(concat!("must be an id of the form ", $prefix, "<26 characters>"))),
                }
            }
        }

        impl_text_traits!($name, concat!("^", $prefix, "[0-7][0-9A-HJKMNP-TV-Z]{25}$"), 31);
    };
}

id! {
    /// One watch of one agent.
    SessionId, "sess_"
}
id! {
    /// The record that a session leaves.
    HandoffId, "ho_"
}
id! {
    /// A piece of enterprise knowledge.
    NoteId, "note_"
}
id! {
    /// A key that an admin has minted.
    TokenId, "tok_"
}
id! {
    /// A rule saying which document must exist.
    RequirementId, "req_"
}

id! {
    /// A computer of the fleet.
    MachineId, "mach_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let early = SessionId::mint(Timestamp::from_millis(1_000), u128::MAX);
        let late = SessionId::mint(Timestamp::from_millis(1_001), 0);
        assert!(early < late, "{early} {late}");
    }

    #[test]
    fn an_id_has_one_spelling_and_one_kind() {
        let id = HandoffId::mint(Timestamp::from_millis(1_795_248_000_123), 7);
        assert_eq!(id.as_str().parse::<HandoffId>(), Ok(id.clone()));
        assert!(id.as_str().to_lowercase().parse::<HandoffId>().is_err());
        assert!(id.as_str().parse::<SessionId>().is_err());
        assert!("ho_".parse::<HandoffId>().is_err() && "".parse::<HandoffId>().is_err());
    }
}
