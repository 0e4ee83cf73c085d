//! A message in the folder.

use deckwatch_protocol::{DeliveryId, Epoch, InboxItem, Message, Priority, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// The server that took a message: the epoch of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taker {
    /// The session.
    pub session_id: SessionId,
    /// The epoch in which the server speaks for it.
    pub epoch: Epoch,
}

/// A message that was taken from the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailItem {
    /// The delivery, which is reported.
    pub delivery_id: DeliveryId,
    /// The message. A sealed message is opened before it is put into the folder.
    pub message: Message,
    /// Whether another machine may have shown it.
    pub redelivered: bool,
    /// Whether a hook was killed while it showed it.
    #[serde(default)]
    pub may_have_been_shown: bool,
    /// The server that took it.
    pub taken_by: Taker,
    /// When it was taken, by the clock of this machine.
    pub taken_at: Timestamp,
}

impl MailItem {
    /// A message that the API has answered a take with.
    pub fn of(item: InboxItem, taken_by: Taker, taken_at: Timestamp) -> Self {
        let InboxItem { delivery_id, redelivered, message, .. } = item;
        Self { delivery_id, message, redelivered, may_have_been_shown: false, taken_by, taken_at }
    }

    /// The name of its file. The names sort in the order in which messages are shown.
    pub(super) fn file_name(&self) -> String {
        let order = match self.message.priority {
            Priority::Now => 0,
            Priority::Next => 1,
        };
        format!("{order}-{}.json", self.delivery_id)
    }
}
