//! Sending what waits, oldest first, by the one who has the turn.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{Again, DayEnded, DayStarted, ErrorCode, HandoffFilter, Operation, Timestamp};
use http::Response;
use serde_json::{Value, json};

use super::entry::Entry;
use super::folder::{Ticket, Unkept};
use super::pause::{Occasion, Pause};
use super::{Outbox, place};
use crate::api::{Api, Ask, ClientError, foreign, is_the_api, understand};
use crate::clock::now;

/// What is sent in one turn that nobody waits for, so that the actor's rate is not used up.
const MOST_IN_A_TURN: usize = 50;

/// How often, and after what pause, a turn is asked for: 100 ms in all.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// What became of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many the API took.
    pub delivered: usize,
    /// How many it refused; they are set aside.
    pub set_aside: usize,
    /// How many are too old to be sent without a human's word.
    pub held: usize,
    /// How many wait until a person has acted.
    pub parked: usize,
    /// Why the rest still waits, if there is a rest.
    pub stopped: Option<String>,
    /// How many seconds the API asks to wait, if it does.
    pub asks: Option<u64>,
}

/// What became of the entry that the caller put in.
pub(super) enum OwnEntry {
    Answered(Response<Bytes>),
    /// It is out of the queue and recorded, and for this reason nobody here knows the answer.
    Taken(String),
    /// It is still in the queue, for this reason.
    Waits(String),
}

/// The entry that the caller put in.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) ticket: Ticket,
    pub(super) entry: &'a Entry,
    /// It did not wait before: nobody was promised that it is sent later.
    pub(super) is_new: bool,
}

/// The right to send, as long as this lives.
pub(super) struct Turn<'a> {
    outbox: &'a Outbox,
    _lock: File,
}

/// What to do after an entry.
enum Next {
    Go,
    Stop,
}

