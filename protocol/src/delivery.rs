//! Deliveries: what happened to a message on its way to each recipient.

use serde::{Deserialize, Serialize};

use crate::id::DeliveryId;
use crate::time::Timestamp;

/// The status of a delivery. It is never ahead of the fact, and only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// The message waits for the agent.
    Queued,
    /// A process of the agent has taken it. If this process ends before it reports, the next one gets the message again.
    Offered,
    /// The model has seen the text: a hook or the answer of a tool has printed it.
    Surfaced,
    /// The agent has acknowledged it.
    Acknowledged,
    /// It was not delivered, for the reason in `reason`.
    Refused,
    /// It was not delivered in time.
    Expired,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: &[Self] =
        &[Self::Queued, Self::Offered, Self::Surfaced, Self::Acknowledged, Self::Refused, Self::Expired];

    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Offered => "offered",
            Self::Surfaced => "surfaced",
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }
}

/// The delivery of a message to one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// The id of the delivery.
    pub id: DeliveryId,
    /// The agent, or `human`.
    pub agent: String,
    /// The status.
    pub status: DeliveryStatus,
    /// Whether the message was taken again on another machine, so that the agent may see it twice.
    pub redelivered: bool,
    /// Whether the model has seen only the beginning of the text.
    pub partial: bool,
    /// Why it was refused: `owner_changed`, `key_unavailable` or another word of the recipient's program.
    pub reason: Option<String>,
    /// When the message was sent.
    pub queued_at: Timestamp,
    /// When it was last taken.
    pub offered_at: Option<Timestamp>,
    /// When the model saw it.
    pub surfaced_at: Option<Timestamp>,
    /// When the agent acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When it was refused or expired.
    pub ended_at: Option<Timestamp>,
}
