//! OpenAPI links: they show which operations take the ids of a response.

use deckwatch_protocol::Operation;
use serde_json::{Map, Value, json};

/// The path parameters that identify a record, each with the JSON pointer to its value in the response.
type Names = &'static [(&'static str, &'static str)];

const SESSION_OF_DAY: Names = &[("id", "/session/id")];
const HANDOFF_OF_DAY: Names = &[("id", "/handoff/id")];
const RECORD: Names = &[("id", "/id")];
const FIRST_RECORD: Names = &[("id", "/items/0/id")];
const DOC: Names = &[("scope", "/scope"), ("name", "/name")];
const FIRST_DOC: Names = &[("scope", "/items/0/scope"), ("name", "/items/0/name")];
const VENTURE: Names = &[("code", "/code")];
const MACHINE: Names = &[("hostname", "/hostname")];
const FIRST_MACHINE: Names = &[("hostname", "/items/0/hostname")];

const OF_SESSION: &[Operation] =
    &[Operation::GetSession, Operation::UpdateSession, Operation::Heartbeat, Operation::LeaveSession];
const OF_NOTE: &[Operation] =
    &[Operation::GetNote, Operation::UpdateNote, Operation::ArchiveNote, Operation::RestoreNote];
const OF_DOC: &[Operation] = &[Operation::GetDoc, Operation::ListDocVersions, Operation::PutDoc, Operation::DeleteDoc];
const OF_MACHINE: &[Operation] = &[Operation::RegisterMachine, Operation::MachineHeartbeat, Operation::RetireMachine];

/// The links of the responses of an operation, by name.
pub(super) fn of(operation: Operation) -> Map<String, Value> {
    let mut links = Map::new();
    let mut lead = |names: Names, to: &[Operation]| {
        links.extend(to.iter().map(|to| (to.id().to_owned(), link(*to, names, None))));
    };
    match operation {
        Operation::StartDay => lead(SESSION_OF_DAY, OF_SESSION),
        Operation::EndDay => {
            lead(SESSION_OF_DAY, &[Operation::GetSession]);
            lead(HANDOFF_OF_DAY, &[Operation::GetHandoff]);
        }
        Operation::ListSessions => lead(FIRST_RECORD, OF_SESSION),
        Operation::CreateHandoff => lead(RECORD, &[Operation::GetHandoff]),
        Operation::ListHandoffs => lead(FIRST_RECORD, &[Operation::GetHandoff]),
        Operation::CreateNote => lead(RECORD, OF_NOTE),
        Operation::ListNotes => lead(FIRST_RECORD, OF_NOTE),
        Operation::PutDoc => lead(DOC, OF_DOC),
        Operation::ListDocs => lead(FIRST_DOC, OF_DOC),
        Operation::PutRequirement => lead(RECORD, &[Operation::DeleteRequirement]),
        Operation::PutVenture => lead(VENTURE, &[Operation::PutVenture, Operation::DeleteVenture]),
        Operation::RegisterMachine => lead(MACHINE, OF_MACHINE),
        Operation::ListMachines => lead(FIRST_MACHINE, OF_MACHINE),
        Operation::CreateToken => lead(RECORD, &[Operation::RevokeToken]),
        Operation::ListTokens => lead(FIRST_RECORD, &[Operation::RevokeToken]),
        _ => {}
    }
    links.extend(with_bodies(operation));
    links
}

/// Links to operations that identify a record in their body.
fn with_bodies(operation: Operation) -> Vec<(String, Value)> {
    let handoff = json!({ "summary": "What was done.", "status": "done" });
    let session = json!({ "session_id": "$response.body#/session/id", "handoff": handoff });
    let access = ["user", "tailscale_ip", "fingerprint"]
        .map(|field| (field.to_owned(), format!("$response.body#/pending/{field}").into()));
    match operation {
        Operation::StartDay => [Operation::EndDay, Operation::CreateHandoff]
            .map(|to| (to.id().to_owned(), link(to, &[], Some(session.clone()))))
            .to_vec(),
        Operation::RegisterMachine => {
            let access = Value::Object(access.into_iter().collect());
            let to = Operation::ApproveMachine;
            vec![(to.id().to_owned(), link(to, MACHINE, Some(access)))]
        }
        _ => Vec::new(),
    }
}

fn link(to: Operation, names: Names, body: Option<Value>) -> Value {
    let parameters = names.iter().map(|(name, at)| (format!("path.{name}"), format!("$response.body#{at}").into()));
    let mut link = Map::from_iter([
        ("operationId".to_owned(), to.id().into()),
        ("parameters".to_owned(), Value::Object(parameters.collect())),
    ]);
    link.extend(body.map(|body| ("requestBody".to_owned(), body)));
    link.retain(|_, part| part != &json!({}));
    Value::Object(link)
}
