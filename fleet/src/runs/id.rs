//! The id of a run.

use std::fmt;
use std::str::FromStr;

use deckwatch_machine::clock;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use ulid::Ulid;

const PREFIX: &str = "run_";

/// The id of a run: `run_` and a ULID. The machine that asks for a run chooses the id, so that a request that is repeated
/// after a lost answer starts no second agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The text is not the id of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be the id of a run, such as run_01JD8M7T1K0000000000000000")]
pub struct InvalidRunId;

impl RunId {
    /// A new id.
    pub fn mint() -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let millis = u64::try_from(clock::now().as_millis()).unwrap_or_default();
        Ok(Self(format!("{PREFIX}{}", Ulid::from_parts(millis, u128::from_be_bytes(random)))))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    /// Only the canonical form is accepted, because the id is the name of a folder.
    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let ulid = text.strip_prefix(PREFIX).ok_or(InvalidRunId)?;
        let parsed = Ulid::from_string(ulid).map_err(|_| InvalidRunId)?;
        if parsed.to_string() == ulid { Ok(Self(text.to_owned())) } else { Err(InvalidRunId) }
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = RunId::mint().unwrap();
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert!(RunId::mint().unwrap() != id);
        let lower = id.as_str().to_lowercase();
        for text in ["", "run_", "../../x", "run_../..", &lower, &id.as_str()[4..], "run_81JD8M7T1K00000000000000000"] {
            assert_eq!(text.parse::<RunId>(), Err(InvalidRunId), "{text}");
        }
    }
}
