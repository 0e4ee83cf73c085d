//! JSON schemas of arguments and results, in a simple form that every agent's CLI accepts.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Keywords that some CLI refuses, or that only repeat the type.
const NOT_PORTABLE: [&str; 2] = ["pattern", "format"];
/// Keywords that an agent does not need for a correct call: the server checks bounds, and its error names them, with an
/// example. The decoder knows the defaults.
const CHECKED_BY_THE_SERVER: [&str; 6] = ["minimum", "maximum", "minLength", "maxLength", "default", "examples"];
/// Keywords that a program does not need to read an answer.
const NOT_FOR_PROGRAMS: [&str; 2] = ["description", "required"];

/// The schema of a tool's arguments, as the server uses it.
pub(crate) fn of_arguments<T: JsonSchema>() -> JsonObject {
    portable::<T>(SchemaSettings::draft2020_12())
}

/// The schema of a tool's arguments, as clients get it: names, types, words and descriptions.
pub(crate) fn for_clients(arguments: JsonObject) -> JsonObject {
    without(&CHECKED_BY_THE_SERVER, arguments)
}

/// The schema of a tool's answer: the fields that a program acts on, with their types. It does not have the report, which
/// is also the text of the answer, nor fields with `#[schemars(skip)]`. An answer may have more fields than its schema.
pub(crate) fn of_answer<T: JsonSchema>() -> JsonObject {
    let mut schema = portable::<T>(SchemaSettings::draft2020_12().for_serialize());
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.remove("report");
    }
    without(&NOT_FOR_PROGRAMS, without(&CHECKED_BY_THE_SERVER, schema))
}

/// Removes the description that a field gets from its type. Its name says enough.
pub(crate) fn undescribed(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// The schema without these keywords, at any depth.
fn without(keywords: &[&str], schema: JsonObject) -> JsonObject {
    let mut schema = Value::Object(schema);
    remove(keywords, &mut schema);
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::default(),
    }
}

/// Removes keywords. No value of theirs is an object, so an object of this name is the schema of a field.
fn remove(keywords: &[&str], schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|key, value| value.is_object() || !keywords.contains(&key.as_str()));
            object.values_mut().for_each(|value| remove(keywords, value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(keywords, item)),
        _ => {}
    }
}

fn portable<T: JsonSchema>(mut settings: SchemaSettings) -> JsonObject {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    simplify(&mut schema);
    remove(&NOT_PORTABLE, &mut schema);
    match schema {
        Value::Object(mut root) => {
            root.remove("title");
            root.remove("description");
            root
        }
        // A type without fields: any object.
        _ => JsonObject::from_iter([("type".to_owned(), json!("object"))]),
    }
}

/// Replaces parts that some CLI refuses: nullable types, and lists of constant strings, which become an `enum`.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get("type") {
                let named = types.iter().find(|name| *name != "null").cloned();
                object.extend(named.map(|name| ("type".to_owned(), name)));
            }
            // The type is no longer nullable. Gemini refuses all tools if one value of an `enum` is not a string.
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(values) = object.get("oneOf").and_then(string_constants) {
                object.remove("oneOf");
                object.insert("type".to_owned(), json!("string"));
                object.insert("enum".to_owned(), values);
            }
            object.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

fn string_constants(alternatives: &Value) -> Option<Value> {
    alternatives.as_array()?.iter().map(|one| one.get("const").filter(|value| value.is_string()).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    struct Sample {
        /// How far.
        status: deckwatch_protocol::HandoffStatus,
        count: Option<u64>,
        agent: deckwatch_protocol::Agent,
        at: Option<deckwatch_protocol::Timestamp>,
        word: Option<Word>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum Word {
        One,
        Two,
    }

    #[test]
    fn schemas_are_simple() {
        let schema = Value::Object(of_arguments::<Sample>());
        let expected = json!({
            "type": "object",
            "properties": {
                "status": {
                    "description": "How far.", "type": "string",
                    "enum": ["in_progress", "blocked", "ready", "done"],
                },
                "count": {"type": "integer", "minimum": 0},
                "agent": {"type": "string", "minLength": 1, "maxLength": 128},
                "at": {"type": "string"},
                "word": {"type": "string", "enum": ["One", "Two"]},
            },
            "required": ["status", "agent"],
        });
        assert_eq!(schema, expected);
    }
}
