//! Sends one write through the queue, or without it if it can't be stored, and says what happened to it.

use bytes::Bytes;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{RepoName, Timestamp};
use http::Response;

use super::Outbox;
use super::entry::Entry;
use super::folder::{Folder, StorageError, Ticket};
use super::pause::SendReason;
use super::turn::{self, OwnEntry, OwnResult, Turn};
use crate::api::{Api, ClientError};

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery<T> {
    /// The API recorded it. This is its response.
    Delivered(T),
    /// The API recorded it, but its response was lost. Do not repeat the write: the API would record it twice.
    ResponseLost(LostResponse),
    /// The write waits on this machine until the API can be reached. It is not recorded yet.
    Queued(Queued),
}

/// A recorded write whose response was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostResponse {
    /// Why there is no response.
    pub cause: String,
}

/// The state of a queued write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// How many older writes are sent before it.
    pub before: usize,
    /// Why it was not sent.
    pub cause: String,
    /// When the next automatic retry is due, if known.
    pub again_at: Option<Timestamp>,
    /// The repository whose venture is looked up when the write is sent, if the venture is not known now.
    pub venture_of: Option<RepoName>,
}

impl Outbox {
    /// Stores an entry, and sends the queue up to it. If the same write already waits, it is not stored again.
    pub(crate) async fn deliver(&self, api: &Api, entry: Entry) -> Result<Delivery<Response<Bytes>>, ClientError> {
        let entry = self.unconfirmed.with_first_key(entry, now());
        let stored = entry.clone();
        let (ticket, waits) = match self.on_disk(move |folder| folder.put(stored, now())).await.and_then(|put| put) {
            Ok(put) => put,
            Err(error) => return self.deliver_unstored(api, &entry, &error).await.map(Delivery::Delivered),
        };
        let own = OwnEntry { ticket, entry: &waits, is_new: waits == entry };
        let result = self.send_in_turn(api, own).await?;
        self.unconfirmed.forget(&entry);
        Ok(match result {
            OwnResult::Answered(response) => Delivery::Delivered(response),
            OwnResult::ResponseLost(cause) => Delivery::ResponseLost(LostResponse { cause }),
            OwnResult::Waits(cause) => Delivery::Queued(self.queued(ticket, &waits, cause).await),
        })
    }

    /// Sends the queue up to this entry when this process gets the lock. It waits at most 2 s for other processes.
    async fn send_in_turn(&self, api: &Api, own: OwnEntry<'_>) -> Result<OwnResult, ClientError> {
        const ATTEMPTS: u32 = 80;
        const BETWEEN_ATTEMPTS: std::time::Duration = std::time::Duration::from_millis(25);
        for _ in 0..ATTEMPTS {
            match Turn::take(self).await {
                Ok(Some(turn)) => match turn.send_all(api, SendReason::NewWrite, Some(own)).await.1 {
                    Some(own) => return own,
                    None => return self.result_from_other_process(api, own.entry).await,
                },
                Ok(None) => {
                    let (ticket, key) = (own.ticket, own.entry.idempotency_key.clone());
                    if !self.on_disk(move |folder| folder.holds(ticket, &key)).await.unwrap_or(true) {
                        return self.result_from_other_process(api, own.entry).await;
                    }
                }
                Err(error) => return Ok(OwnResult::Waits(error.to_string())),
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        Ok(OwnResult::Waits("another process on this machine is sending the queue".to_owned()))
    }

    /// Finds the result of an entry that another process removed from the queue. There are three cases: the API refused
    /// it, and it is set aside; another queue took it over; or the API recorded it, and repeats its response for the same
    /// key. In the last case the write is recorded, even if the response can't be read.
    async fn result_from_other_process(&self, api: &Api, entry: &Entry) -> Result<OwnResult, ClientError> {
        let (what, key) = (entry.what(), entry.idempotency_key.clone());
        let refused = self.on_disk(move |folder| folder.refusal_of(&key)).await;
        if let Some((reason, path)) = refused.map_err(|error| ClientError::failed(error.to_string()))? {
            return Err(ClientError::SetAside { what, reason, path });
        }
        let key = entry.idempotency_key.clone();
        if self.on_disk(move |folder| folder.is_taken_over(&key)).await.unwrap_or_default() {
            return Ok(OwnResult::Waits("an agent with another key of this API took it into its queue".to_owned()));
        }
        Ok(match turn::send(api, entry).await {
            Ok(response) => OwnResult::Answered(response),
            Err(error) => {
                let cause = turn::without_advice(&error);
                OwnResult::ResponseLost(format!(
                    "another process on this machine sent it, and the response is lost: {cause}"
                ))
            }
        })
    }

    async fn queued(&self, ticket: Ticket, entry: &Entry, cause: String) -> Queued {
        let before = self.on_disk(move |folder| folder.before(ticket)).await.unwrap_or_default();
        let pause = self.on_disk(Folder::pause).await.unwrap_or_default();
        let again_at = pause.map(|pause| pause.again_at);
        Queued { before, cause, again_at, venture_of: entry.venture_of.clone() }
    }

    /// Sends a write that can't be stored on disk. It does so only if no older entry waits.
    async fn deliver_unstored(
        &self,
        api: &Api,
        entry: &Entry,
        storage_error: &StorageError,
    ) -> Result<Response<Bytes>, ClientError> {
        let (what, storage_error) = (entry.what(), storage_error.to_string());
        let was_sent_before = self.unconfirmed.holds(entry);
        let not_sent = |cause: String| {
            let storage_error = storage_error.clone();
            if was_sent_before {
                ClientError::DeliveryUnknown { what, cause, storage_error }
            } else {
                ClientError::QueueFailed { what, cause, storage_error }
            }
        };
        let replayed = self.replay(api, SendReason::NewWrite).await;
        match self.on_disk(Folder::is_waiting).await.and_then(|is_waiting| is_waiting) {
            Ok(false) => {}
            Ok(true) => {
                let cause = replayed.stopped.unwrap_or_else(|| "another process is sending the queue".to_owned());
                return Err(not_sent(cause));
            }
            Err(_) => {
                return Err(not_sent(
                    "older writes may wait and must be sent first. Repair the disk or the folder".into(),
                ));
            }
        }
        self.unconfirmed.keep(entry);
        match turn::send(api, entry).await {
            Ok(response) => {
                self.unconfirmed.forget(entry);
                Ok(response)
            }
            Err(
                refused @ (ClientError::Refused(_)
                | ClientError::RefusedUnknown(_)
                | ClientError::HoldsSecret { .. }
                | ClientError::NoVenture { .. }),
            ) => {
                if !was_sent_before {
                    self.unconfirmed.forget(entry);
                }
                Err(refused)
            }
            // No connection was opened, so the API did not get the write.
            Err(ClientError::Unreachable { is_sent: false, .. }) if !was_sent_before => {
                self.unconfirmed.forget(entry);
                Err(not_sent("the API does not accept connections".to_owned()))
            }
            // A proxy may have forwarded the request and lost the response.
            Err(error) => {
                Err(ClientError::DeliveryUnknown { what, cause: turn::without_advice(&error), storage_error })
            }
        }
    }
}
