//! What the service says of itself.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The answer of `GET /health`; it asks the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`: an engine that can't read or write its database answers 503.
    pub status: String,
    /// `embedded` or `worker`.
    pub engine: String,
    /// The server's clock.
    pub time: Timestamp,
    /// How long writes have waited by now, in seconds: because another process is writing to the database, or for a
    /// second or longer behind other requests; `null` when they don't. A request waits 5 s at most and is then answered
    /// 503.
    #[serde(default)]
    pub writes_wait_seconds: Option<u32>,
    /// What the operator of the server should do, in a sentence, such as restart it after an update; `null` when nothing.
    #[serde(default)]
    pub notice: Option<String>,
    /// The last run of the scheduled sweep, which is due every 10 minutes; `null` before the first.
    #[serde(default)]
    pub last_sweep: Option<SweepRun>,
}

/// One run of the sweep: what fell silent was abandoned, what had expired was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `null` while it runs, and for one that was cut off.
    pub finished_at: Option<Timestamp>,
    /// Whether it left something for the next run.
    pub more: bool,
    /// Sessions abandoned.
    pub sessions: u32,
    /// Idempotency keys forgotten.
    pub keys: u32,
    /// Rate windows forgotten.
    pub rates: u32,
    /// Log rows forgotten.
    pub log: u32,
}

/// The answer of `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Version {
    /// The version of the API.
    pub version: String,
    /// The commit the engine was built from, or `unknown` outside a checkout.
    pub commit: String,
    /// `embedded` or `worker`.
    pub engine: String,
    /// The migrations applied to its database, in order.
    pub migrations: Vec<String>,
}
