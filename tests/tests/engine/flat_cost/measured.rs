//! A database that counts the steps of SQLite's virtual machine.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deckwatch_api::fault::Violated;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement};
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, StatementStatus, params_from_iter};
use serde_json::Value;

/// A database that counts the steps of its statements.
#[derive(Clone)]
pub(super) struct Measured(pub(super) Arc<Mutex<(Connection, u64)>>);

impl Measured {
    fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<(Vec<Row>, u64)> {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        prepared.reset_status(StatementStatus::VmStep);
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let params = statement.params.iter().map(|param| match param {
            Param::Null => SqlValue::Null,
            Param::Integer(number) => SqlValue::Integer(*number),
            Param::Text(text) => SqlValue::Text(text.clone()),
        });
        let mut found = Vec::new();
        let mut rows = prepared.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            let value = |n| match row.get_ref(n).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => number.into(),
                other => other.as_str().unwrap().into(),
            };
            found.push(columns.iter().enumerate().map(|(n, name)| (name.clone(), value(n))).collect());
        }
        drop(rows);
        let steps = prepared.get_status(StatementStatus::VmStep);
        Ok((found, u64::try_from(steps).unwrap()))
    }
}

#[async_trait]
impl Database for Measured {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let mut guard = self.0.lock().unwrap();
        let (connection, work) = &mut *guard;
        let transaction = connection.transaction().unwrap();
        let mut all = Vec::new();
        for statement in statements {
            match Self::run(&transaction, statement) {
                Ok((rows, steps)) => {
                    all.push(rows);
                    *work += steps;
                }
                Err(error) => return Err(DatabaseError::Constraint(Violated::parse(&error.to_string()))),
            }
        }
        transaction.commit().unwrap();
        Ok(all)
    }
}
