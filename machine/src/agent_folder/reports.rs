//! What was shown: recorded by a hook, reported to the API by the server.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::{DeliveryId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AgentFolder, MailItem, files};
use crate::clock::now;

/// How many reported deliveries are remembered. A mailbox has at most 50 that can come again.
const MAX_REPORTED: usize = 500;
/// How many messages of which only the beginning was shown are kept.
const MAX_PARTIAL: usize = 50;

/// What was shown of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// When it was shown, by the clock of this machine.
    pub at: Timestamp,
    /// Whether only its beginning was shown.
    pub partial: bool,
}

impl AgentFolder {
    /// What was shown and is not reported yet, oldest first.
    pub fn shown(&self) -> io::Result<Vec<Shown>> {
        let mut shown = Vec::new();
        for name in files::names(&self.path.join("shown"))? {
            let path = self.file("shown", &name);
            match files::read_json(&path)? {
                Some(one) => shown.push(one),
                // A damaged file: the API offers the message again.
                None => files::remove(&path)?,
            }
        }
        Ok(shown)
    }

    /// Remembers that these were reported, so that they are not shown again. One that has changed in the meantime, because the
    /// rest of its message was shown, is still to be reported.
    pub fn reported(&self, all: &[Shown]) -> io::Result<()> {
        for one in all {
            let file = self.shown_file(&one.delivery_id);
            if files::read_json(&file)?.as_ref() == Some(one) {
                files::ignoring_absence(std::fs::rename(file, self.reported_file(&one.delivery_id)))?;
            }
        }
        self.remove_oldest("reported", MAX_REPORTED)?;
        self.remove_oldest("partial", MAX_PARTIAL)
    }

    /// A message of which only the beginning was shown.
    pub fn partly_shown(&self, message: &MessageId) -> io::Result<Option<MailItem>> {
        files::read_json(&self.partial_file(message))
    }

    /// Records that the rest of a message was shown.
    pub fn wholly_shown(&self, delivery_id: &DeliveryId, message: &MessageId) -> io::Result<()> {
        let shown = Shown { delivery_id: delivery_id.clone(), at: now(), partial: false };
        files::replace_json(&self.shown_file(delivery_id), &shown)?;
        files::remove(&self.partial_file(message))
    }

    pub(super) fn shown_file(&self, id: &DeliveryId) -> PathBuf {
        self.file("shown", &format!("{id}.json"))
    }

    pub(super) fn reported_file(&self, id: &DeliveryId) -> PathBuf {
        self.file("reported", &format!("{id}.json"))
    }

    pub(super) fn partial_file(&self, id: &MessageId) -> PathBuf {
        self.file("partial", &format!("{id}.json"))
    }

    /// Keeps the newest files of a folder. Ids sort by time.
    fn remove_oldest(&self, folder: &str, kept: usize) -> io::Result<()> {
        let names = files::names(&self.path.join(folder))?;
        let old = names.len().saturating_sub(kept);
        names.iter().take(old).try_for_each(|name| files::remove(&self.file(folder, name)))
    }
}
