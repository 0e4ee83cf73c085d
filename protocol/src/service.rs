//! Information about the service: health and version.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The answer of `GET /health`. The check queries the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`. An engine that can't read or write its database returns 503 instead.
    pub status: String,
    /// The engine: `embedded` or `worker`.
    pub engine: String,
    /// The current time of the server.
    pub time: Timestamp,
    /// For how many seconds writes have been waiting, because another process has locked the database, or for a second or
    /// longer behind other requests. `null` if no write waits. A request waits at most 5 s and then gets a 503 response.
    #[serde(default)]
    pub writes_wait_seconds: Option<u32>,
    /// What the operator of the server should do, in one sentence, such as to restart it after an update. `null` if there
    /// is nothing to do.
    #[serde(default)]
    pub notice: Option<String>,
    /// The last run of the sweep, which is scheduled every 10 minutes. `null` before the first run.
    #[serde(default)]
    pub last_sweep: Option<SweepRun>,
}

/// One run of the sweep. It marks silent sessions as abandoned and deletes expired data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepRun {
    /// When the run started.
    pub started_at: Timestamp,
    /// When the run ended. `null` if it is still running or was interrupted.
    pub finished_at: Option<Timestamp>,
    /// Whether work is left for the next run.
    pub more: bool,
    /// The number of sessions marked as abandoned.
    pub sessions: u32,
    /// The number of idempotency keys deleted.
    pub keys: u32,
    /// The number of rate limit windows deleted.
    pub rates: u32,
    /// The number of log rows deleted.
    pub log: u32,
    /// The number of events deleted.
    #[serde(default)]
    pub events: u32,
}

/// The answer of `GET /openapi.json`: a JSON object in the format of OpenAPI 3.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenapiDocument(pub serde_json::Map<String, serde_json::Value>);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for OpenapiDocument {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OpenapiDocument".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

/// The answer of `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Version {
    /// The version of the API.
    pub version: String,
    /// The commit that the engine was built from. `unknown` if it was built outside a git repository.
    pub commit: String,
    /// The engine: `embedded` or `worker`.
    pub engine: String,
    /// The migrations that were applied to the database, in order.
    pub migrations: Vec<String>,
}

impl Version {
    /// Compares the version of the API with that of a program: `Less` if the API is older.
    pub fn compared_with(&self, program: &str) -> Ordering {
        /// The numbers of a version, so that `0.10.1` comes after `0.9.2`.
        fn numbers(version: &str) -> impl Iterator<Item = u64> {
            version.split(['.', '-', '+']).map_while(|number| number.parse().ok())
        }
        numbers(&self.version).cmp(numbers(program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let api = |version: &str| Version {
            version: version.to_owned(),
            commit: String::new(),
            engine: String::new(),
            migrations: Vec::new(),
        };
        for (version, program, expected) in [
            ("0.10.1", "0.9.2", Ordering::Greater),
            ("0.9.2", "0.10.1", Ordering::Less),
            ("1.2.3", "1.2.3", Ordering::Equal),
            ("1.2", "1.2.1", Ordering::Less),
        ] {
            assert_eq!(api(version).compared_with(program), expected, "{version} and {program}");
        }
    }
}
