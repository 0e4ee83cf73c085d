//! JSON schemas of arguments and results, in a simple form that every agent's CLI accepts.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of a tool's arguments.
pub(crate) fn of_arguments<T: JsonSchema>() -> JsonObject {
    portable::<T>(SchemaSettings::draft2020_12())
}

/// The schema of a tool's result. To save context, it has no bounds, no descriptions below the first level, and no
/// `required` in nested objects. The report contains the same facts as text.
pub(crate) fn of_result<T: JsonSchema>() -> JsonObject {
    let mut schema = Value::Object(portable::<T>(SchemaSettings::draft2020_12().for_serialize()));
    remove_bounds(&mut schema);
    if let Some(Value::Object(fields)) = schema.pointer_mut("/properties") {
        fields.values_mut().for_each(remove_details);
    }
    match schema {
        Value::Object(root) => root,
        _ => JsonObject::default(),
    }
}

fn remove_details(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("required").is_some_and(Value::is_array) {
                object.remove("required");
            }
            if object.get("description").is_some_and(Value::is_string) {
                object.remove("description");
            }
            object.values_mut().for_each(remove_details);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_details),
        _ => {}
    }
}

fn remove_bounds(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for bound in ["minimum", "maximum", "minLength", "maxLength"] {
                if object.get(bound).is_some_and(Value::is_number) {
                    object.remove(bound);
                }
            }
            object.values_mut().for_each(remove_bounds);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_bounds),
        _ => {}
    }
}

fn portable<T: JsonSchema>(mut settings: SchemaSettings) -> JsonObject {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    simplify(&mut schema);
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

/// Removes parts that some CLI refuses or that are not needed: patterns, number formats and nullable types. Turns a
/// list of constant strings into an `enum`.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for key in ["pattern", "format"] {
                if object.get(key).is_some_and(Value::is_string) {
                    object.remove(key);
                }
            }
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
