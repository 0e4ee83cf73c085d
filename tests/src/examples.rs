//! A valid and an invalid request for every operation, for the tests that walk the table of operations.
//!
//! Most requests follow from the table. [`Examples::good`] lists those that refer to a record or use one up.

use std::sync::atomic::{AtomicUsize, Ordering};

use deckwatch_protocol::endpoint::{Endpoint, EndpointVisitor};
use deckwatch_protocol::operation::Tier;
use deckwatch_protocol::{
    ClaimsTaken, DayStarted, ErrorCode, Handoff, Machine, MintedToken, Note, Operation, Requirement, SentMessage,
    Violations,
};
use serde_json::{Value, json};

use crate::machine::{ask_approve, ask_register};
use crate::response::Response;
use crate::shape::{fresh, fresh_uuid};
use crate::test_request::TestRequest;

/// Sends a request with the key that its operation needs.
pub trait ExampleSender: Sync {
    /// Sends a request.
    fn send_as(&self, tier: Tier, ask: TestRequest) -> impl Future<Output = Response> + Send;
}

/// Records for the examples to refer to.
pub struct Examples {
    venture: String,
    session: String,
    /// A second session, for `end_day`.
    ending: String,
    handoff: String,
    note: String,
    message: String,
    token: String,
    machine: Machine,
    /// A second machine, for `retire_machine`.
    retiring: Machine,
    /// A second venture, for `delete_venture`.
    closing: String,
    /// Requirements, for `delete_requirement`. Each valid request takes the next one, because it can delete only once.
    requirements: Vec<String>,
    next_requirement: AtomicUsize,
    /// Claims of the session, for `release_claim`, in the same way.
    claims: Vec<String>,
    next_claim: AtomicUsize,
}

impl Examples {
    /// Creates the records on `venture`, which is registered.
    pub async fn new(sender: &impl ExampleSender, venture: &str) -> Self {
        let create = async |ask: TestRequest| sender.send_as(Tier::Admin, ask).await;
        let session = create(day_on(venture)).await.of::<DayStarted>(201).session.id.to_string();
        let ending = create(day_on(venture)).await.of::<DayStarted>(201).session.id.to_string();
        let handoff = TestRequest::of(Operation::CreateHandoff).json(&handoff_of(&session));
        let handoff = create(handoff).await.of::<Handoff>(201).id.to_string();
        let note = create(TestRequest::of(Operation::CreateNote).json(&note_of(venture))).await.of::<Note>(201).id;
        // The agents of the context key may read it.
        let sender = sender.send_as(Tier::Context, day_on(venture)).await.of::<DayStarted>(201).session.id;
        let message = TestRequest::of(Operation::SendMessage).json(&message_of(sender.as_str()));
        let message = create(message).await.of::<SentMessage>(201).id.to_string();
        let doc = TestRequest::of(Operation::PutDoc).with(venture).with("kept.md");
        let _ = create(doc.json(&json!({ "content": "# Kept" }))).await.of::<Value>(201);
        let mint = TestRequest::of(Operation::CreateToken).json(&json!({ "name": "example", "scopes": ["read-only"] }));
        let token = create(mint).await.of::<MintedToken>(201).record.id;
        let machine = create(ask_register(&fresh("machine"), json!({}))).await.of(201);
        let retiring = create(ask_register(&fresh("retiring"), json!({}))).await.of(201);
        let closing = fresh("closing");
        let put = TestRequest::of(Operation::PutVenture).with(&closing).json(&json!({ "name": "Closing" }));
        let _ = create(put).await.of::<Value>(201);
        let mut requirements = Vec::new();
        for _ in 0..4 {
            let put = TestRequest::of(Operation::PutRequirement).json(&requirement_of(venture));
            requirements.push(create(put).await.of::<Requirement>(201).id.to_string());
        }
        let subjects: Vec<String> = (1..=4).map(|n| format!("issue:{n}")).collect();
        let put = TestRequest::of(Operation::PutState).with(venture).with("kept").header("if-none-match", "*");
        let _ = create(put.json(&state_of(&session))).await.of::<Value>(201);
        let put = TestRequest::of(Operation::PutClaims).json(&claims_of(&session, &json!(subjects)));
        let claims = create(put).await.of::<ClaimsTaken>(200).items.iter().map(|claim| claim.id.to_string()).collect();
        Self {
            venture: venture.to_owned(),
            session,
            ending,
            handoff,
            note: note.to_string(),
            message,
            token: token.to_string(),
            machine,
            retiring,
            closing,
            requirements,
            next_requirement: AtomicUsize::new(0),
            claims,
            next_claim: AtomicUsize::new(0),
        }
    }

