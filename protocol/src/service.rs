//! What the service says of itself.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The answer of `GET /health`; it asks the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`: an engine that can't reach its database answers 503.
    pub status: String,
    /// `embedded` or `worker`.
    pub engine: String,
    /// The server's clock.
    pub time: Timestamp,
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
