//! A connection to SQLite: its settings, the rows of a statement, and the meaning of its errors.

use deckwatch_api::{DatabaseError, Param, Row, Statement, fault};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, params_from_iter};

/// Number of prepared statements in the cache of a connection.
const STATEMENT_CACHE_SIZE: usize = 64;

/// Prepares each statement once. Without the stability guarantee, SQLite prepares a statement again for each new value
/// that its plan may depend on, which takes longer than the statement itself. D1 prepares each statement for its values,
/// so no plan may need this: a test explains all statements without values.
pub(crate) fn keep_prepared(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The rows of one statement.
pub(crate) fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let params = statement.params.iter().map(|param| match param {
        Param::Null => Value::Null,
        Param::Integer(number) => Value::Integer(*number),
        Param::Text(text) => Value::Text(text.clone()),
    });
    let mut cursor = prepared.query(params_from_iter(params))?;
    let mut rows = Vec::new();
    while let Some(row) = cursor.next()? {
        let values = columns.iter().enumerate().map(|(n, column)| Ok((column.clone(), json(row.get_ref(n)?))));
        rows.push(values.collect::<Result<Row, rusqlite::Error>>()?);
    }
    Ok(rows)
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}

pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(crate) fn classify(error: &rusqlite::Error) -> DatabaseError {
    match error.sqlite_error() {
        Some(code) => fault::of_sqlite_code(code.extended_code, error.to_string()),
        None => DatabaseError::Failed(error.to_string()),
    }
}

/// Sets the limits of D1, so that a statement that is too large for the other engine fails here too.
pub(crate) fn set_d1_limits(connection: &Connection) -> Result<(), rusqlite::Error> {
    let limits = [
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ];
    for (limit, value) in limits {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}
