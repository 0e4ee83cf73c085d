//! A valid and an invalid request for every operation. The match makes the compiler refuse an operation without them.

use std::sync::atomic::{AtomicUsize, Ordering};

use deckwatch_protocol::{
    Analytics, DayEnded, DayStarted, Doc, DocPut, DocText, DocVersion, ErrorCode, FoundNote, Handoff, Health,
    Heartbeat, LoggedRequest, Machine, MachineHeartbeat, MintedToken, Note, Operation, Page, RecordsMoved, Requirement,
    RequirementDeleted, Session, SshConfig, Token, Venture, VentureAudit, VentureDeleted, Version,
};
use deckwatch_tests::{Agent, Api, Caller, Response, TestRequest, ask_approve, ask_register, fresh};
use serde_json::{Value, json};

/// An agent with a session, and the other records that the examples need.
pub(crate) struct ExampleRecords {
    pub(crate) api: Api,
    pub(crate) agent: Agent,
    session: String,
    /// A second session, for `end_day`.
    ending: String,
    handoff: String,
    note: String,
    /// A token, for `revoke_token`.
    token: String,
    machine: Machine,
    /// A second machine, for `retire_machine`.
    retiring: Machine,
    /// A second venture, for `delete_venture`.
    closing: String,
    /// Requirements, for `delete_requirement`. Each valid request takes the next one, because it can delete only once.
    requirements: Vec<String>,
    next_requirement: AtomicUsize,
}

impl ExampleRecords {
    pub(crate) async fn new() -> Self {
        Self::on(Api::start().await).await
    }

    pub(crate) async fn on(api: Api) -> Self {
        let agent = api.agent().await;
        let session = agent.started().await.session.id;
        let handoff: Handoff = agent.create_handoff(&session, json!({})).await.of(201);
        let ending = agent.colleague().started().await.session.id.to_string();
        let note = TestRequest::of(Operation::CreateNote).json(&note_of(&agent.venture));
        let note = agent.send(note).await.of::<Note>(201).id.to_string();
        let doc = TestRequest::of(Operation::PutDoc)
            .with(&agent.venture)
            .with("kept.md")
            .json(&json!({ "content": "# Kept" }));
        let _: DocPut = api.admin().send(doc).await.of(201);
        let mint = TestRequest::of(Operation::CreateToken).json(&json!({ "name": "example", "scopes": ["read-only"] }));
        let token: MintedToken = api.admin().send(mint).await.of(201);
        let machine = agent.send(ask_register(&fresh("machine"), json!({}))).await.of(201);
        let retiring = agent.send(ask_register(&fresh("retiring"), json!({}))).await.of(201);
        let closing = api.venture().await;
        let (session, handoff, token) = (session.to_string(), handoff.id.to_string(), token.record.id.to_string());
        let mut requirements = Vec::new();
        for _ in 0..4 {
            let put = TestRequest::of(Operation::PutRequirement).json(&requirement_of(&agent.venture));
            requirements.push(api.admin().send(put).await.of::<Requirement>(201).id.to_string());
        }
        let next_requirement = AtomicUsize::new(0);
        Self {
            api,
            agent,
            session,
            ending,
            handoff,
            note,
            token,
            machine,
            retiring,
            closing,
            requirements,
            next_requirement,
        }
    }

