//! Direct access to the database, to change times and to read what the API does not show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_api::{App, Clock, Engine, Row, Settings};
use deckwatch_protocol::{SessionId, Timestamp};
use deckwatch_server::{Network, Sqlite, SystemClock, SystemEntropy};
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};

use crate::engine::{Api, Records};
use crate::test_request::TestRequest;

impl Api {
    /// Runs a statement on the engine's database; `params` is a JSON array.
    pub async fn db_execute(&self, sql: &str, params: Value) {
        self.db_query(sql, params).await;
    }

    /// Runs a query on the engine's database; `params` is a JSON array.
    pub async fn db_query(&self, sql: &str, params: Value) -> Vec<Row> {
        match self.records() {
            Records::File(path) => query_file(path, sql, &params),
            Records::Control(url) => {
                let ask = TestRequest::at("POST", "/sql").json(&json!({ "sql": sql, "params": params }));
                let mut answer = self.ask_control(url, ask).await;
                serde_json::from_value(answer["rows"].take()).unwrap()
            }
        }
    }

    /// Runs a query that returns one row with the column `n`.
    pub async fn db_count(&self, sql: &str, params: Value) -> u64 {
        let rows = self.db_query(sql, params).await;
        rows.first().and_then(|row| row.get("n")?.as_u64()).expect("the query did not return a row with the column n")
    }

    /// Sets a session's last heartbeat to so many minutes ago. The starts of days before it abandon no session that it
    /// silences, because it waits for their work after their answers.
    pub async fn db_silence(&self, session: &SessionId, minutes: i64) {
        self.after_answers().await;
        let heard = self.minutes_ago(minutes);
        self.db_execute("update sessions set last_heartbeat_at = ?1 where id = ?2", json!([heard, session])).await;
    }

    /// All records of a venture, to compare before and after a request.
    pub async fn db_records_of(&self, venture: &str) -> Value {
        let mut records = Vec::new();
        for table in [
            "ventures",
            "sessions",
            "handoffs",
            "notes",
            "context_docs",
            "doc_versions",
            "doc_requirements",
            "messages",
            "deliveries",
            "claims",
            "state_entries",
        ] {
            let column = match table {
                "ventures" => "code",
                "context_docs" | "doc_versions" => "scope",
                _ => "venture",
            };
            let sql = format!("select * from {table} where {column} = ?1 order by 1");
            records.push(json!({ "table": table, "rows": self.db_query(&sql, json!([venture])).await }));
        }
        Value::Array(records)
    }

    /// The time so many minutes ago.
    pub fn minutes_ago(&self, minutes: i64) -> Timestamp {
        SystemClock.now().plus_seconds(-60 * minutes)
    }

    /// Runs the scheduled sweep now.
    pub async fn sweep(&self) {
        self.sweep_with(&[]).await;
    }

    /// Runs the scheduled sweep now. If the embedded engine is under test, with these settings.
    pub async fn sweep_with(&self, variables: &[(&str, String)]) {
        match self.records() {
            Records::File(path) => {
                let var =
                    |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
                let settings = Settings::from_vars(Engine::Embedded, var).unwrap();
                let database = Arc::new(Sqlite::open(path).unwrap());
                let app = App::new(database, Arc::new(SystemClock), Arc::new(SystemEntropy), settings);
                app.with_outbound(Arc::new(Network::default())).sweep().await.unwrap();
            }
            Records::Control(url) => {
                self.ask_control(url, TestRequest::at("POST", "/scheduled")).await;
            }
        }
    }

    async fn ask_control(&self, url: &str, ask: TestRequest) -> Value {
        let response = self.send_to(url, ask).await;
        assert_eq!(response.status, 200, "{response}");
        response.json()
    }
}

fn query_file(path: &Path, sql: &str, params: &Value) -> Vec<Row> {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let params = params.as_array().expect("params must be an array").iter().map(sql_value);
    let mut cursor = statement.query(params_from_iter(params)).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = cursor.next().unwrap() {
        let values = columns.iter().enumerate().map(|(n, name)| (name.clone(), json_value(row.get_ref(n).unwrap())));
        rows.push(values.collect());
    }
    rows
}

fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Number(number) => SqlValue::Integer(number.as_i64().expect("a number must be an integer")),
        Value::String(text) => SqlValue::Text(text.clone()),
        other => panic!("{other} can't be a parameter"),
    }
}

fn json_value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
    }
}
