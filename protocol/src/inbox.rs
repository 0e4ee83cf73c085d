//! The inbox of an agent: what waits for it, what its process takes, and what it reports.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::delivery::DeliveryStatus;
use crate::fence::Fence;
use crate::id::{DeliveryId, SessionId};
use crate::message::Message;
use crate::number::{Epoch, TakeLimit};
use crate::page::{Cursor, Limit, in_query};
use crate::person::Speaker;
use crate::text::{Agent, VentureCode, impl_text_traits, length, text};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// A message that waits for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InboxItem {
    /// The id of the delivery. A report names it.
    pub delivery_id: DeliveryId,
    /// The status of the delivery.
    pub status: DeliveryStatus,
    /// Whether the message was taken before on another machine, so that the agent may have seen it.
    pub redelivered: bool,
    /// The message.
    pub message: Message,
}

/// Selects the inbox that `list_inbox` shows: the messages that were not shown to the model yet, oldest first.
#[derive(Debug, Clone, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct InboxFilter {
    /// The venture.
    pub venture: VentureCode,
    /// The agent, or `human` for the messages to people.
    pub agent: Agent,
    /// The number of messages on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// Takes the messages that wait for the agent of the session. Its process then shows them and reports that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct TakeInbox {
    /// The session.
    pub session_id: SessionId,
    /// The epoch of the session.
    pub epoch: Epoch,
    /// The maximum number of messages.
    #[deserr(default)]
    #[serde(default)]
    pub limit: TakeLimit,
    /// True to get also what this epoch has taken and not reported, the newest first, because an answer was lost.
    #[deserr(default)]
    #[serde(default)]
    pub again: bool,
}

impl TakeInbox {
    /// The session and the epoch.
    pub fn fence(&self) -> Fence {
        Fence { session_id: self.session_id.clone(), epoch: self.epoch }
    }
}

/// The messages that a process has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TakenInbox {
    /// The messages, in the order in which they were sent.
    pub items: Vec<InboxItem>,
    /// How many more messages wait that this session counts. It is exact up to 100.
    pub waiting: u32,
    /// True if `waiting` is only a lower bound. Absent if it is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting_is_minimum: bool,
}

/// What a process reports about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum ReportedStatus {
    /// The model has seen the text.
    Surfaced,
    /// The agent has acknowledged it.
    Acknowledged,
    /// The process can't show it, for the reason in `reason`.
    Refused,
}

text! {
    /// Why a message can't be shown, such as `key_unavailable`.
    RefusalReason, max 50, pattern r"^[a-z][a-z0-9_]*$", |text| {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(word);
        good.then_some(()).ok_or(Invalid::new("must be lower-case letters, digits or _, starting with a letter"))
    }
}

/// The report about one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = DeliveryReport::checked -> Violations)]
pub struct DeliveryReport {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// What happened.
    pub status: ReportedStatus,
    /// When it happened, by the clock of the machine.
    pub at: Timestamp,
    /// Whether the model has seen only the beginning of the text.
    #[deserr(default)]
    #[serde(default)]
    pub partial: bool,
    /// Why it is refused. Required if the status is `refused`.
    #[deserr(default)]
    #[serde(default)]
    pub reason: Option<RefusalReason>,
}

impl DeliveryReport {
    fn checked(self, at: ValuePointerRef) -> Result<Self, Violations> {
        if self.status == ReportedStatus::Refused && self.reason.is_none() {
            return Err(crate::violation::invalid_at(Invalid::new("must have a reason if the status is refused"), at));
        }
        Ok(self)
    }
}

/// Reports what happened to deliveries. A person gives no session and no epoch, names the venture, and reports what a person has
/// read of the messages to `human`. A report that was made before changes nothing, and no status goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = ReportInbox::checked -> Violations)]
pub struct ReportInbox {
    /// The session of the agent.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The epoch of the session.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The venture, if a person reports: with an admin key, or with a token that has the scope `human`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The reports: at most 50, one for each delivery.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = ReportInbox::MAX_ITEMS)))]
    pub items: Vec<DeliveryReport>,
}

impl ReportInbox {
    /// The maximum number of reports in a request.
    pub const MAX_ITEMS: usize = 50;

    fn checked(self, at: ValuePointerRef) -> Result<Self, Violations> {
        self.speaker()?.check_epoch(self.epoch.is_some())?;
        at_most(at, &[("items", self.items.len(), Self::MAX_ITEMS)])?;
        let mut ids: Vec<&str> = self.items.iter().map(|item| item.delivery_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        match (self.items.is_empty(), ids.len() == self.items.len()) {
            (true, _) => Err(Violations::at("/items", "must have at least 1 item")),
            (_, false) => Err(Violations::at("/items", "must name each delivery once")),
            _ => Ok(self),
        }
    }

    /// Who reports.
    pub fn speaker(&self) -> Result<Speaker<'_>, Violations> {
        Speaker::of(self.session_id.as_ref(), self.venture.as_ref())
    }

    /// The session and the epoch, if an agent reports.
    pub fn fence(&self) -> Option<Fence> {
        Some(Fence { session_id: self.session_id.clone()?, epoch: self.epoch? })
    }
}

/// The status of the reported deliveries after the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedInbox {
    /// One entry for each delivery, by id.
    pub items: Vec<ReportedDelivery>,
}

/// The status of a delivery after a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedDelivery {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Its status. `null` if the mailbox has no such delivery, for example because it was deleted.
    pub status: Option<DeliveryStatus>,
}
