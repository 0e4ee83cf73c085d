//! The mailbox of an agent: it sends, takes and reports messages in one session.

use deckwatch_protocol::{DayStarted, MessageRecord, Operation, ReportedInbox, SentMessage, Session, TakenInbox};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::caller::Caller;
use crate::response::Response;
use crate::shape::{fresh, fresh_uuid, overlay};
use crate::test_request::TestRequest;

/// An agent with a session.
#[derive(Clone)]
pub struct Mailbox {
    /// The agent.
    pub agent: Agent,
    /// Its session, as the start of the day answered it.
    pub session: Session,
}

impl Agent {
    /// Starts the day of the agent in a process of its own, and so opens its mailbox.
    pub async fn mailbox(&self) -> Mailbox {
        self.mailbox_with(json!({})).await
    }

    /// The same with fields of the start of the day.
    pub async fn mailbox_with(&self, fields: Value) -> Mailbox {
        let started = self.start_day(overlay(json!({ "start_id": fresh_uuid() }), fields)).await;
        assert!(started.status < 300, "{started}");
        let started: DayStarted = serde_json::from_value(started.json()).expect("the start of a day");
        Mailbox { agent: self.clone(), session: started.session }
    }
}

impl Mailbox {
    /// The name of the agent.
    pub fn name(&self) -> &str {
        &self.agent.name
    }

    /// The request that sends a message; `fields` adds or replaces fields of the body.
    pub fn ask_send(&self, to: &[&str], fields: Value) -> TestRequest {
        let message = json!({
            "session_id": self.session.id, "epoch": self.session.epoch, "to": to, "kind": "note", "body": fresh("text"),
        });
        TestRequest::of(Operation::SendMessage).json(&overlay(message, fields))
    }

    /// Sends a message.
    pub async fn send(&self, to: &[&str], fields: Value) -> Response {
        self.agent.send(self.ask_send(to, fields)).await
    }

    /// Sends a message and expects success.
    pub async fn sent(&self, to: &[&str], fields: Value) -> SentMessage {
        self.send(to, fields).await.of(201)
    }

    /// Takes messages; `fields` adds or replaces fields of the body.
    pub async fn take(&self, fields: Value) -> Response {
        let take = json!({ "session_id": self.session.id, "epoch": self.session.epoch });
        self.agent.send(TestRequest::of(Operation::TakeInbox).json(&overlay(take, fields))).await
    }

    /// Takes messages and expects success.
    pub async fn taken(&self) -> TakenInbox {
        self.take(json!({})).await.of(200)
    }

    /// The texts of the messages that it takes.
    pub async fn taken_texts(&self) -> Vec<String> {
        texts(&self.taken().await)
    }

    /// Reports about deliveries.
    pub async fn report(&self, items: Value) -> Response {
        let report = json!({ "session_id": self.session.id, "epoch": self.session.epoch, "items": items });
        self.agent.send(TestRequest::of(Operation::ReportInbox).json(&report)).await
    }

    /// Reports a status of one delivery, as of now, and returns the status after it.
    pub async fn reported(&self, delivery: &str, status: &str) -> Value {
        let items = json!([{ "delivery_id": delivery, "status": status, "at": self.agent.api().minutes_ago(0), "reason": "key_unavailable" }]);
        let reported: ReportedInbox = self.report(items).await.of(200);
        serde_json::to_value(reported.items[0].status).expect("a status")
    }

    /// Reads a message.
    pub async fn get(&self, id: impl AsRef<str>) -> Response {
        self.agent.send(TestRequest::of(Operation::GetMessage).with(id.as_ref())).await
    }

    /// Reads a message and expects success.
    pub async fn record(&self, id: impl AsRef<str>) -> MessageRecord {
        self.get(id).await.of(200)
    }

    /// Lists what waits for the agent.
    pub async fn list(&self, more: &str) -> Response {
        let query = format!("venture={}&agent={}{more}", self.agent.venture, self.agent.name);
        self.agent.send(TestRequest::of(Operation::ListInbox).query(query)).await
    }

    /// Starts the day again in another process.
    pub async fn restarted(&self) -> Self {
        self.agent.mailbox().await
    }

    /// Changes the session.
    pub async fn update(&self, patch: Value) {
        let _: Value = self.agent.update_session(&self.session.id, patch).await.of(200);
    }
}

/// The texts of messages.
pub fn texts(taken: &TakenInbox) -> Vec<String> {
    taken.items.iter().map(|item| item.message.body.clone().unwrap_or_default()).collect()
}
