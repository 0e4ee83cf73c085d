//! An agent: a holder of the context key with a name, a venture and a repository.

use deckwatch_protocol::{DayEnded, DayStarted, Operation, Session, SessionId};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::engine::Api;
use crate::response::Response;
use crate::shape::{fresh, overlay, overlay_at};
use crate::test_request::TestRequest;

/// One running agent on a venture and repository.
#[derive(Clone)]
pub struct Agent {
    api: Api,
    /// The agent's name.
    pub name: String,
    /// The agent's venture.
    pub venture: String,
    /// The agent's repository.
    pub repo: String,
}

impl Api {
    /// An agent on a new venture of this test.
    pub async fn agent(&self) -> Agent {
        Agent::new(self.clone(), self.venture().await)
    }

    /// An agent on a venture that is not registered.
    pub fn agent_nowhere(&self) -> Agent {
        Agent::new(self.clone(), fresh("nowhere"))
    }

    /// Registers a new venture for this test.
    pub async fn venture(&self) -> String {
        let code = fresh("v");
        let put = TestRequest::of(Operation::PutVenture).with(&code).json(&json!({ "name": "A venture of a test" }));
        let _: deckwatch_protocol::Venture = self.admin().send(put).await.of(201);
        code
    }
}

impl Caller for Agent {
    fn api(&self) -> &Api {
        &self.api
    }

    fn key(&self) -> Option<&str> {
        Some(self.api.context_key())
    }
}

impl Agent {
    pub(crate) fn new(api: Api, venture: String) -> Self {
        let repo = format!("example-org/{venture}.js");
        Self { api, name: fresh("mac1.local-claude"), venture, repo }
    }

    /// Another agent on the same venture and repository.
    #[must_use]
    pub fn colleague(&self) -> Self {
        Self { name: fresh("mac2.local-codex"), ..self.clone() }
    }

    /// The same agent on another engine.
    #[must_use]
    pub fn at(&self, api: &Api) -> Self {
        Self { api: api.clone(), ..self.clone() }
    }

    /// The same agent in another repository of the venture.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self { repo: format!("example-org/{}", fresh("other")), ..self.clone() }
    }

    /// The request that starts the agent's day; `fields` adds or replaces fields of the body.
    pub fn ask_start_day(&self, fields: Value) -> TestRequest {
        let day = json!({
            "agent": self.name, "client": "claude", "host": "mac1.local", "venture": self.venture, "repo": self.repo,
        });
        TestRequest::of(Operation::StartDay).json(&overlay(day, fields))
    }

    /// Starts the agent's day.
    pub async fn start_day(&self, fields: Value) -> Response {
        self.send(self.ask_start_day(fields)).await
    }

    /// Starts the agent's day and expects a new session.
    pub async fn started(&self) -> DayStarted {
        self.started_with(json!({})).await
    }

    /// Starts the agent's day and expects a new session; `fields` adds or replaces fields of the body.
    pub async fn started_with(&self, fields: Value) -> DayStarted {
        self.start_day(fields).await.of(201)
    }

    /// The request that ends the agent's day; `handoff` adds or replaces fields of the handoff.
    pub fn ask_end_day(&self, session: &SessionId, handoff: Value) -> TestRequest {
        let day = json!({ "session_id": session, "handoff": { "summary": "a day's work", "status": "in_progress" } });
        TestRequest::of(Operation::EndDay).json(&overlay_at(day, "handoff", handoff))
    }

    /// Ends the agent's day.
    pub async fn end_day(&self, session: &SessionId, handoff: Value) -> Response {
        self.send(self.ask_end_day(session, handoff)).await
    }

    /// Ends the agent's day and expects success.
    pub async fn ended(&self, session: &SessionId) -> DayEnded {
        self.end_day(session, json!({})).await.of(200)
    }

    /// Sends a heartbeat.
    pub async fn heartbeat(&self, session: &SessionId) -> Response {
        self.send(TestRequest::of(Operation::Heartbeat).with(session)).await
    }

    /// Reads a session.
    pub async fn session(&self, session: &SessionId) -> Session {
        self.send(TestRequest::of(Operation::GetSession).with(session)).await.of(200)
    }

    /// Changes a session.
    pub async fn update_session(&self, session: &SessionId, patch: Value) -> Response {
        self.send(TestRequest::of(Operation::UpdateSession).with(session).json(&patch)).await
    }

    /// The request that creates a handoff; `handoff` adds or replaces its fields.
    pub fn ask_create_handoff(&self, session: &SessionId, handoff: Value) -> TestRequest {
        let create = json!({ "session_id": session, "handoff": { "summary": "so far", "status": "in_progress" } });
        TestRequest::of(Operation::CreateHandoff).json(&overlay_at(create, "handoff", handoff))
    }

    /// Creates a handoff.
    pub async fn create_handoff(&self, session: &SessionId, handoff: Value) -> Response {
        self.send(self.ask_create_handoff(session, handoff)).await
    }
}
