//! Public information about the service.

use std::time::Duration;

use deckwatch_protocol::{ErrorCode, Timestamp};

use crate::plan::Plan;
use crate::settings::Engine;
use crate::store;

/// The OpenAPI document. `just gen` writes it, and a test compares it with the wire types.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Reports that the database answers, how long writes have waited, and what the operator must do.
pub(crate) fn health(engine: Engine, now: Timestamp, writes_wait: Option<Duration>, notice: Option<String>) -> Plan {
    let seconds = writes_wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX));
    Plan::record(store::service::health(engine.as_str(), now, seconds, notice), ErrorCode::InternalError)
}

/// Returns the build and the migrations of its database.
pub(crate) fn version(engine: Engine) -> Plan {
    let select = store::service::version(env!("CARGO_PKG_VERSION"), crate::COMMIT, engine.as_str());
    Plan::record(select, ErrorCode::InternalError)
}

/// Returns the OpenAPI document.
pub(crate) fn openapi() -> Plan {
    Plan::fixed(Vec::new(), OPENAPI)
}
