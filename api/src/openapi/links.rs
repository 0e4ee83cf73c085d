//! OpenAPI links: they show which operations take the ids of a response.

use deckwatch_protocol::Operation;
use serde_json::{Map, Value, json};

/// The links of the responses of an operation, by name.
pub(super) fn of(operation: Operation) -> Map<String, Value> {
    let to_records = operation
        .links()
        .iter()
        .flat_map(|(record, to)| to.iter().map(move |to| (to.id().to_owned(), link(*to, Some(record), None))));
    to_records.chain(with_bodies(operation)).collect()
}

/// Links to operations that identify a record in their body.
fn with_bodies(operation: Operation) -> Vec<(String, Value)> {
    let handoff = json!({ "summary": "What was done.", "status": "done" });
    let session = json!({ "session_id": "$response.body#/session/id", "handoff": handoff });
    let access = ["user", "tailscale_ip", "fingerprint", "host_key_fingerprint"]
        .map(|field| (field.to_owned(), format!("$response.body#/pending/{field}").into()));
    match operation {
        Operation::StartDay => [Operation::EndDay, Operation::CreateHandoff]
            .map(|to| (to.id().to_owned(), link(to, None, Some(session.clone()))))
            .to_vec(),
        Operation::RegisterMachine => {
            let access = Value::Object(access.into_iter().collect());
            let to = Operation::ApproveMachine;
            vec![(to.id().to_owned(), link(to, Some(""), Some(access)))]
        }
        _ => Vec::new(),
    }
}

/// A link to an operation. It takes the parameters of its path from the record at this pointer in the response.
fn link(to: Operation, record: Option<&str>, body: Option<Value>) -> Value {
    let parameters = record.into_iter().flat_map(|record| {
        to.path_parameters()
            .iter()
            .map(move |name| (format!("path.{name}"), format!("$response.body#{record}/{name}").into()))
    });
    let mut link = Map::from_iter([
        ("operationId".to_owned(), to.id().into()),
        ("parameters".to_owned(), Value::Object(parameters.collect())),
    ]);
    link.extend(body.map(|body| ("requestBody".to_owned(), body)));
    link.retain(|_, part| part != &json!({}));
    Value::Object(link)
}
