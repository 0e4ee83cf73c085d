//! The API's database over Cloudflare D1.

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement};
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
        self.0.prepare(statement.sql.as_ref()).bind(&params).map_err(|error| classify(&words(&error)))
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let prepared = statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Vec<_>, _>>()?;
        let results = self.0.batch(prepared).await.map_err(|error| classify(&words(&error)))?;
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

/// What a message of D1 means. D1 gives no code, only text: `D1_ERROR: <words of SQLite>: SQLITE_<CODE>…`
/// for an error of SQLite, and prose for its own.
fn classify(message: &str) -> DatabaseError {
    let message = message.strip_prefix("D1_ERROR: ").unwrap_or(message);
    let Some((words, code)) = message.split_once(": SQLITE_") else { return classify_prose(message) };
    if code.starts_with("CONSTRAINT") {
        DatabaseError::Constraint(words.to_owned())
    } else if code.starts_with("BUSY") {
        DatabaseError::Unavailable(words.to_owned())
    } else {
        DatabaseError::Failed(words.to_owned())
    }
}

fn classify_prose(message: &str) -> DatabaseError {
    if message.contains("constraint failed") {
        DatabaseError::Constraint(message.to_owned())
    } else if TRANSIENT.iter().any(|sign| message.contains(sign)) {
        DatabaseError::Unavailable(message.to_owned())
    } else {
        DatabaseError::Failed(message.to_owned())
    }
}

/// Signs of the errors that D1's documentation says to retry.
const TRANSIENT: &[&str] = &[
    "Network connection lost",
    "client disconnected",
    "object to be reset",
    "was reset",
    "reset because",
    "transient issue",
    "overloaded",
    "nternal error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_keeps_the_words_of_sqlite() {
        assert_eq!(
            classify(
                "D1_ERROR: UNIQUE constraint failed: t.a, t.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"
            ),
            DatabaseError::Constraint("UNIQUE constraint failed: t.a, t.b".to_owned())
        );
        assert_eq!(
            classify("D1_ERROR: CHECK constraint failed: over_limit: SQLITE_CONSTRAINT"),
            DatabaseError::Constraint("CHECK constraint failed: over_limit".to_owned())
        );
    }

    #[test]
    fn what_d1_says_to_retry_is_unavailable() {
        for message in [
            "D1_ERROR: Network connection lost.",
            "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
            "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
            "D1_ERROR: database is locked: SQLITE_BUSY",
        ] {
            assert!(matches!(classify(message), DatabaseError::Unavailable(_)), "{message}");
        }
    }

    #[test]
    fn a_bad_statement_has_failed_even_when_it_quotes_a_sign() {
        let message = "D1_ERROR: no such table: overloaded: SQLITE_ERROR";
        assert_eq!(classify(message), DatabaseError::Failed("no such table: overloaded".to_owned()));
    }
}