    /// A valid request for `operation`.
    pub fn good(&self, operation: Operation) -> TestRequest {
        let ask = TestRequest::of(operation);
        match operation {
            Operation::StartDay => day_on(&self.venture),
            Operation::EndDay => ask.json(&handoff_of(&self.ending)),
            Operation::CreateAgentToken => ask.json(&json!({
                "venture": self.venture, "agent": fresh("mac2.local-codex"), "machine_id": fresh_uuid(),
            })),
            Operation::CreateHandoff => ask.json(&handoff_of(&self.session)),
            Operation::PutClaims => {
                ask.json(&claims_of(&self.session, &json!([format!("path:{}/**", fresh("folder"))])))
            }
            Operation::ReleaseClaim => {
                let next = self.next_claim.fetch_add(1, Ordering::Relaxed);
                ask.with(&self.claims[next % self.claims.len()]).query(self.fence())
            }
            Operation::PutState => self.state("passing", operation).header("if-none-match", "*"),
            Operation::DeleteState => self.state("passing", operation).header("if-match", "*"),
            Operation::CreateNote => ask.json(&note_of(&self.venture)),
            Operation::SendMessage => ask.json(&message_of(&self.session)),
            Operation::ListRecipients => ask.query(format!("session_id={}&to=human", self.session)),
            Operation::ListInbox => ask.query(format!("venture={}&agent=mac9-claude-1", self.venture)),
            Operation::TakeInbox => ask.json(&json!({ "session_id": self.session, "epoch": 1 })),
            Operation::ReportInbox => ask.json(&json!({
                "session_id": self.session, "epoch": 1,
                "items": [{
                    "delivery_id": "dlv_01KDY02100000000000000000A", "status": "surfaced", "at": "2020-01-01T00:00:00.000Z",
                }],
            })),
            // Each pair of requests (put and delete) can be repeated, because each undoes the other.
            Operation::PutDoc => ask.with(&self.venture).with("passing.md").text(example(operation)),
            Operation::DeleteDoc => ask.with(&self.venture).with("passing.md"),
            Operation::PutVenture => ask.with(fresh("put")).text(example(operation)),
            Operation::DeleteVenture => ask.with(&self.closing),
            Operation::MoveRecords => self
                .addressed(operation)
                .json(&json!({ "repo": "example-org/old", "to_venture": self.venture, "to_repo": "example-org/new" })),
            Operation::PutRequirement => ask.json(&requirement_of(&self.venture)),
            Operation::DeleteRequirement => {
                let next = self.next_requirement.fetch_add(1, Ordering::Relaxed);
                ask.with(&self.requirements[next % self.requirements.len()])
            }
            Operation::RegisterMachine => ask_register(&fresh("registered"), json!({})),
            Operation::ApproveMachine => ask_approve(&self.machine),
            Operation::RetireMachine => ask.with(&self.retiring.hostname),
            _ if operation.takes_body() => self.addressed(operation).text(example(operation)),
            _ if takes_query(operation, json!({ "venture": self.venture })) => {
                self.addressed(operation).query(format!("venture={}", self.venture))
            }
            _ => self.addressed(operation),
        }
    }

    /// A request about a key of the shared state.
    fn state(&self, key: &str, operation: Operation) -> TestRequest {
        let ask = TestRequest::of(operation).with(&self.venture).with(key);
        if operation.takes_body() { ask.json(&state_of(&self.session)) } else { ask.query(self.fence()) }
    }

    /// The session and its epoch, as a query.
    fn fence(&self) -> String {
        format!("session_id={}&epoch=1", self.session)
    }