    /// A valid request for `operation`.
    pub(crate) fn good(&self, operation: Operation) -> TestRequest {
        let ask = TestRequest::of(operation);
        match operation {
            Operation::StartDay => self.agent.colleague().ask_start_day(json!({})),
            Operation::EndDay => ask.json(&handoff_of(&self.ending)),
            Operation::GetSession | Operation::Heartbeat => ask.with(&self.session),
            Operation::UpdateSession => ask.with(&self.session).json(&json!({ "branch": "dev/fix" })),
            // Before the session was heard from, so that it goes on.
            Operation::LeaveSession => {
                ask.with(&self.session).json(&json!({ "last_heartbeat_at": "2020-01-01T00:00:00Z" }))
            }
            Operation::CreateHandoff => ask.json(&handoff_of(&self.session)),
            Operation::GetHandoff => ask.with(&self.handoff),
            Operation::ListSessions
            | Operation::ListHandoffs
            | Operation::LatestHandoff
            | Operation::ListNotes
            | Operation::AuditDocs
            | Operation::ListRequirements
            | Operation::ListDocs
            | Operation::SessionAnalytics => ask.query(format!("venture={}", self.agent.venture)),
            Operation::CreateNote => ask.json(&note_of(&self.agent.venture)),
            Operation::UpdateNote => ask.with(&self.note).json(&json!({ "title": "Changed" })),
            Operation::GetNote | Operation::ArchiveNote | Operation::RestoreNote => ask.with(&self.note),
            Operation::GetDoc | Operation::ListDocVersions => ask.with(&self.agent.venture).with("kept.md"),
            // Each pair of requests (put and delete) can be repeated, because each undoes the other.
            Operation::PutDoc => {
                ask.with(&self.agent.venture).with("passing.md").json(&json!({ "content": "# Passing" }))
            }
            Operation::DeleteDoc => ask.with(&self.agent.venture).with("passing.md"),
            Operation::PutVenture => ask.with(fresh("put")).json(&json!({ "name": "Put" })),
            Operation::DeleteVenture => ask.with(&self.closing),
            Operation::MoveRecords => ask.with(&self.agent.venture).json(
                &json!({ "repo": "example-org/old", "to_venture": self.agent.venture, "to_repo": "example-org/new" }),
            ),
            Operation::PutRequirement => ask.json(&requirement_of(&self.agent.venture)),
            Operation::DeleteRequirement => {
                let next = self.next_requirement.fetch_add(1, Ordering::Relaxed);
                ask.with(&self.requirements[next % self.requirements.len()])
            }
            Operation::CreateToken => ask.json(&json!({ "name": "a token", "scopes": ["context"] })),
            Operation::RevokeToken => ask.with(&self.token),
            Operation::RegisterMachine => ask_register(&fresh("registered"), json!({})),
            Operation::MachineHeartbeat => ask.with(&self.machine.hostname),
            Operation::ApproveMachine => ask_approve(&self.machine),
            Operation::RetireMachine => ask.with(&self.retiring.hostname),
            Operation::SshConfig => ask.query(format!("for={}", self.machine.hostname)),
            Operation::ListMachines
            | Operation::ListRequests
            | Operation::ListTokens
            | Operation::ListVentures
            | Operation::Health
            | Operation::Version
            | Operation::Openapi => ask,
        }
    }

    /// An invalid request for `operation`, and the code of the expected problem.
    pub(crate) fn bad(&self, operation: Operation) -> (TestRequest, ErrorCode) {
        let ask = self.good(operation);
        match operation {
            Operation::StartDay | Operation::EndDay | Operation::UpdateSession | Operation::CreateHandoff => {
                (ask.json(&json!({ "nonsense": 1 })), ErrorCode::InvalidRequest)
            }
            Operation::CreateNote | Operation::UpdateNote => {
                (ask.json(&json!({ "title": 7 })), ErrorCode::InvalidRequest)
            }
            Operation::GetNote | Operation::ArchiveNote | Operation::RestoreNote => {
                (TestRequest::of(operation).with("note_nothing"), ErrorCode::NoteNotFound)
            }
            Operation::PutDoc => (ask.json(&json!({ "content": 7 })), ErrorCode::InvalidRequest),
            Operation::GetDoc | Operation::ListDocVersions | Operation::DeleteDoc => {
                (TestRequest::of(operation).with(&self.agent.venture).with("nothing.md"), ErrorCode::DocNotFound)
            }
            Operation::PutVenture => (ask.json(&json!({ "name": 7 })), ErrorCode::InvalidRequest),
            Operation::MoveRecords => (ask.json(&json!({ "repo": 7 })), ErrorCode::InvalidRequest),
            Operation::DeleteVenture => (TestRequest::of(operation).with(fresh("nobody")), ErrorCode::VentureNotFound),
            Operation::LeaveSession => (ask.json(&json!({ "last_heartbeat_at": 7 })), ErrorCode::InvalidRequest),
            Operation::GetSession | Operation::Heartbeat => {
                (TestRequest::of(operation).with("sess_nothing"), ErrorCode::SessionNotFound)
            }
            Operation::GetHandoff => (TestRequest::of(operation).with("ho_nothing"), ErrorCode::HandoffNotFound),
            Operation::ListSessions
            | Operation::ListHandoffs
            | Operation::ListNotes
            | Operation::AuditDocs
            | Operation::ListRequirements
            | Operation::ListDocs
            | Operation::ListVentures
            | Operation::ListTokens
            | Operation::ListMachines
            | Operation::ListRequests => (ask.query("limit=0"), ErrorCode::InvalidRequest),
            Operation::RegisterMachine | Operation::ApproveMachine => {
                (ask.json(&json!({ "user": 7 })), ErrorCode::InvalidRequest)
            }
            Operation::MachineHeartbeat | Operation::RetireMachine => {
                (TestRequest::of(operation).with(fresh("nobody")), ErrorCode::MachineNotFound)
            }
            Operation::SshConfig => (ask.query("for=-x"), ErrorCode::InvalidRequest),
            Operation::SessionAnalytics => {
                (ask.query("since=2026-11-21T00:00:00Z&until=2026-11-20T00:00:00Z"), ErrorCode::InvalidRequest)
            }
            Operation::PutRequirement => (ask.json(&json!({ "name_pattern": "[" })), ErrorCode::InvalidRequest),
            Operation::DeleteRequirement => {
                (TestRequest::of(operation).with("req_nothing"), ErrorCode::RequirementNotFound)
            }
            Operation::CreateToken => (ask.json(&json!({ "name": "x" })), ErrorCode::InvalidRequest),
            Operation::RevokeToken => (TestRequest::of(operation).with("tok_nothing"), ErrorCode::TokenNotFound),
            Operation::LatestHandoff => (ask.query("venture=nobody-knows-it"), ErrorCode::HandoffNotFound),
            Operation::Health | Operation::Version | Operation::Openapi => {
                (TestRequest::at("DELETE", operation.path()), ErrorCode::MethodNotAllowed)
            }
        }
    }

