//! Implements the database of the API on Cloudflare D1.
//!
//! `bridge.mjs` calls D1. A batch crosses from WebAssembly to JavaScript as one text, and its rows come back as one text.

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement, fault};
use serde::ser::{Error as _, Serialize, Serializer};
use worker::js_sys::Error;
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

use crate::bridge::Bindings;

/// The limit up to which a double represents every whole number exactly. JavaScript has no other numbers.
const MAX_WHOLE_DOUBLE: i64 = 1 << 53;

/// A D1 binding.
pub(crate) struct D1(SendWrapper<Bindings>);

impl D1 {
    pub(crate) fn new(bindings: Bindings) -> Self {
        Self(SendWrapper::new(bindings))
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let failed = |error: serde_json::Error| DatabaseError::Failed(error.to_string());
        let statements: Vec<_> = statements.iter().map(|s| (&s.sql, Parameters(&s.params))).collect();
        let statements = serde_json::to_string(&statements).map_err(failed)?;
        let rows = JsFuture::from(self.0.batch(&statements)).await;
        let rows = rows.map_err(|error| fault::of_d1_message(&message(&error)))?.as_string();
        serde_json::from_str(&rows.unwrap_or_default()).map_err(failed)
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        // D1's future stays on the only thread of the isolate, so it is sound to declare it `Send`.
        SendFuture::new(self.run(statements)).await
    }
}

/// The parameters of a statement as a JSON array.
struct Parameters<'a>(&'a [Param]);

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Parameter))
    }
}

struct Parameter<'a>(&'a Param);

impl Serialize for Parameter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Param::Null => serializer.serialize_unit(),
            Param::Text(text) => serializer.serialize_str(text),
            Param::Integer(number) if number.abs() <= MAX_WHOLE_DOUBLE => serializer.serialize_i64(*number),
            Param::Integer(number) => {
                Err(S::Error::custom(format!("D1 can't store {number} exactly: its absolute value is above 2^53")))
            }
        }
    }
}

/// The message of an error from D1.
fn message(error: &JsValue) -> String {
    error.dyn_ref::<Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
