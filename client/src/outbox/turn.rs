//! Sends the queue, oldest entry first. Only the process with the lock sends.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{DayEnded, DayStarted, ErrorCode, Operation, RetryRule, Timestamp};
use http::Response;
use serde_json::{Value, json};

use super::entry::Entry;
use super::folder::{StorageError, Ticket};
use super::pause::{Pause, SendReason};
use super::recorded_day::recorded_day;
use super::{Outbox, earlier_keys, venture_lookup};
use crate::api::{Api, ApiRequest, ClientError, foreign, is_the_api, understand};

/// The limit of entries for one background run, so that it does not use up the actor's rate limit.
const MAX_PER_TURN: usize = 50;

/// How often the lock is tried: for 100 ms in total.
const LOCK_ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The result of sending the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many entries the API accepted.
    pub delivered: usize,
    /// How many entries the API refused. They are set aside.
    pub set_aside: usize,
    /// How many entries are too old to be sent without a person's decision.
    pub held: usize,
    /// How many entries wait until a person acts.
    pub parked: usize,
    /// Why the remaining entries still wait, if any remain.
    pub stopped: Option<String>,
    /// The wait in seconds that the API asks for, if any.
    pub asks: Option<u64>,
}

/// The result of the caller's entry.
pub(super) enum OwnResult {
    Answered(Response<Bytes>),
    /// It is recorded and out of the queue, but the response is lost for this reason.
    ResponseLost(String),
    /// It is still in the queue for this reason.
    Waits(String),
}

/// The entry that the caller put into the queue.
#[derive(Clone, Copy)]
pub(super) struct OwnEntry<'a> {
    pub(super) ticket: Ticket,
    pub(super) entry: &'a Entry,
    /// It was not in the queue before, so no caller was told that it is queued.
    pub(super) is_new: bool,
}

/// The lock of the sender. Dropping it releases the lock.
pub(super) struct Turn<'a> {
    outbox: &'a Outbox,
    _lock: File,
}

/// Whether to continue after an entry.
enum Next {
    Go,
    Stop,
}

