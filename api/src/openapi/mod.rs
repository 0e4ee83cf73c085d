//! Builds the OpenAPI 3.1 document from the table of operations and the wire types.
//!
//! A test compares it with the committed `openapi.json`. The engines serve the committed file.

mod links;

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{
    Analytics, AnalyticsFilter, ApproveMachine, AuditFilter, CreateHandoff, CreateNote, CreateToken, DayEnded,
    DayStarted, Doc, DocFilter, DocName, DocPut, DocScope, DocText, DocVersion, EndDay, ErrorCode, FoundNote, GetDoc,
    Handoff, HandoffFilter, Health, Heartbeat, Host, LatestHandoffFilter, LeaveSession, ListDocVersions, ListTokens,
    ListVentures, LoggedRequest, Machine, MachineFilter, MachineHeartbeat, MintedToken, MoveRecords, Note, NoteFilter,
    Operation, Page, Problem, PutDoc, PutRequirement, PutVenture, RecordsMoved, RegisterMachine, RequestFilter,
    Requirement, RequirementDeleted, RequirementFilter, Session, SessionFilter, SshConfig, SshConfigFilter, StartDay,
    Token, UpdateNote, UpdateSession, Venture, VentureAudit, VentureCode, VentureDeleted, Version,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The whole document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in Operation::ALL {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method().to_lowercase(), describe(*operation, &mut schemas));
        }
    }
    let problem = json!({ "application/problem+json": { "schema": schemas.of::<Problem>() } });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Deckwatch Context API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Continuity, parallel awareness and knowledge for fleets of coding agents.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "responses": { "Problem": { "description": "The request was refused or failed. `code` gives the reason.", "content": problem } },
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// The schemas of requests and responses, in one set of definitions.
struct Schemas(SchemaGenerator);

impl Schemas {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        Self(settings.into_generator())
    }

    fn of<T: JsonSchema>(&mut self) -> Value {
        self.0.subschema_for::<T>().to_value()
    }

    fn definitions(mut self) -> Map<String, Value> {
        self.0.take_definitions(true)
    }
}

/// The request and the responses of an operation.
#[derive(Default)]
struct Shape {
    query: Option<Value>,
    body: Option<Value>,
    /// Success statuses, each with the schema of its response.
    answers: Vec<(u16, Value)>,
    /// Error codes of this operation, in addition to the common ones.
    refusals: Vec<ErrorCode>,
}

impl Shape {
    fn answering<T: JsonSchema>(schemas: &mut Schemas, statuses: &[u16]) -> Self {
        let schema = schemas.of::<T>();
        Self { answers: statuses.iter().map(|status| (*status, schema.clone())).collect(), ..Self::default() }
    }

    fn body<T: JsonSchema>(mut self, schemas: &mut Schemas) -> Self {
        self.body = Some(schemas.of::<T>());
        self
    }

    fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(schema_alone::<T>());
        self
    }

    fn refusing(mut self, codes: &[ErrorCode]) -> Self {
        self.refusals.extend(codes);
        self
    }
}

