//! Ids: a type prefix and a ULID. Ids sort in the order of their creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::impl_text_traits;
use crate::time::Timestamp;
use crate::violation::Invalid;

macro_rules! id {
    (@close $other:literal) => {
        ")"
    };
    ($(#[$doc:meta])* $name:ident, $prefix:literal $(or $other:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The prefix of every id of this type.
            pub const PREFIX: &'static str = $prefix;

            /// Creates an id for a record that is created at `now`. `random` supplies the 80 random bits.
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
                let rest = text.strip_prefix($prefix)$(.or_else(|| text.strip_prefix($other)))?;
                let ulid = rest.and_then(|rest| ulid::Ulid::from_string(rest).ok());
                match ulid {
                    // Only the canonical form is accepted, so that a record has exactly one id.
                    Some(ulid) if rest == Some(ulid.to_string().as_str()) => Ok(Self(text.to_owned())),
                    _ => Err(Invalid::new(concat!("must be an id of the form ", $prefix, "<26 characters>" $(, " or ", $other, "<26 characters>")?))),
                }
            }
        }

        impl_text_traits!($name, concat!("^" $(, "(?:", $other, "|")?, $prefix $(, id!(@close $other))?, "[0-7][0-9A-HJKMNP-TV-Z]{25}$"), 31);
    };
}

id! {
    /// The id of a session.
    SessionId, "sess_"
}
id! {
    /// The id of a handoff.
    HandoffId, "ho_"
}
id! {
    /// The id of a note. A memory has another prefix, so that notes and memories are two ranges of each index.
    NoteId, "note_" or "mem_"
}
id! {
    /// The id of a token.
    TokenId, "tok_"
}
id! {
    /// The id of a requirement.
    RequirementId, "req_"
}

id! {
    /// The id of a machine.
    MachineId, "mach_"
}

id! {
    /// The id of a message.
    MessageId, "msg_"
}

id! {
    /// The id of a delivery.
    DeliveryId, "dlv_"
}

id! {
    /// The id of a claim.
    ClaimId, "clm_"
}

id! {
    /// The id of a classification.
    ClassificationId, "cls_"
}

impl NoteId {
    /// Creates an id for a memory that is created at `now`. `random` supplies the 80 random bits.
    pub fn mint_memory(now: Timestamp, random: u128) -> Self {
        let note = Self::mint(now, random);
        let ulid = note.as_str().strip_prefix(Self::PREFIX).unwrap_or_default();
        Self(format!("{}{ulid}", Self::MEMORY_PREFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::NoteKind;

    #[test]
    fn ids_sort_by_creation_time() {
        let early = SessionId::mint(Timestamp::from_millis(1_000), u128::MAX);
        let late = SessionId::mint(Timestamp::from_millis(1_001), 0);
        assert!(early < late, "{early} {late}");
    }

    #[test]
    fn the_id_of_a_memory_sorts_before_those_of_notes() {
        let (note, memory) =
            (NoteId::mint(Timestamp::from_millis(0), 0), NoteId::mint_memory(Timestamp::from_millis(9), 9));
        assert!(memory < note && memory.as_str() < NoteId::PREFIX, "{memory} {note}");
        assert_eq!(memory.as_str().parse::<NoteId>(), Ok(memory.clone()));
        assert_eq!((note.kind(), memory.kind()), (NoteKind::Note, NoteKind::Memory));
        assert!("mem_".parse::<NoteId>().is_err());
    }

    #[test]
    fn an_id_has_one_canonical_form_and_one_type() {
        let id = HandoffId::mint(Timestamp::from_millis(1_795_248_000_123), 7);
        assert_eq!(id.as_str().parse::<HandoffId>(), Ok(id.clone()));
        assert!(id.as_str().to_lowercase().parse::<HandoffId>().is_err());
        assert!(id.as_str().parse::<SessionId>().is_err());
        assert!("ho_".parse::<HandoffId>().is_err() && "".parse::<HandoffId>().is_err());
    }
}