impl<'a> Turn<'a> {
    /// `None` while another process or task has the lock. It retries briefly, because a cancelled sender can release the
    /// lock a little late.
    pub(super) async fn take(outbox: &'a Outbox) -> Result<Option<Self>, StorageError> {
        for _ in 0..LOCK_ATTEMPTS {
            if let Some(lock) = outbox.on_disk(super::Folder::turn).await?? {
                return Ok(Some(Self { outbox, _lock: lock }));
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        Ok(None)
    }

    /// Sends until the queue is empty or the API accepts no more. `own` is the caller's entry, whose response or refusal
    /// is returned. `None` if the entry was no longer in the queue.
    pub(super) async fn send_all(
        &self,
        api: &Api,
        reason: SendReason,
        own: Option<OwnEntry<'_>>,
    ) -> (Replayed, Option<Result<OwnResult, ClientError>>) {
        let before = self.outbox.on_disk(super::Folder::pause).await.unwrap_or_default();
        if let Some(pause) = before.as_ref().filter(|pause| pause.holds(reason, now())) {
            let waits = own.map(|_| Ok(OwnResult::Waits(pause.cause.clone())));
            return (Replayed { stopped: Some(pause.cause.clone()), ..Replayed::default() }, waits);
        }
        let (mut replayed, mut answer) = (Replayed::default(), None);
        while own.is_some() || replayed.delivered + replayed.parked < MAX_PER_TURN {
            // The caller's own entry is sent once, even if its next retry is not due.
            let own_ticket = own.filter(|_| answer.is_none()).map(|own| own.ticket);
            let first = self.outbox.on_disk(move |folder| folder.first(reason, own_ticket, now())).await;
            let (ticket, entry) = match first.and_then(|first| first) {
                Ok(Some(first)) => first,
                Ok(None) => break,
                Err(error) => {
                    replayed.stopped = Some(error.to_string());
                    break;
                }
            };
            // The number alone is not enough, because numbers restart after the queue was empty.
            let is_it = |own: &OwnEntry| own.ticket == ticket && own.entry.idempotency_key == entry.idempotency_key;
            let next = match own.filter(is_it) {
                Some(own) => self.send_own(api, own, entry, &mut replayed, &mut answer).await,
                None => self.send_one(api, ticket, entry, &mut replayed).await,
            };
            match next {
                Ok(Next::Go) => {}
                Ok(Next::Stop) => break,
                Err(error) => {
                    replayed.stopped = Some(error.to_string());
                    break;
                }
            }
        }
        let pause = replayed.stopped.clone().map(|cause| Pause::after(before, cause, replayed.asks, reason, now()));
        let _ = self.outbox.on_disk(move |folder| folder.set_pause(pause.as_ref())).await;
        if let (None, Some(OwnEntry { ticket, entry, .. })) = (&answer, own) {
            let key = entry.idempotency_key.clone();
            if self.outbox.on_disk(move |folder| folder.holds(ticket, &key)).await.unwrap_or(true) {
                let cause =
                    replayed.stopped.clone().unwrap_or_else(|| "the file of the entry can't be read".to_owned());
                answer = Some(Ok(OwnResult::Waits(cause)));
            }
        }
        (replayed, answer)
    }

    async fn send_own(
        &self,
        api: &Api,
        own: OwnEntry<'_>,
        entry: Entry,
        replayed: &mut Replayed,
        answer: &mut Option<Result<OwnResult, ClientError>>,
    ) -> Result<Next, StorageError> {
        match send(api, &entry).await {
            Ok(response) => {
                replayed.delivered += 1;
                *answer = Some(Ok(OwnResult::Answered(response)));
            }
            Err(error) => match Refusal::of(&error) {
                // The caller can act on the error.
                Some(refusal) if own.is_new || matches!(refusal, Refusal::ForGood { .. }) => {
                    *answer = Some(Err(error));
                }
                refusal => {
                    if matches!(refusal, Some(Refusal::UntilAPersonActs)) {
                        *answer = Some(Ok(OwnResult::Waits(without_advice(&error))));
                    }
                    return self.refused(own.ticket, entry, &error, replayed).await;
                }
            },
        }
        let ticket = own.ticket;
        self.outbox.on_disk(move |folder| folder.remove(ticket)).await??;
        Ok(Next::Go)
    }

    async fn send_one(
        &self,
        api: &Api,
        ticket: Ticket,
        entry: Entry,
        replayed: &mut Replayed,
    ) -> Result<Next, StorageError> {
        if entry.is_too_old(now()) {
            self.outbox.on_disk(move |folder| folder.hold(ticket)).await??;
            replayed.held += 1;
            return Ok(Next::Go);
        }
        match send(api, &entry).await {
            Ok(_) => {
                self.outbox.on_disk(move |folder| folder.remove(ticket)).await??;
                replayed.delivered += 1;
                Ok(Next::Go)
            }
            Err(error) => self.refused(ticket, entry, &error, replayed).await,
        }
    }

    /// Handles an entry that the API did not accept. If the API fails, is busy or sends an invalid response, the entry is
    /// not to blame: all entries wait, in order.
    async fn refused(
        &self,
        ticket: Ticket,
        entry: Entry,
        error: &ClientError,
        replayed: &mut Replayed,
    ) -> Result<Next, StorageError> {
        match Refusal::of(error) {
            Some(Refusal::ForGood { .. }) if entry.is_dropped_if_refused() => {
                log::info!("dropped a report about messages that the API refuses: {}", without_advice(error));
                self.outbox.on_disk(move |folder| folder.remove(ticket)).await??;
                Ok(Next::Go)
            }
            Some(Refusal::ForGood { reason, detail }) => {
                self.outbox.on_disk(move |folder| folder.set_aside(ticket, entry, &reason, &detail)).await??;
                replayed.set_aside += 1;
                Ok(Next::Go)
            }
            Some(Refusal::UntilAPersonActs) => {
                let parked = entry.parked(without_advice(error), now());
                self.outbox.on_disk(move |folder| folder.rewrite(ticket, &parked)).await??;
                replayed.parked += 1;
                Ok(Next::Go)
            }
            Some(Refusal::UntilAPersonActsForAll) | None => {
                replayed.stop(error);
                Ok(Next::Stop)
            }
        }
    }
}

/// A refusal of an entry by the API, as opposed to an outage.
enum Refusal {
    ForGood { reason: String, detail: String },
    UntilAPersonActs,
    UntilAPersonActsForAll,
}

impl Refusal {
    /// `None` for temporary errors, and for responses that are not from the API.
    fn of(error: &ClientError) -> Option<Self> {
        match error {
            ClientError::Refused(problem) => {
                Self::when(problem.code.retry_rule(), problem.code.as_str(), &problem.detail)
            }
            ClientError::RefusedUnknown(problem) => Self::when(problem.retry_rule(), &problem.code, &problem.detail),
            ClientError::NoVenture { .. } => Some(Self::UntilAPersonActs),
            ClientError::Unreachable { .. }
            | ClientError::HoldsSecret { .. }
            | ClientError::NotTheApi { .. }
            | ClientError::SetAside { .. }
            | ClientError::QueueFailed { .. }
            | ClientError::DeliveryUnknown { .. }
            | ClientError::Failed { .. } => None,
        }
    }

    fn when(again: RetryRule, code: &str, detail: &str) -> Option<Self> {
        match again {
            RetryRule::Never => Some(Self::ForGood { reason: code.to_owned(), detail: detail.to_owned() }),
            RetryRule::AfterIntervention => Some(Self::UntilAPersonActs),
            RetryRule::AfterInterventionForAll => Some(Self::UntilAPersonActsForAll),
            RetryRule::Later => None,
        }
    }
}

impl Replayed {
    fn stop(&mut self, error: &ClientError) {
        self.stopped = Some(without_advice(error));
        self.asks = error.retry_after_seconds();
    }
}

/// The error without its advice. The advice to try again is wrong for a write that is queued or recorded.
pub(super) fn without_advice(error: &ClientError) -> String {
    match error {
        ClientError::NotTheApi { status, .. } => {
            format!("a proxy or another service answered instead of the Context API, with status {status}")
        }
        ClientError::Unreachable { endpoint, cause, .. } => {
            format!("can't reach the Context API at {endpoint}: {cause}")
        }
        ClientError::Failed { detail, correlation_id, .. } => {
            let id = correlation_id.as_ref().map_or(String::new(), |id| format!(" [{id}]"));
            format!("the Context API failed: {}{id}", first_sentence(detail))
        }
        ClientError::Refused(problem) => {
            let (code, detail) = (problem.code.as_str(), first_sentence(&problem.detail));
            format!("the Context API refused ({code}): {detail} [{}]", problem.correlation_id)
        }
        ClientError::RefusedUnknown(problem) => {
            let (code, detail) = (&problem.code, first_sentence(&problem.detail));
            format!("the Context API refused ({code}): {detail} [{}]", problem.correlation_id)
        }
        ClientError::NoVenture { repo } => format!("the repository {repo} does not belong to any venture"),
        error => error.to_string(),
    }
}

/// The first sentence of the API's `detail` says what happened. The advice follows after it.
fn first_sentence(detail: &str) -> &str {
    detail.find(". ").and_then(|end| detail.get(..=end)).unwrap_or(detail)
}

/// Sends one entry. Only a response of the API itself counts.
pub(crate) async fn send(api: &Api, entry: &Entry) -> Result<Response<Bytes>, ClientError> {
    if let Some(repo) = &entry.venture_of {
        let complete = venture_lookup::with_venture(api, entry, repo).await?;
        return Box::pin(send(api, &complete)).await;
    }
    if let Some(answer) = earlier_keys::recorded(api, entry).await? {
        return Ok(answer);
    }
    let key = entry.idempotency_key.as_str();
    let operation = entry.operation()?;
    let Some(start) = &entry.start else { return send_checked(api, entry.ask()?).await };
    let content = entry.content()?;
    if content.get("session_id").is_some() {
        match send_checked(api, entry.ask()?).await {
            // The session had already ended with a different handoff, so this one is not recorded yet.
            Ok(answer) if !is_recorded_in(&answer, entry) => {}
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::SessionNotFound => {}
            answered => return answered,
        }
    }
    if content.get("session_id").is_none()
        && let Some(written) = entry.written_handoff()
        && let Some(day) = recorded_day(api, &written).await?
    {
        return earlier_keys::response_with(&day);
    }
    let start = ApiRequest::with_key(Operation::StartDay, "", start.clone(), &format!("{key}-start"));
    let started: DayStarted = understand(send_checked(api, start).await?)?;
    let body = in_session(content, &started, entry.queued_at);
    send_checked(api, ApiRequest::with_key(operation, "", body.to_string(), &format!("{key}-end"))).await
}

/// Puts the id of the found or started session into the end of day. A session that began after the handoff was written
/// belongs to a later day, so it stays open.
fn in_session(mut content: Value, started: &DayStarted, queued_at: Timestamp) -> Value {
    if let Some(fields) = content.as_object_mut() {
        fields.insert("session_id".to_owned(), json!(started.session.id));
        let is_of_a_later_day =
            started.outcome == deckwatch_protocol::DayOutcome::Resumed && started.session.created_at > queued_at;
        if is_of_a_later_day {
            fields.insert("keep_open".to_owned(), json!(true));
        }
    }
    content
}

/// Whether the answer to an end of day contains the handoff of this entry. An answer of a newer API, or an entry of a newer
/// Deckwatch, may have a form that this version can't read. Then the handoff counts as recorded.
fn is_recorded_in(answer: &Response<Bytes>, entry: &Entry) -> bool {
    match (serde_json::from_slice::<DayEnded>(answer.body()), entry.handoff()) {
        (Ok(day), Some(handoff)) => handoff.is_recorded_as(&day.handoff),
        _ => true,
    }
}

async fn send_checked(api: &Api, ask: ApiRequest) -> Result<Response<Bytes>, ClientError> {
    let response = api.exchange(&ask).await?;
    match (response.status().is_success(), is_the_api(&response)) {
        (true, true) => Ok(response),
        (true, false) => Err(foreign(&response)),
        (false, _) => {
            let error = understand::<Value>(response).err();
            Err(error.unwrap_or_else(|| ClientError::failed("the API refused the request without a reason")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bounds;
    use super::*;

    #[tokio::test]
    async fn the_lock_is_retried_for_a_short_time_only() {
        let home = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(home.path(), "endpoint", "actor", Bounds::default());
        let held = outbox.folder.turn().unwrap().unwrap();
        assert!(Turn::take(&outbox).await.unwrap().is_none());
        let ending = async {
            tokio::time::sleep(BETWEEN_ATTEMPTS * 2).await;
            drop(held);
        };
        assert!(tokio::join!(Turn::take(&outbox), ending).0.unwrap().is_some());
    }
}