#[expect(clippy::too_many_lines, reason = "the function is a table with one row per operation")]
fn shape(operation: Operation, schemas: &mut Schemas) -> Shape {
    use ErrorCode as Code;
    let s = schemas;
    match operation {
        Operation::StartDay => {
            Shape::answering::<DayStarted>(s, &[200, 201]).body::<StartDay>(s).refusing(&[Code::VentureNotRegistered])
        }
        Operation::EndDay => {
            Shape::answering::<DayEnded>(s, &[200]).body::<EndDay>(s).refusing(&[Code::SessionNotFound])
        }
        Operation::ListSessions => Shape::answering::<Page<Session>>(s, &[200]).query::<SessionFilter>(),
        Operation::GetSession => Shape::answering::<Session>(s, &[200]).refusing(&[Code::SessionNotFound]),
        Operation::UpdateSession => Shape::answering::<Session>(s, &[200]).body::<UpdateSession>(s).refusing(&[
            Code::SessionNotFound,
            Code::SessionEnded,
            Code::SessionConflict,
        ]),
        Operation::Heartbeat => Shape::answering::<Heartbeat>(s, &[200]).refusing(&[
            Code::SessionNotFound,
            Code::SessionEnded,
            Code::SessionConflict,
        ]),
        Operation::LeaveSession => {
            Shape::answering::<Session>(s, &[200]).body::<LeaveSession>(s).refusing(&[Code::SessionNotFound])
        }
        Operation::CreateHandoff => {
            Shape::answering::<Handoff>(s, &[201]).body::<CreateHandoff>(s).refusing(&[Code::SessionNotFound])
        }
        Operation::ListHandoffs => Shape::answering::<Page<Handoff>>(s, &[200]).query::<HandoffFilter>(),
        Operation::LatestHandoff => {
            Shape::answering::<Handoff>(s, &[200]).query::<LatestHandoffFilter>().refusing(&[Code::HandoffNotFound])
        }
        Operation::GetHandoff => Shape::answering::<Handoff>(s, &[200]).refusing(&[Code::HandoffNotFound]),
        Operation::CreateNote => {
            Shape::answering::<Note>(s, &[201]).body::<CreateNote>(s).refusing(&[Code::VentureNotRegistered])
        }
        Operation::ListNotes => Shape::answering::<Page<FoundNote>>(s, &[200]).query::<NoteFilter>(),
        Operation::GetNote => Shape::answering::<Note>(s, &[200]).refusing(&[Code::NoteNotFound]),
        Operation::UpdateNote => Shape::answering::<Note>(s, &[200]).body::<UpdateNote>(s).refusing(&[
            Code::NoteNotFound,
            Code::NoteChanged,
            Code::VentureNotRegistered,
        ]),
        Operation::ArchiveNote | Operation::RestoreNote => {
            Shape::answering::<Note>(s, &[200]).refusing(&[Code::NoteNotFound, Code::NoteChanged])
        }
        Operation::ListDocs => Shape::answering::<Page<Doc>>(s, &[200]).query::<DocFilter>(),
        Operation::GetDoc => Shape::answering::<DocText>(s, &[200]).query::<GetDoc>().refusing(&[Code::DocNotFound]),
        Operation::ListDocVersions => {
            Shape::answering::<Page<DocVersion>>(s, &[200]).query::<ListDocVersions>().refusing(&[Code::DocNotFound])
        }
        Operation::PutDoc => Shape::answering::<DocPut>(s, &[200, 201]).body::<PutDoc>(s).refusing(&[
            Code::Forbidden,
            Code::DocChanged,
            Code::VentureNotRegistered,
        ]),
        Operation::DeleteDoc => {
            Shape::answering::<DocVersion>(s, &[200]).refusing(&[Code::Forbidden, Code::DocNotFound, Code::DocChanged])
        }
        Operation::ListVentures => Shape::answering::<Page<Venture>>(s, &[200]).query::<ListVentures>(),
        Operation::PutVenture => {
            Shape::answering::<Venture>(s, &[200, 201]).body::<PutVenture>(s).refusing(&[Code::Forbidden])
        }
        Operation::DeleteVenture => {
            Shape::answering::<VentureDeleted>(s, &[200]).refusing(&[Code::Forbidden, Code::VentureNotFound])
        }
        Operation::MoveRecords => Shape::answering::<RecordsMoved>(s, &[200])
            .body::<MoveRecords>(s)
            .refusing(&[Code::Forbidden, Code::VentureNotRegistered]),
        Operation::RegisterMachine => Shape::answering::<Machine>(s, &[200, 201]).body::<RegisterMachine>(s),
        Operation::ListMachines => Shape::answering::<Page<Machine>>(s, &[200]).query::<MachineFilter>(),
        Operation::MachineHeartbeat => {
            Shape::answering::<MachineHeartbeat>(s, &[200]).refusing(&[Code::MachineNotFound, Code::MachineRetired])
        }
        Operation::ApproveMachine => Shape::answering::<Machine>(s, &[200]).body::<ApproveMachine>(s).refusing(&[
            Code::Forbidden,
            Code::MachineNotFound,
            Code::MachineRetired,
            Code::MachineChanged,
        ]),
        Operation::RetireMachine => {
            Shape::answering::<Machine>(s, &[200]).refusing(&[Code::Forbidden, Code::MachineNotFound])
        }
        Operation::SshConfig => Shape::answering::<SshConfig>(s, &[200]).query::<SshConfigFilter>(),
        Operation::AuditDocs => Shape::answering::<Page<VentureAudit>>(s, &[200])
            .query::<AuditFilter>()
            .refusing(&[Code::VentureNotRegistered]),
        Operation::ListRequirements => Shape::answering::<Page<Requirement>>(s, &[200]).query::<RequirementFilter>(),
        Operation::PutRequirement => Shape::answering::<Requirement>(s, &[200, 201])
            .body::<PutRequirement>(s)
            .refusing(&[Code::Forbidden, Code::RequirementsFull, Code::VentureNotRegistered]),
        Operation::DeleteRequirement => {
            Shape::answering::<RequirementDeleted>(s, &[200]).refusing(&[Code::Forbidden, Code::RequirementNotFound])
        }
        Operation::SessionAnalytics => Shape::answering::<Analytics>(s, &[200]).query::<AnalyticsFilter>(),
        Operation::CreateToken => Shape::answering::<MintedToken>(s, &[201])
            .body::<CreateToken>(s)
            .refusing(&[Code::Forbidden, Code::VentureNotRegistered]),
        Operation::ListTokens => {
            Shape::answering::<Page<Token>>(s, &[200]).query::<ListTokens>().refusing(&[Code::Forbidden])
        }
        Operation::RevokeToken => {
            Shape::answering::<Token>(s, &[200]).refusing(&[Code::Forbidden, Code::TokenNotFound])
        }
        Operation::ListRequests => {
            Shape::answering::<Page<LoggedRequest>>(s, &[200]).query::<RequestFilter>().refusing(&[Code::Forbidden])
        }
        Operation::Health => Shape::answering::<Health>(s, &[200]),
        Operation::Version => Shape::answering::<Version>(s, &[200]),
        Operation::Openapi => Shape { answers: vec![(200, json!({ "type": "object" }))], ..Shape::default() },
    }
}