    /// Checks that `response` is a successful answer of `operation` with every field.
    #[track_caller]
    pub(crate) fn check(operation: Operation, response: &Response) {
        match operation {
            Operation::StartDay => drop(response.of::<DayStarted>(201)),
            Operation::EndDay => drop(response.of::<DayEnded>(200)),
            Operation::ListSessions => drop(response.of::<Page<Session>>(200)),
            Operation::GetSession | Operation::UpdateSession | Operation::LeaveSession => {
                drop(response.of::<Session>(200));
            }
            Operation::Heartbeat => drop(response.of::<Heartbeat>(200)),
            Operation::CreateHandoff => drop(response.of::<Handoff>(201)),
            Operation::ListHandoffs => drop(response.of::<Page<Handoff>>(200)),
            Operation::SessionAnalytics => drop(response.of::<Analytics>(200)),
            Operation::LatestHandoff | Operation::GetHandoff => drop(response.of::<Handoff>(200)),
            Operation::CreateNote => drop(response.of::<Note>(201)),
            Operation::ListNotes => drop(response.of::<Page<FoundNote>>(200)),
            Operation::GetNote | Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote => {
                drop(response.of::<Note>(200));
            }
            Operation::ListDocs => drop(response.of::<Page<Doc>>(200)),
            Operation::GetDoc => drop(response.of::<DocText>(200)),
            Operation::ListDocVersions => drop(response.of::<Page<DocVersion>>(200)),
            Operation::PutDoc => drop(response.of::<DocPut>(201)),
            Operation::DeleteDoc => drop(response.of::<DocVersion>(200)),
            Operation::ListVentures => drop(response.of::<Page<Venture>>(200)),
            Operation::PutVenture => drop(response.of::<Venture>(201)),
            Operation::MoveRecords => drop(response.of::<RecordsMoved>(200)),
            Operation::DeleteVenture => drop(response.of::<VentureDeleted>(200)),
            Operation::RegisterMachine => drop(response.of::<Machine>(201)),
            Operation::ListMachines => drop(response.of::<Page<Machine>>(200)),
            Operation::MachineHeartbeat => drop(response.of::<MachineHeartbeat>(200)),
            Operation::ApproveMachine | Operation::RetireMachine => drop(response.of::<Machine>(200)),
            Operation::SshConfig => drop(response.of::<SshConfig>(200)),
            Operation::AuditDocs => drop(response.of::<Page<VentureAudit>>(200)),
            Operation::ListRequirements => drop(response.of::<Page<Requirement>>(200)),
            Operation::PutRequirement => drop(response.of::<Requirement>(201)),
            Operation::DeleteRequirement => drop(response.of::<RequirementDeleted>(200)),
            Operation::CreateToken => drop(response.of::<MintedToken>(201)),
            Operation::ListTokens => drop(response.of::<Page<Token>>(200)),
            Operation::ListRequests => drop(response.of::<Page<LoggedRequest>>(200)),
            Operation::RevokeToken => drop(response.of::<Token>(200)),
            Operation::Health => drop(response.of::<Health>(200)),
            Operation::Version => drop(response.of::<Version>(200)),
            Operation::Openapi => drop(response.of::<Value>(200)),
        }
    }

    /// Sends `ask` with the key that `operation` needs.
    pub(crate) async fn send(&self, operation: Operation, ask: TestRequest) -> Response {
        use deckwatch_protocol::operation::Tier;
        match operation.tier() {
            Tier::Public => self.api.anonymous().send(ask).await,
            Tier::Context => self.agent.send(ask).await,
            Tier::Admin => self.api.admin().send(ask).await,
        }
    }
}

fn handoff_of(session: &str) -> Value {
    json!({ "session_id": session, "handoff": { "summary": "a day's work", "status": "ready" } })
}

fn requirement_of(venture: &str) -> Value {
    json!({ "name_pattern": fresh("doc"), "venture": venture })
}

fn note_of(venture: &str) -> Value {
    json!({ "title": "The plan", "content": "Grow slowly.", "tags": ["strategy"], "venture": venture })
}
