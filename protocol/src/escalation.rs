//! Escalations: an agent stops work and asks someone who can decide.
//!
//! An escalation is a handoff with the status `blocked` whose `extra` has the reason in the field `escalation`.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::json::Extra;
use crate::violation::{Invalid, Violations, invalid_at};

/// Why an agent escalated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
// A tool's definition has the words only: they explain themselves, and every agent pays for the definition.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(description = ""))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum EscalationReason {
    /// A credential was not found within 2 minutes.
    #[deserr(rename = "credential")]
    Credential,
    /// The same error came three times.
    #[deserr(rename = "same_error")]
    SameError,
    /// The agent was blocked for 30 minutes on one problem.
    #[deserr(rename = "time_box")]
    TimeBox,
    /// Any other reason, such as a step that can't be undone or instructions that contradict each other.
    #[deserr(rename = "other")]
    Other,
}

impl EscalationReason {
    /// The name of the field in `extra`.
    pub const FIELD: &str = "escalation";
    /// Every reason.
    pub const ALL: &[Self] = &[Self::Credential, Self::SameError, Self::TimeBox, Self::Other];

    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::SameError => "same_error",
            Self::TimeBox => "time_box",
            Self::Other => "other",
        }
    }

    /// The reason with this value.
    pub fn of(value: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == value)
    }
}

impl From<EscalationReason> for Extra {
    /// The `extra` of a handoff that is an escalation.
    fn from(reason: EscalationReason) -> Self {
        let field = (EscalationReason::FIELD.to_owned(), reason.as_str().into());
        Self(std::iter::once(field).collect())
    }
}

/// Checks that `extra.escalation` of a handoff, if there is one, is a reason, and that the handoff is blocked. Otherwise the
/// figures could not count it.
pub(crate) fn check(extra: &Extra, is_blocked: bool, at: ValuePointerRef) -> Result<(), Violations> {
    let Some(value) = extra.0.get(EscalationReason::FIELD) else { return Ok(()) };
    let detail = if value.as_str().and_then(EscalationReason::of).is_none() {
        let reasons: Vec<&str> = EscalationReason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("must be one of {}", reasons.join(", "))
    } else if !is_blocked {
        "is only for a handoff with the status blocked".to_owned()
    } else {
        return Ok(());
    };
    Err(invalid_at(Invalid::new(detail), at.push_key("extra").push_key(EscalationReason::FIELD)))
}

/// The number of escalations, in total and by their reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Escalations {
    /// The number of escalations: blocked handoffs with a reason in `extra.escalation`.
    pub total: u32,
    /// Those because a credential was not found within 2 minutes.
    pub credential: u32,
    /// Those because the same error came three times.
    pub same_error: u32,
    /// Those because the agent was blocked for 30 minutes on one problem.
    pub time_box: u32,
    /// Those for any other reason.
    pub other: u32,
}

impl Escalations {
    /// Counts one escalation.
    pub fn add(&mut self, reason: EscalationReason) {
        self.total += 1;
        let of_reason = match reason {
            EscalationReason::Credential => &mut self.credential,
            EscalationReason::SameError => &mut self.same_error,
            EscalationReason::TimeBox => &mut self.time_box,
            EscalationReason::Other => &mut self.other,
        };
        *of_reason += 1;
    }
}