fn describe(operation: Operation, schemas: &mut Schemas) -> Value {
    let shape = shape(operation, schemas);
    let mut described = json!({
        "operationId": operation.id(),
        "summary": operation.summary(),
        "parameters": parameters(operation, shape.query.as_ref()),
        "responses": responses(operation, &shape),
    });
    if let Some(fields) = described.as_object_mut() {
        if operation.tier() == Tier::Public {
            fields.insert("security".to_owned(), json!([]));
        }
        if let Some(body) = shape.body {
            let content = json!({ "required": true, "content": { "application/json": { "schema": body } } });
            fields.insert("requestBody".to_owned(), content);
        }
    }
    described
}

fn parameters(operation: Operation, query: Option<&Value>) -> Vec<Value> {
    let mut parameters = Vec::new();
    // An `id` has no pattern, because an id that is not valid gives "not found". Codes and hostnames have their
    // schemas, because other values can't be registered.
    let in_path = [
        ("id", json!({ "type": "string" })),
        ("code", schema_alone::<VentureCode>()),
        ("hostname", schema_alone::<Host>()),
        ("scope", schema_alone::<DocScope>()),
        ("name", schema_alone::<DocName>()),
    ];
    for (name, schema) in in_path {
        if operation.path().contains(&format!("{{{name}}}")) {
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
    }
    if operation.effect() == Effect::Write {
        let schema = json!({ "type": "string", "pattern": "^[!-~]+$", "minLength": 16, "maxLength": 200 });
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true, "schema": schema,
            "description": "Identifies the intended change. Send the same key with every retry of the request.",
        }));
    }
    if matches!(operation, Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote) {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The ETag of the note that the client read. If the note has changed since, the request \
             fails and changes nothing.",
        }));
    }
    if operation == Operation::GetNote {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
            "description": "The ETag of the note that the client has. If the note has not changed, the response is \
             304 without a body.",
        }));
    }
    if matches!(operation, Operation::PutDoc | Operation::DeleteDoc) {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The ETag of the document that the client read. If the document has changed since, the \
             request fails and changes nothing.",
        }));
    }
    if operation == Operation::PutDoc {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
            "description": "With `*`, the request succeeds only if the document does not exist yet.",
        }));
    }
    if operation == Operation::GetDoc {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
            "description": "The ETag of the document that the client has. If the document has not changed, the \
             response is 304 without a body.",
        }));
    }
    let properties = query.and_then(|schema| schema.get("properties")?.as_object());
    for (name, schema) in properties.into_iter().flatten() {
        let definitions = query.and_then(|query| query.get("$defs"));
        parameters.push(json!({ "name": name, "in": "query", "schema": not_null(schema, definitions) }));
    }
    parameters
}

/// The schema of a type, with its definitions inside.
fn schema_alone<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// A query parameter can be absent but can't be `null`. It has no shared definitions, so references are resolved.
fn not_null(schema: &Value, definitions: Option<&Value>) -> Value {
    let mut schema = schema.clone();
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let real = alternatives.iter().find(|alternative| alternative.get("type") != Some(&json!("null")));
        schema = real.cloned().unwrap_or_default();
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        schema = definitions.and_then(|definitions| definitions.get(name)).cloned().unwrap_or_default();
    }
    if let Some(fields) = schema.as_object_mut() {
        let kind = fields.get("type").and_then(Value::as_array).and_then(|kinds| kinds.first()).cloned();
        fields.extend(kind.map(|kind| ("type".to_owned(), kind)));
    }
    schema
}

fn responses(operation: Operation, shape: &Shape) -> Map<String, Value> {
    let mut responses = Map::new();
    for (status, schema) in &shape.answers {
        let content = json!({ "application/json": { "schema": schema } });
        let links = Some(links::of(operation)).filter(|links| !links.is_empty());
        let mut success =
            Map::from_iter([("description".to_owned(), "Success.".into()), ("content".to_owned(), content)]);
        success.extend(links.map(|links| ("links".to_owned(), Value::Object(links))));
        responses.insert(status.to_string(), Value::Object(success));
    }
    if matches!(operation, Operation::GetNote | Operation::GetDoc) {
        responses.insert(
            "304".to_owned(),
            json!({ "description": "The record still has the ETag that `If-None-Match` \
                          names." }),
        );
    }
    let mut refusals = shape.refusals.clone();
    refusals.extend([ErrorCode::InternalError, ErrorCode::DatabaseUnavailable, ErrorCode::UriTooLong]);
    refusals.extend([ErrorCode::RequestTimeout, ErrorCode::HeadersTooLarge]);
    if operation.tier() != Tier::Public {
        refusals.extend([ErrorCode::InvalidRequest, ErrorCode::Unauthorized, ErrorCode::RateLimited]);
        refusals.extend([ErrorCode::PayloadTooLarge, ErrorCode::UnsupportedMediaType]);
    }
    if operation.effect() == Effect::Write {
        refusals.push(ErrorCode::IdempotencyKeyReused);
    }
    for refusal in refusals {
        responses.insert(refusal.status().to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    responses
}
