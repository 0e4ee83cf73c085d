//! Implements the database of the API on Cloudflare D1.
//!
//! `bridge.mjs` calls D1. A batch crosses from WebAssembly to JavaScript as one text, and its rows come back as one text.
//! A constant statement crosses only once in an isolate, then its number takes its place: a start of day has 30 KB of them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement, fault};
use serde::Serialize;
use serde::ser::{Error as _, Serializer};
use worker::js_sys::Error;
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

use crate::bridge::Bindings;

/// The limit up to which a double represents every whole number exactly. JavaScript has no other numbers.
const MAX_WHOLE_DOUBLE: i64 = 1 << 53;

thread_local! {
    /// The numbers that `bridge.mjs` has given to constant statements, by their address and length.
    static NUMBERS: RefCell<BTreeMap<(*const u8, usize), u32>> = RefCell::default();
}

/// A D1 binding.
pub(crate) struct D1(SendWrapper<Bindings>);

impl D1 {
    pub(crate) fn new(bindings: Bindings) -> Self {
        Self(SendWrapper::new(bindings))
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let failed = |error: serde_json::Error| DatabaseError::Failed(error.to_string());
        let statements: Vec<_> = statements.iter().map(|s| (self.sql(s), Parameters(&s.params))).collect();
        let statements = serde_json::to_string(&statements).map_err(failed)?;
        let rows = JsFuture::from(self.0.batch(&statements)).await;
        let rows = rows.map_err(|error| fault::of_d1_message(&message(&error)))?.as_string();
        serde_json::from_str(&rows.unwrap_or_default()).map_err(failed)
    }

    /// What stands for a statement in a batch.
    fn sql<'a>(&self, statement: &'a Statement) -> Sql<'a> {
        match &statement.sql {
            Cow::Owned(text) => Sql::Text(text),
            Cow::Borrowed(text) => {
                let place = (text.as_ptr(), text.len());
                Sql::Number(
                    NUMBERS.with_borrow_mut(|numbers| *numbers.entry(place).or_insert_with(|| self.0.keep(text))),
                )
            }
        }
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        // D1's future stays on the only thread of the isolate, so it is sound to declare it `Send`.
        SendFuture::new(self.run(statements)).await
    }
}

/// A statement in a batch: its text, or the number of a constant statement.
#[derive(Serialize)]
#[serde(untagged)]
enum Sql<'a> {
    Text(&'a str),
    Number(u32),
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
