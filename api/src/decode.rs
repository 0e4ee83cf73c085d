//! Decodes bytes into typed requests. Decoding is strict: one JSON value, no duplicate key, no value that the
//! database or a hash would change. One error names all fields that are not valid.

use std::fmt;

use deckwatch_protocol::{ErrorCode, Violation, Violations, cut, pointer_step};
use deckwatch_secrets::in_text;
use deserr::Deserr;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Segment;

use crate::cursor::CursorMark;
use crate::error::{ApiError, before_first_secret};

/// Refuses a body whose content type is not JSON.
pub(crate) fn content_type(header: Option<&str>) -> Result<(), ApiError> {
    let mut parts = header.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    // JSON is UTF-8 (RFC 8259). A charset parameter with another value is refused.
    let mut charsets =
        parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    if is_json && charsets.all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send the body as UTF-8 with Content-Type: application/json."))
}

/// Parses a body into a JSON value that can be stored without changes.
pub(crate) fn value(bytes: &[u8]) -> Result<Value, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Strict(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
    deserializer.end().map_err(|error| ApiError::new(ErrorCode::MalformedJson, format!("The body: {error}.")))?;
    let mut violations = Violations::default();
    refuse_unstorable(&value, "", &mut violations);
    if violations.0.is_empty() { Ok(value) } else { Err(violations.into()) }
}

/// Converts a JSON value into a typed request.
pub(crate) fn typed<T: Deserr<Violations>>(value: Value) -> Result<T, ApiError> {
    Ok(deserr::deserialize(value)?)
}

/// Decodes a query string. Each parameter is a text and may appear only once. The mark is removed from a cursor. A
/// cursor of another list becomes an empty text, which is not a valid cursor.
pub(crate) fn query<T: Deserr<Violations>>(query: &str, mark: &CursorMark) -> Result<T, ApiError> {
    let mut parameters = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.contains('\0') || name.contains('\0') {
            return Err(Violations::at("/query", "must not contain the NUL character").into());
        }
        let value =
            if name == "cursor" { mark.place(&value).unwrap_or_default().to_owned() } else { value.into_owned() };
        if parameters.insert(name.clone().into_owned(), Value::String(value)).is_some() {
            return Err(Violations::at(format!("/{}", pointer_step(&name)), "is given more than once").into());
        }
    }
    Ok(deserr::deserialize(Value::Object(parameters))?)
}

fn malformed(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (pointer, _) = before_first_secret(&error.path().iter().map(segment).collect::<String>());
    let place = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
    let problem = ApiError::new(ErrorCode::MalformedJson, format!("The body{place}: {}.", error.inner()));
    if pointer.is_empty() { problem } else { problem.at(&pointer, "is malformed") }
}

/// One step of a JSON pointer.
fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => format!("/{}", pointer_step(key)),
        Segment::Unknown => String::new(),
    }
}

/// Refuses values that can't be stored. Other programs may cut a text at a NUL character. An integer beyond 2^53
/// would change.
fn refuse_unstorable(value: &Value, pointer: &str, violations: &mut Violations) {
    let mut refuse =
        |detail: &str| violations.0.push(Violation { pointer: pointer.to_owned(), detail: detail.to_owned() });
    match value {
        Value::String(text) if text.contains('\0') => refuse("must not contain the NUL character"),
        Value::Number(number) if !is_exact(number) => refuse("is an integer beyond 2^53; send it as a string"),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                refuse_unstorable(item, &format!("{pointer}/{n}"), violations);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                if key.contains('\0') {
                    let detail = "has a field whose name contains the NUL character".to_owned();
                    violations.0.push(Violation { pointer: pointer.to_owned(), detail });
                }
                refuse_unstorable(item, &format!("{pointer}/{}", pointer_step(key)), violations);
            }
        }
        _ => {}
    }
}

fn is_exact(number: &Number) -> bool {
    const MAX_EXACT: u64 = 1 << 53;
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(whole), _, _) => whole <= MAX_EXACT,
        (_, Some(whole), _) => whole.unsigned_abs() <= MAX_EXACT,
        // A float without a fraction was written as a float, or it was an integer too large for 64 bits.
        (_, _, Some(float)) => float.fract() != 0.0 || float.abs() <= 9_007_199_254_740_992.0,
        _ => false,
    }
}

/// A JSON value in which no object has a duplicate key.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(duplicate_key(&key)));
            }
            let Strict(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// The error text for a duplicate key. It names the key unless the key is a secret. The key is checked before it is
/// shortened, because a part of a secret must not be shown either.
fn duplicate_key(key: &str) -> String {
    match in_text(key) {
        Some(kind) => format!("a key that contains {kind} occurs more than once"),
        None => format!("the key {:?} occurs more than once", cut::to_chars(key, 64)),
    }
}

#[cfg(test)]
mod tests {
    use deckwatch_protocol::StartDay;

    use super::*;

    fn body<T: Deserr<Violations>>(bytes: &[u8]) -> Result<T, ApiError> {
        typed(value(bytes)?)
    }

    fn refusal(json: &str) -> ApiError {
        body::<StartDay>(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn one_error_names_every_invalid_field() {
        let error = refusal(r#"{"agent":"a b","client":7,"host":"h","venture":"alpha","nonsense":1}"#);
        let mut pointers: Vec<&str> = error.violations.iter().map(|v| v.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/agent", "/client", "/nonsense", "/repo"]);
    }

    #[test]
    fn a_body_that_is_not_json_is_malformed() {
        for text in ["", "{", "{}{}", "nul", "{\"a\":NaN}", "{\"a\":1e999}", r#"{"a":"\ud800"}"#, r#"{"a":1,"a":1}"#] {
            assert_eq!(refusal(text).code, ErrorCode::MalformedJson, "{text}");
        }
        assert_eq!(body::<StartDay>(b"\xff\xfe").unwrap_err().code, ErrorCode::MalformedJson);
        let deep = "[".repeat(100_000);
        assert_eq!(refusal(&deep).code, ErrorCode::MalformedJson);
    }

    #[test]
    fn a_lone_surrogate_is_refused_with_its_field() {
        let error = refusal(r#"{"meta":{"note":"\udc00"}}"#);
        assert_eq!(error.violations[0].pointer, "/meta/note", "{error:?}");
    }

    #[test]
    fn a_value_that_storage_would_change_is_refused_with_its_field() {
        let error = refusal(r#"{"meta":{"a/b~c":"\u0000"}}"#);
        assert_eq!(error.violations[0].pointer, "/meta/a~1b~0c");
        let error = refusal(r#"{"meta":{"n":9007199254740993,"t":["a\u0000b"],"big":1e300}}"#);
        let mut pointers: Vec<&str> = error.violations.iter().map(|v| v.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/meta/big", "/meta/n", "/meta/t/0"]);
    }

    #[test]
    fn a_body_must_be_declared_as_json_in_utf_8() {
        for good in ["application/json", "Application/JSON ; charset=\"UTF-8\"", "application/json;v=1"] {
            assert!(content_type(Some(good)).is_ok(), "{good}");
        }
        for bad in [None, Some("text/plain"), Some("application/json; charset=utf-16")] {
            assert_eq!(content_type(bad).unwrap_err().code, ErrorCode::UnsupportedMediaType, "{bad:?}");
        }
    }

    #[test]
    fn a_duplicate_parameter_is_refused() {
        let error =
            query::<deckwatch_protocol::SessionFilter>("limit=1&limit=2", &CursorMark::of("/", "")).err().unwrap();
        assert_eq!(error.violations[0].pointer, "/limit");
    }
}
