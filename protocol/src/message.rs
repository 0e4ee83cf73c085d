//! Messages between agents of a venture, on any machines and of any make.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::delivery::{Delivery, DeliveryStatus};
use crate::id::{DeliveryId, HandoffId, MessageId, SessionId};
use crate::number::{Epoch, ExpirySeconds};
use crate::person::{PersonName, Speaker};
use crate::recipient::{Address, Recipient, check_number};
use crate::sealed::Sealed;
use crate::text::{VentureCode, impl_text_traits, length, text};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum MessageKind {
    /// Information that needs no reply.
    Note,
    /// A question.
    Question,
    /// The answer to a question.
    Answer,
    /// A request to do something. The message of a handoff is one.
    Request,
    /// The refusal of a request.
    Decline,
    /// The state of something. The engine sends one if a message was refused or has expired.
    Status,
    /// Something that needs attention.
    Alert,
}

impl MessageKind {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Request => "request",
            Self::Decline => "decline",
            Self::Status => "status",
            Self::Alert => "alert",
        }
    }
}

/// When a message reaches its recipient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum Priority {
    /// At the next turn of the agent.
    #[default]
    Next,
    /// At the next turn too, also while the agent does not want to be disturbed or only counts its messages. A session with
    /// the mode `off` does not get it either.
    Now,
}

impl Priority {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Now => "now",
        }
    }
}

text! {
    /// The subject of a message: one line.
    MessageSubject, max 200, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", |text| {
        let one_line = !text.contains(char::is_control);
        one_line.then_some(()).ok_or(Invalid::new("must be one line without control characters"))
    }
}
text! {
    /// The text of a message. It has at most 32 KiB as UTF-8.
    MessageBody, max 32_768, pattern r"^[^\u0000]+$", |text| {
        if text.contains('\0') {
            return Err(Invalid::new("must not contain the NUL character"));
        }
        (text.len() <= 32_768).then_some(()).ok_or(Invalid::new("must have at most 32 KiB as UTF-8"))
    }
}

/// Sends a message. The sender is the agent of the session. A person gives no session and no epoch, and names the venture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = SendMessage::checked -> Violations)]
pub struct SendMessage {
    /// The session of the sender, if it is an agent. The session may have ended.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The epoch of the sender. A message is recorded whatever the epoch.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The venture, if a person sends the message: with an admin key, or with a token that has the scope `human`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The name of the person, for an admin key. The default is `admin`. A token with the scope `human` has a name, so this
    /// one does not count.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// Who gets the message: up to 50 recipients, of which up to 8 are groups. It reaches at most 200 agents.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = Recipient::MAX_NAMED)))]
    pub to: Vec<Recipient>,
    /// What the message is.
    pub kind: MessageKind,
    /// The subject. It must be `null` in a sealed message.
    #[deserr(default)]
    #[serde(default)]
    pub subject: Option<MessageSubject>,
    /// The text. It is required, and must be `null` in a sealed message.
    #[deserr(default)]
    #[serde(default)]
    pub body: Option<MessageBody>,
    /// The message that this one replies to. The sender must be its sender or one of its recipients.
    #[deserr(default)]
    #[serde(default)]
    pub reply_to: Option<MessageId>,
    /// When the message reaches its recipients.
    #[deserr(default)]
    #[serde(default)]
    pub priority: Priority,
    /// After how many seconds the message expires. A message that has expired is not delivered, and its sender is told.
    #[deserr(default)]
    #[serde(default)]
    pub expires_in_seconds: ExpirySeconds,
    /// Whether the recipient is asked to acknowledge the message.
    #[deserr(default)]
    #[serde(default)]
    pub ack_required: bool,
    /// The encrypted text, with a key for each recipient.
    #[deserr(default)]
    #[serde(default)]
    pub sealed: Option<Sealed>,
}

