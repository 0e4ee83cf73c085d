//! Takes the messages of an agent when an event says that there are some.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_protocol::{Agent, Event, EventKind, Fence, TakeInbox, TakeLimit, TakenInbox, VentureCode};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::api::{Api, ClientError};
use crate::watch::{Watch, Watched};

/// The longest time between two takes. No event says that another one has changed how the agent wants to be reached.
const LONGEST_WAIT: Duration = Duration::from_mins(30);
/// The pause after a failure of the API, if it asks for no other.
const PAUSE: Duration = Duration::from_secs(5);

/// The mailbox of an agent, for the process that speaks for its session.
pub struct Mailbox {
    api: Api,
    watch: Watch,
    agent: Agent,
    fence: Fence,
    /// Whether there may be messages to take.
    has_mail: bool,
    /// Whether the answer to a take was lost, so that the API believes that this process has the messages.
    has_lost_answer: bool,
    /// Somebody else knows that there may be messages to take.
    look_again: Arc<Notify>,
}

/// What a mailbox has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The answer to a take. It may have no items if only the number of waiting messages is new.
    Mail(TakenInbox),
    /// Events of the venture, oldest first. None if some may be missing: read again what you keep about the records.
    Events(Vec<Event>),
}

impl Mailbox {
    /// Opens the mailbox of the agent of a session. Makes no request yet.
    pub fn new(api: Api, venture: VentureCode, agent: Agent, fence: Fence) -> Self {
        let watch = Watch::new(api.clone(), Some(venture), None);
        Self { api, watch, agent, fence, has_mail: true, has_lost_answer: false, look_again: Arc::default() }
    }

    /// Wakes the mailbox, so that it takes what waits: after a report, more can be offered.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.look_again)
    }

    /// Waits for messages and takes them, like [`Self::receive`].
    pub async fn next(&mut self) -> Result<TakenInbox, ClientError> {
        loop {
            if let Received::Mail(taken) = self.receive().await? {
                return Ok(taken);
            }
        }
    }

    /// Waits for messages and takes them, or for other events. The first call takes what waits. Goes on through failures of the
    /// network and of the API. Fails if the API refuses the key or the epoch. If the future is dropped during a take, the next
    /// call gets the same messages again.
    pub async fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            if !self.has_mail {
                match self.wait().await? {
                    Some(events) => return Ok(Received::Events(events)),
                    None => continue,
                }
            }
            match self.take().await {
                Ok(taken) => return Ok(Received::Mail(taken)),
                Err(error) if error.is_passing() => {
                    log::info!("could not take messages: {error}");
                    sleep(error.asks_to_wait().unwrap_or(PAUSE)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self) -> Result<TakenInbox, ClientError> {
        // What is sent after the take then has an event after this place.
        self.watch.begin().await?;
        let limit = TakeLimit::default();
        let Fence { session_id, epoch } = self.fence.clone();
        let take = TakeInbox { session_id, epoch, limit, again: self.has_lost_answer };
        // If this future is dropped, the API may have offered the messages.
        self.has_lost_answer = true;
        let taken = self.api.take_inbox(&take).await?;
        self.has_lost_answer = false;
        self.has_mail = u32::try_from(taken.items.len()).is_ok_and(|taken| taken >= limit.get());
        Ok(taken)
    }

    /// Waits until there may be messages, or until there are events.
    async fn wait(&mut self) -> Result<Option<Vec<Event>>, ClientError> {
        let watched = tokio::select! {
            watched = timeout(LONGEST_WAIT, self.watch.next()) => watched,
            () = self.look_again.notified() => {
                self.has_mail = true;
                return Ok(None);
            }
        };
        let Ok(watched) = watched else {
            self.has_mail = true;
            return Ok(None);
        };
        match watched? {
            Watched::Events(events) => {
                self.has_mail = events.iter().any(|event| concerns(event, &self.agent));
                Ok(Some(events))
            }
            Watched::Gap => {
                self.has_mail = true;
                Ok(Some(Vec::new()))
            }
        }
    }
}

/// Whether the event may bring a message to the agent. An event names the first recipients only.
fn concerns(event: &Event, agent: &Agent) -> bool {
    let is_agent = |name: &Value| name == agent.as_str();
    match event.kind {
        EventKind::MessageSent => {
            let named = event.data.get("to").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let all = event.data.get("recipients").and_then(Value::as_u64).unwrap_or_default();
            all > named.len() as u64 || named.iter().any(is_agent)
        }
        EventKind::HandoffRecorded => event.data.get("to_agent").is_some_and(is_agent),
        // The mode of the agent may have changed with its session.
        EventKind::SessionMoved | EventKind::SessionStarted => event.agent.as_ref() == Some(agent),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use deckwatch_protocol::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_about_messages_of_others_is_no_reason_to_take() {
        let agent: Agent = "mac1-claude-1".parse().unwrap();
        let event = |kind, data: Value| Event {
            seq: 1,
            venture: None,
            kind,
            subject: "subject".to_owned(),
            agent: None,
            session_id: None,
            at: Timestamp::from_millis(0),
            data: data.as_object().cloned().unwrap_or_default(),
        };
        for (kind, data, expected) in [
            (EventKind::MessageSent, json!({ "recipients": 1, "to": ["mac1-claude-1"] }), true),
            (EventKind::MessageSent, json!({ "recipients": 1, "to": ["mac1-claude-2"] }), false),
            (EventKind::MessageSent, json!({ "recipients": 11, "to": ["mac1-claude-2"] }), true),
            (EventKind::HandoffRecorded, json!({ "to_agent": "mac1-claude-1" }), true),
            (EventKind::HandoffRecorded, json!({ "to_agent": null }), false),
            (EventKind::NoteSaved, json!({}), false),
        ] {
            assert_eq!(concerns(&event(kind, data.clone()), &agent), expected, "{kind:?} {data}");
        }
    }
}
