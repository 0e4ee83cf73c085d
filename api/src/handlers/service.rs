//! Public information about the service.

use deckwatch_protocol::ErrorCode;

use crate::call::PublicCall;
use crate::plan::Plan;
use crate::store;

/// The OpenAPI document. `just gen` writes it, and a test compares it with the wire types.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Reports that the database answers, how long writes have waited, and what the operator must do.
pub(crate) fn health(call: &PublicCall) -> Plan {
    let seconds = call.writes_wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX));
    let select = store::service::health(call.engine.as_str(), call.now, seconds, call.notice.clone());
    Plan::record(select, ErrorCode::InternalError)
}

/// Returns the build and the migrations of its database.
pub(crate) fn version(call: &PublicCall) -> Plan {
    let select = store::service::version(env!("CARGO_PKG_VERSION"), crate::COMMIT, call.engine.as_str());
    Plan::record(select, ErrorCode::InternalError)
}

/// Returns the OpenAPI document.
pub(crate) fn openapi(_: &PublicCall) -> Plan {
    Plan::fixed(Vec::new(), OPENAPI)
}
