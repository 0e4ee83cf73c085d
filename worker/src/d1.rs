//! Implements the database of the API on Cloudflare D1.

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement, fault};
use worker::send::SendFuture;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result};

/// The limit up to which a double represents every whole number exactly.
const MAX_WHOLE_DOUBLE: i64 = 1 << 53;

/// A D1 binding.
pub(crate) struct D1(D1Database);

impl D1 {
    pub(crate) fn new(binding: D1Database) -> Self {
        Self(binding)
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, DatabaseError> {
        // The D1 binding would panic on a NUL byte.
        if statement.sql.contains('\0') {
            return Err(DatabaseError::Failed("a statement contains a NUL byte, which D1 does not accept".to_owned()));
        }
        let params: Vec<JsValue> = statement.params.iter().map(to_js).collect::<Result<_, _>>()?;
        self.0.prepare(statement.sql.as_ref()).bind(&params).map_err(|error| fault::of_d1_message(&message(&error)))
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let prepared = statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Vec<_>, _>>()?;
        let results = self.0.batch(prepared).await.map_err(|error| fault::of_d1_message(&message(&error)))?;
        results.iter().map(rows).collect()
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        // D1's future stays on the only thread of the isolate, so it is sound to declare it `Send`.
        SendFuture::new(self.run(statements)).await
    }
}

/// Converts a parameter to JavaScript. D1 accepts numbers only as doubles.
fn to_js(param: &Param) -> Result<JsValue, DatabaseError> {
    match param {
        Param::Null => Ok(JsValue::NULL),
        Param::Text(text) => Ok(JsValue::from_str(text)),
        Param::Integer(number) if number.abs() <= MAX_WHOLE_DOUBLE => {
            #[expect(
                clippy::cast_precision_loss,
                reason = "the guard admits only numbers that a double represents exactly"
            )]
            let double = *number as f64;
            Ok(JsValue::from_f64(double))
        }
        Param::Integer(number) => {
            Err(DatabaseError::Failed(format!("D1 can't store {number} exactly: its absolute value is above 2^53")))
        }
    }
}

/// The rows of one statement. The conversion turns whole numbers into integers.
fn rows(result: &D1Result) -> Result<Vec<Row>, DatabaseError> {
    result.results().map_err(|error| DatabaseError::Failed(format!("a row from D1 can't be decoded: {error}")))
}

/// The message of an error from D1.
fn message(error: &worker::Error) -> String {
    match error {
        worker::Error::D1(error) => String::from(AsRef::<worker::js_sys::Error>::as_ref(error).message()),
        worker::Error::UnknownJsError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