impl<'a> Turn<'a> {
    /// `None` while another has it. One that was cut off may have it for a moment longer.
    pub(super) async fn take(outbox: &'a Outbox) -> Result<Option<Self>, Unkept> {
        for _ in 0..TRIES {
            if let Some(lock) = outbox.on_disk(super::Folder::turn).await?? {
                return Ok(Some(Self { outbox, _lock: lock }));
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Ok(None)
    }

    /// Sends until the queue is empty or the API does not take any more. `own` is the caller's entry:
    /// its answer, or its refusal, goes to the caller. `None` when it was not in the queue any more.
    pub(super) async fn send_all(
        &self,
        api: &Api,
        occasion: Occasion,
        own: Option<Own<'_>>,
    ) -> (Replayed, Option<Result<OwnEntry, ClientError>>) {
        let before = self.outbox.on_disk(super::Folder::pause).await.unwrap_or_default();
        if let Some(pause) = before.as_ref().filter(|pause| pause.holds(occasion, now())) {
            let waits = own.map(|_| Ok(OwnEntry::Waits(pause.cause.clone())));
            return (Replayed { stopped: Some(pause.cause.clone()), ..Replayed::default() }, waits);
        }
        let (mut replayed, mut answer) = (Replayed::default(), None);
        while own.is_some() || replayed.delivered + replayed.parked < MOST_IN_A_TURN {
            // Whoever has just written it does not wait for its next try, once.
            let own_ticket = own.filter(|_| answer.is_none()).map(|own| own.ticket);
            let first = self.outbox.on_disk(move |folder| folder.first(occasion, own_ticket, now())).await;
            let (ticket, entry) = match first.and_then(|first| first) {
                Ok(Some(first)) => first,
                Ok(None) => break,
                Err(unkept) => {
                    replayed.stopped = Some(unkept.to_string());
                    break;
                }
            };
            // The number alone is not enough: numbers start again when the queue has been empty.
            let is_it = |own: &Own| own.ticket == ticket && own.entry.idempotency_key == entry.idempotency_key;
            let next = match own.filter(is_it) {
                Some(own) => self.send_own(api, own, entry, &mut replayed, &mut answer).await,
                None => self.send_one(api, ticket, entry, &mut replayed).await,
            };
            match next {
                Ok(Next::Go) => {}
                Ok(Next::Stop) => break,
                Err(unkept) => {
                    replayed.stopped = Some(unkept.to_string());
                    break;
                }
            }
        }
        let pause = replayed.stopped.clone().map(|cause| Pause::after(before, cause, replayed.asks, occasion, now()));
        let _ = self.outbox.on_disk(move |folder| folder.set_pause(pause.as_ref())).await;
        if let (None, Some(Own { ticket, entry, .. })) = (&answer, own) {
            let key = entry.idempotency_key.clone();
            if self.outbox.on_disk(move |folder| folder.holds(ticket, &key)).await.unwrap_or(true) {
                let cause = replayed.stopped.clone().unwrap_or_else(|| "its file can't be read".to_owned());
                answer = Some(Ok(OwnEntry::Waits(cause)));
            }
        }
        (replayed, answer)
    }

    async fn send_own(
        &self,
        api: &Api,
        own: Own<'_>,
        entry: Entry,
        replayed: &mut Replayed,
        answer: &mut Option<Result<OwnEntry, ClientError>>,
    ) -> Result<Next, Unkept> {
        match send(api, &entry).await {
            Ok(response) => {
                replayed.delivered += 1;
                *answer = Some(Ok(OwnEntry::Answered(response)));
            }
            Err(error) => match Refusal::of(&error) {
                // Whoever has just written it can act on it.
                Some(refusal) if own.is_new || matches!(refusal, Refusal::ForGood { .. }) => {
                    *answer = Some(Err(error));
                }
                refusal => {
                    if matches!(refusal, Some(Refusal::UntilAPersonActs)) {
                        *answer = Some(Ok(OwnEntry::Waits(without_advice(&error))));
                    }
                    return self.refused(own.ticket, entry, &error, replayed).await;
                }
            },
        }
        let ticket = own.ticket;
        self.outbox.on_disk(move |folder| folder.remove(ticket)).await??;
        Ok(Next::Go)
    }

    async fn send_one(&self, api: &Api, ticket: Ticket, entry: Entry, replayed: &mut Replayed) -> Result<Next, Unkept> {
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

    /// What becomes of an entry that was not taken. An API that fails, is busy or can't be understood never makes an
    /// entry the reason, however often: everything waits, in order.
    async fn refused(
        &self,
        ticket: Ticket,
        entry: Entry,
        error: &ClientError,
        replayed: &mut Replayed,
    ) -> Result<Next, Unkept> {
        match Refusal::of(error) {
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

/// A refusal of an entry by the API itself.
enum Refusal {
    ForGood { reason: String, detail: String },
    UntilAPersonActs,
    UntilAPersonActsForAll,
}

impl Refusal {
    /// `None` for what passes by itself, and for what is not the API's word.
    fn of(error: &ClientError) -> Option<Self> {
        match error {
            ClientError::Refused(problem) => Self::when(problem.code.again(), problem.code.as_str(), &problem.detail),
            ClientError::RefusedUnknown(problem) => Self::when(problem.again(), &problem.code, &problem.detail),
            ClientError::NoVenture { .. } => Some(Self::UntilAPersonActs),
            ClientError::Unreachable { .. }
            | ClientError::HoldsSecret { .. }
            | ClientError::Foreign { .. }
            | ClientError::SetAside { .. }
            | ClientError::NotKept { .. }
            | ClientError::Unsure { .. }
            | ClientError::Failed { .. } => None,
        }
    }

    fn when(again: Again, code: &str, detail: &str) -> Option<Self> {
        match again {
            Again::Never => Some(Self::ForGood { reason: code.to_owned(), detail: detail.to_owned() }),
            Again::AfterAPerson => Some(Self::UntilAPersonActs),
            Again::AfterAPersonForAll => Some(Self::UntilAPersonActsForAll),
            Again::Later => None,
        }
    }
}

impl Replayed {
    fn stop(&mut self, error: &ClientError) {
        self.stopped = Some(without_advice(error));
        self.asks = error.retry_after_seconds();
    }
}

/// What happened, without what to do: nobody shall try again what waits, or has happened.
pub(super) fn without_advice(error: &ClientError) -> String {
    match error {
        ClientError::Foreign { status, .. } => {
            format!("something in between answered in the place of the Context API, with status {status}")
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
        ClientError::NoVenture { repo } => format!("no venture has the repository {repo}"),
        error => error.to_string(),
    }
}

/// Our details say what happened first, and what to do after it.
fn first_sentence(detail: &str) -> &str {
    detail.find(". ").and_then(|end| detail.get(..=end)).unwrap_or(detail)
}

/// Sends one entry. An answer counts only when it is the API's.
pub(super) async fn send(api: &Api, entry: &Entry) -> Result<Response<Bytes>, ClientError> {
    if let Some(repo) = &entry.venture_of {
        let placed = place::placed(api, entry, repo).await?;
        return Box::pin(send(api, &placed)).await;
    }
    let key = entry.idempotency_key.as_str();
    let operation = entry.operation()?;
    let Some(start) = &entry.start else { return answered(api, entry.ask()?).await };
    let content = entry.content()?;
    if content.get("session_id").is_some() {
        match answered(api, entry.ask()?).await {
            // The session had ended with another handoff: this one is not recorded yet.
            Ok(answer) if !says_the_same(&content, &answer) => {}
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::SessionNotFound => {}
            answered => return answered,
        }
    }
    if content.get("session_id").is_none()
        && let Some(answer) = recorded_before(api, entry, &content).await?
    {
        return Ok(answer);
    }
    let start = Ask::again(Operation::StartDay, "", start.clone(), &format!("{key}-start"));
    let started: DayStarted = understand(answered(api, start).await?)?;
    let body = in_session(content, &started, entry.queued_at);
    answered(api, Ask::again(operation, "", body.to_string(), &format!("{key}-end"))).await
}

/// The answer to the same handoff when it was recorded shortly before: a process that is killed between the
/// answer and its last word gives it again, and the next one does not know the session.
async fn recorded_before(api: &Api, entry: &Entry, content: &Value) -> Result<Option<Response<Bytes>>, ClientError> {
    const SHORTLY_SECONDS: u64 = 60 * 60;
    let Some(agent) = entry.agent.as_ref().and_then(|agent| agent.parse().ok()) else { return Ok(None) };
    let filter = HandoffFilter { from_agent: Some(agent), limit: 1.try_into().ok(), ..HandoffFilter::default() };
    let Some(newest) = api.list_handoffs(&filter).await?.items.into_iter().next() else { return Ok(None) };
    if entry.queued_at.seconds_since(newest.created_at) > SHORTLY_SECONDS {
        return Ok(None);
    }
    let (handoff, session) = (api.get_handoff(&newest.id).await?, api.get_session(&newest.session_id).await?);
    let start = entry.start()?.unwrap_or_default();
    let same_place =
        start.get("repo") == Some(&json!(handoff.repo)) && start.get("venture") == Some(&json!(handoff.venture));
    let is_final = session.final_handoff_id.as_ref() == Some(&handoff.id);
    let correlation_id = handoff.creation_correlation_id.clone();
    let day = serde_json::to_vec(&DayEnded { session, handoff, correlation_id });
    let answer = Response::new(Bytes::from(day.map_err(|error| ClientError::failed(error.to_string()))?));
    Ok((same_place && is_final && says_the_same(content, &answer)).then_some(answer))
}

/// The end of the day in the session that was found or started for it. A session that began only after this
/// was written belongs to a later day, and goes on.
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

/// Whether the recorded handoff is the one that was sent. An answer that a newer API words in another way counts.
fn says_the_same(content: &Value, answer: &Response<Bytes>) -> bool {
    let Ok(day) = serde_json::from_slice::<DayEnded>(answer.body()) else { return true };
    let sent = content.get("handoff").cloned().unwrap_or_default();
    let field = |name: &str| sent.get(name).cloned().unwrap_or_default();
    let recorded = serde_json::to_value(&day.handoff.payload).unwrap_or_default();
    // Not `extra`: canonical JSON may word its numbers in another way.
    let lists = ["accomplished", "in_progress", "blocked", "next_steps", "links"];
    let same_payload = recorded.is_null() || lists.iter().all(|name| recorded.get(name) == sent.get(name));
    field("summary") == json!(day.handoff.summary)
        && field("status") == json!(day.handoff.status)
        && field("to_agent") == json!(day.handoff.to_agent)
        && same_payload
}

async fn answered(api: &Api, ask: Ask) -> Result<Response<Bytes>, ClientError> {
    let response = api.exchange(&ask).await?;
    match (response.status().is_success(), is_the_api(&response)) {
        (true, true) => Ok(response),
        (true, false) => Err(foreign(&response)),
        (false, _) => {
            let error = understand::<Value>(response).err();
            Err(error.unwrap_or_else(|| ClientError::failed("it answered without a reason")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bounds;
    use super::*;

    #[tokio::test]
    async fn a_turn_that_ends_within_a_moment_is_waited_for_and_another_is_not() {
        let home = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(home.path(), "endpoint", "actor", Bounds::default());
        let held = outbox.folder.turn().unwrap().unwrap();
        assert!(Turn::take(&outbox).await.unwrap().is_none());
        let ending = async {
            tokio::time::sleep(BETWEEN_TRIES * 2).await;
            drop(held);
        };
        assert!(tokio::join!(Turn::take(&outbox), ending).0.unwrap().is_some());
    }
}
