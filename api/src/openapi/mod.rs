//! Builds the OpenAPI 3.1 document from the table of operations and the wire types.
//!
//! A test compares it with the committed `openapi.json`. The engines serve the committed file.

mod links;

use deckwatch_protocol::endpoint::{Endpoint, EndpointVisitor, PathParameters, schema_alone};
use deckwatch_protocol::operation::{Condition, Effect, Tier};
use deckwatch_protocol::{ErrorCode, Operation, Problem};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The whole document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in Operation::ALL {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method().to_lowercase(), operation.visit(Description(&mut schemas)));
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

/// Describes an operation. Its types come from the table of operations.
struct Description<'a>(&'a mut Schemas);

impl EndpointVisitor for Description<'_> {
    type Output = Value;

    fn visit<E: Endpoint>(self) -> Value {
        let operation = E::OPERATION;
        // The order decides which of two types with the same name keeps it.
        let answer = self.0.of::<E::Answer>();
        let body = operation.takes_body().then(|| self.0.of::<E::Body>());
        let mut parameters = path_parameters::<E>();
        parameters.extend(header_parameters(operation));
        parameters.extend(query_parameters(&schema_alone::<E::Query>().to_value()));
        let mut described = json!({
            "operationId": operation.id(),
            "summary": operation.summary(),
            "parameters": parameters,
            "responses": responses(operation, &answer),
        });
        if let Some(fields) = described.as_object_mut() {
            if operation.tier() == Tier::Public {
                fields.insert("security".to_owned(), json!([]));
            }
            if let Some(body) = body {
                let content = json!({ "required": true, "content": { "application/json": { "schema": body } } });
                fields.insert("requestBody".to_owned(), content);
            }
        }
        described
    }
}

fn path_parameters<E: Endpoint>() -> Vec<Value> {
    let parameter = |(name, schema): (&&str, Schema)| {
        // An `id` has no pattern, because an id that is not valid gives "not found". Codes and hostnames have their
        // schemas, because other values can't be registered.
        let schema = if *name == "id" { json!({ "type": "string" }) } else { schema.to_value() };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    };
    E::OPERATION.path_parameters().iter().zip(E::Path::schemas()).map(parameter).collect()
}

fn header_parameters(operation: Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.effect() == Effect::Write {
        let schema = json!({ "type": "string", "pattern": "^[!-~]+$", "minLength": 16, "maxLength": 200 });
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true, "schema": schema,
            "description": "Identifies the intended change. Send the same key with every retry of the request.",
        }));
    }
    let record = operation.record();
    parameters.extend(operation.conditions().iter().map(|condition| {
        let (name, description) = match condition {
            Condition::IfUnchanged => (
                "If-Match",
                format!(
                    "The ETag of the {record} that the client read. If the {record} has changed since, the request \
                     fails and changes nothing."
                ),
            ),
            Condition::UnlessKnown => (
                "If-None-Match",
                format!(
                    "The ETag of the {record} that the client has. If the {record} has not changed, the response is \
                     304 without a body."
                ),
            ),
            Condition::IfAbsent => {
                ("If-None-Match", format!("With `*`, the request succeeds only if the {record} does not exist yet."))
            }
        };
        json!({ "name": name, "in": "header", "schema": { "type": "string" }, "description": description })
    }));
    parameters
}

fn query_parameters(query: &Value) -> Vec<Value> {
    let properties = query.get("properties").and_then(Value::as_object);
    let required = query.get("required").and_then(Value::as_array);
    let parameter = |(name, schema): (&String, &Value)| {
        let schema = not_null(schema, query.get("$defs"));
        if required.is_some_and(|required| required.iter().any(|known| known == name)) {
            json!({ "name": name, "in": "query", "required": true, "schema": schema })
        } else {
            json!({ "name": name, "in": "query", "schema": schema })
        }
    };
    properties.into_iter().flatten().map(parameter).collect()
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

fn responses(operation: Operation, answer: &Value) -> Map<String, Value> {
    let mut responses = Map::new();
    for status in operation.statuses() {
        let content = json!({ "application/json": { "schema": answer } });
        let links = Some(links::of(operation)).filter(|links| !links.is_empty());
        let mut success =
            Map::from_iter([("description".to_owned(), "Success.".into()), ("content".to_owned(), content)]);
        success.extend(links.map(|links| ("links".to_owned(), Value::Object(links))));
        responses.insert(status.to_string(), Value::Object(success));
    }
    if operation.accepts(Condition::UnlessKnown) {
        let description = "The record still has the ETag that `If-None-Match` names.";
        responses.insert("304".to_owned(), json!({ "description": description }));
    }
    for refusal in refusals(operation) {
        responses.insert(refusal.status().to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    responses
}

/// The error codes of an operation: those of its row, and those of its tier and effect.
fn refusals(operation: Operation) -> Vec<ErrorCode> {
    let mut refusals = operation.refusals().to_vec();
    refusals.extend(operation.missing());
    refusals.extend([ErrorCode::InternalError, ErrorCode::DatabaseUnavailable, ErrorCode::UriTooLong]);
    refusals.extend([ErrorCode::RequestTimeout, ErrorCode::HeadersTooLarge]);
    if operation.tier() != Tier::Public {
        refusals.extend([ErrorCode::InvalidRequest, ErrorCode::Unauthorized, ErrorCode::RateLimited]);
        refusals.extend([ErrorCode::PayloadTooLarge, ErrorCode::UnsupportedMediaType]);
    }
    if operation.tier() == Tier::Admin {
        refusals.push(ErrorCode::Forbidden);
    }
    if operation.effect() == Effect::Write {
        refusals.push(ErrorCode::IdempotencyKeyReused);
    }
    refusals
}
