//! The API's database over Cloudflare D1.

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement, fault};
use worker::send::SendFuture;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result};

/// The first whole number that a double can't tell from its neighbour.
const MAX_WHOLE_DOUBLE: i64 = 1 << 53;

/// A D1 binding.
pub(crate) struct D1(D1Database);

impl D1 {
    pub(crate) fn new(binding: D1Database) -> Self {
        Self(binding)
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, DatabaseError> {
        // The binding would panic on it.
        if statement.sql.contains('\0') {
            return Err(DatabaseError::Failed("a statement has a NUL byte".to_owned()));
        }
        let params: Vec<JsValue> = statement.params.iter().map(to_js).collect::<Result<_, _>>()?;
        self.0.prepare(statement.sql.as_ref()).bind(&params).map_err(|error| fault::of_d1_message(&words(&error)))
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let prepared = statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Vec<_>, _>>()?;
        let results = self.0.batch(prepared).await.map_err(|error| fault::of_d1_message(&words(&error)))?;
        results.iter().map(rows).collect()
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        // What D1 returns stays on the isolate's only thread, so the promise of `Send` is kept.
        SendFuture::new(self.run(statements)).await
    }
}

/// D1 takes numbers as doubles only.
fn to_js(param: &Param) -> Result<JsValue, DatabaseError> {
    match param {
        Param::Null => Ok(JsValue::NULL),
        Param::Text(text) => Ok(JsValue::from_str(text)),
        Param::Integer(number) if number.abs() <= MAX_WHOLE_DOUBLE => {
            #[expect(clippy::cast_precision_loss, reason = "the guard keeps what a double holds exactly")]
            let double = *number as f64;
            Ok(JsValue::from_f64(double))
        }
        Param::Integer(number) => Err(DatabaseError::Failed(format!("{number} is too large for D1"))),
    }
}

/// The rows of one statement; the conversion gives whole numbers as integers.
fn rows(result: &D1Result) -> Result<Vec<Row>, DatabaseError> {
    result.results().map_err(|error| DatabaseError::Failed(format!("a row can't be read: {error}")))
}

/// The message of an error that D1 threw.
fn words(error: &worker::Error) -> String {
    match error {
        worker::Error::D1(error) => String::from(AsRef::<worker::js_sys::Error>::as_ref(error).message()),
        worker::Error::UnknownJsError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