    /// A request for `operation` whose path names an existing record.
    fn addressed(&self, operation: Operation) -> TestRequest {
        let collection = operation.path().split('/').nth(2).unwrap_or_default();
        let value = |parameter: &&str| match (*parameter, collection) {
            ("id", "sessions") => self.session.as_str(),
            ("id", "handoffs") => &self.handoff,
            ("id", "notes") => &self.note,
            ("id", "messages") => &self.message,
            ("id", "tokens") => &self.token,
            ("hostname", _) => self.machine.hostname.as_str(),
            ("code" | "scope" | "venture", _) => &self.venture,
            ("key", _) => "kept",
            ("name", _) => "kept.md",
            (other, _) => panic!("{}: add a record for the parameter {other} to this function", operation.id()),
        };
        operation.path_parameters().iter().map(value).fold(TestRequest::of(operation), TestRequest::with)
    }

    /// An invalid request for `operation`, and the code of the expected problem.
    pub fn bad(&self, operation: Operation) -> (TestRequest, ErrorCode) {
        if operation.tier() == Tier::Public {
            return (TestRequest::at("DELETE", operation.path()), ErrorCode::MethodNotAllowed);
        }
        match operation.missing() {
            _ if operation.takes_body() => {
                (self.good(operation).json(&json!({ "nonsense": 1 })), ErrorCode::InvalidRequest)
            }
            Some(missing) => {
                let nothing = operation.path_parameters().iter().map(|_| fresh("nothing"));
                let is_fenced = matches!(operation, Operation::ReleaseClaim | Operation::DeleteState);
                let ask = TestRequest::of(operation);
                let ask = if is_fenced { ask.query(self.fence()).header("if-match", "*") } else { ask };
                (nothing.fold(ask, TestRequest::with), missing)
            }
            None => (self.good(operation).query("nonsense=1"), ErrorCode::InvalidRequest),
        }
    }

    /// Checks that `response` is a successful answer of `operation` with every field.
    #[track_caller]
    pub fn check(operation: Operation, response: &Response) {
        operation.visit(CheckAnswer(response));
    }
}

struct CheckAnswer<'a>(&'a Response);

impl EndpointVisitor for CheckAnswer<'_> {
    type Output = ();

    #[track_caller]
    fn visit<E: Endpoint>(self) {
        // An example creates a new record, if the operation creates any.
        let status = E::OPERATION.statuses().last().expect("an operation has a status");
        drop(self.0.of::<E::Answer>(*status));
    }
}

/// Whether `operation` accepts this query.
pub fn takes_query(operation: Operation, query: Value) -> bool {
    struct TakesQuery(Value);

    impl EndpointVisitor for TakesQuery {
        type Output = bool;

        fn visit<E: Endpoint>(self) -> bool {
            deserr::deserialize::<E::Query, _, Violations>(self.0).is_ok()
        }
    }
    operation.visit(TakesQuery(query))
}

/// The example body in the row of `operation`.
fn example(operation: Operation) -> &'static str {
    let add = "add an `example` to its row, or, if its body refers to a record, a request to `Examples::good`";
    operation.example().unwrap_or_else(|| panic!("{} needs a valid body: {add}", operation.id()))
}

/// Starts the day of a new agent.
fn day_on(venture: &str) -> TestRequest {
    TestRequest::of(Operation::StartDay).json(&json!({
        "agent": fresh("mac2.local-codex"), "client": "codex", "host": "mac2.local", "venture": venture,
        "repo": format!("example-org/{venture}.js"),
    }))
}

fn handoff_of(session: &str) -> Value {
    json!({ "session_id": session, "handoff": { "summary": "a day's work", "status": "ready" } })
}

fn claims_of(session: &str, subjects: &Value) -> Value {
    json!({ "session_id": session, "epoch": 1, "subjects": subjects })
}

fn state_of(session: &str) -> Value {
    json!({ "session_id": session, "epoch": 1, "value": { "a": [1] } })
}

fn requirement_of(venture: &str) -> Value {
    json!({ "name_pattern": fresh("doc"), "venture": venture })
}

fn message_of(session: &str) -> Value {
    json!({ "session_id": session, "epoch": 1, "to": ["human"], "kind": "note", "body": "The build is green." })
}

fn note_of(venture: &str) -> Value {
    json!({ "title": "The plan", "content": "Grow slowly.", "tags": ["strategy"], "venture": venture })
}