impl SendMessage {
    fn checked(self, _: ValuePointerRef) -> Result<Self, Violations> {
        let speaker = self.speaker()?.check_epoch(self.epoch.is_some())?;
        if self.name.is_some() && speaker.session().is_some() {
            return Err(Violations::at("/name", "must not be given with a session, whose agent is the sender"));
        }
        check_number(&self.to).map_err(|invalid| Violations::at("/to", invalid.0))?;
        let has_human = self.to.iter().any(|to| to.address() == Address::Human);
        match (&self.sealed, &self.body) {
            (None, None) => Err(Violations::at("/body", "is required in a message that is not sealed")),
            (Some(_), Some(_)) => Err(Violations::at("/body", "must be null in a sealed message")),
            (Some(_), None) if self.subject.is_some() => {
                Err(Violations::at("/subject", "must be null in a sealed message, because it is not encrypted"))
            }
            (Some(_), None) if has_human => Err(Violations::at("/to", "must not name `human` in a sealed message")),
            _ => Ok(self),
        }
    }

    /// Who sends the message.
    pub fn speaker(&self) -> Result<Speaker<'_>, Violations> {
        Speaker::of(self.session_id.as_ref(), self.venture.as_ref())
    }
}

/// A message that was sent, with its recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentMessage {
    /// The id of the message.
    pub id: MessageId,
    /// The number of the message. A later message has a higher one.
    pub seq: u64,
    /// The venture of the sender.
    pub venture: VentureCode,
    /// The sender: the name of the agent, or `human:<name>`.
    pub from: String,
    /// When the message was recorded.
    pub sent_at: Timestamp,
    /// The agents that get the message. They were resolved once, when it was recorded. Shows up to 50, by name.
    pub recipients: SentTo,
}

/// The agents that get a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentTo {
    /// The number of agents.
    pub total: u32,
    /// The number of agents in `items`.
    pub shown: u32,
    /// The first of them.
    pub items: Vec<SentDelivery>,
}

/// The delivery of a message to one agent, when it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentDelivery {
    /// The id of the delivery.
    pub delivery_id: DeliveryId,
    /// The agent, or `human`.
    pub agent: String,
    /// The status of the delivery.
    pub status: DeliveryStatus,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// The id of the message.
    pub id: MessageId,
    /// The number of the message. A later message has a higher one.
    pub seq: u64,
    /// The venture of the message.
    pub venture: VentureCode,
    /// The sender: the name of an agent, or `human:<name>`. A status message of the engine is from `deckwatch`.
    pub from: String,
    /// The recipients, as the sender wrote them.
    pub to: Vec<Recipient>,
    /// What the message is.
    pub kind: MessageKind,
    /// The subject.
    pub subject: Option<String>,
    /// The text. `null` if the message is sealed.
    pub body: Option<String>,
    /// The message that this one replies to.
    pub reply_to: Option<MessageId>,
    /// When the message reaches its recipients.
    pub priority: Priority,
    /// Whether the recipient is asked to acknowledge the message.
    pub ack_required: bool,
    /// The encrypted text.
    pub sealed: Option<Sealed>,
    /// The handoff that the message is about. Its body is then the summary of the handoff.
    pub handoff_id: Option<HandoffId>,
    /// When the message was recorded.
    pub sent_at: Timestamp,
    /// When the message expires.
    pub expires_at: Timestamp,
}

impl Message {
    /// The sender of the messages of the engine.
    pub const ENGINE: &str = "deckwatch";
    /// For how many days a message is kept after the last final status of its deliveries.
    pub const KEPT_DAYS: i64 = 30;
    /// How many messages an agent or a person may send in a minute.
    pub const MAX_PER_MINUTE: u32 = 60;
    /// How many of them may go to `@all`.
    pub const MAX_TO_ALL_PER_MINUTE: u32 = 6;
}

/// A message with the state of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageRecord {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// The deliveries, by the name of the agent.
    pub deliveries: Vec<Delivery>,
}
