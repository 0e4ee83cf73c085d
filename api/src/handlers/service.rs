//! What the service says of itself, to anybody.

use deckwatch_protocol::{Health, Timestamp};

use crate::error::ApiError;
use crate::plan::Plan;
use crate::settings::Engine;
use crate::store;

/// The document that the tests hold against the wire types; `just gen` writes it.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Answers when the database answers.
pub(crate) fn health(engine: Engine, now: Timestamp) -> Result<Plan, ApiError> {
    let health = Health { status: "ok".to_owned(), engine: engine.as_str().to_owned(), time: now };
    let body = serde_json::to_string(&health).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Plan::fixed(vec![store::service::probe()], body))
}

/// Names the build and the migrations of its database.
pub(crate) fn version(engine: Engine) -> Plan {
    let select = store::service::version(env!("CARGO_PKG_VERSION"), crate::COMMIT, engine.as_str());
    Plan::record(select, deckwatch_protocol::ErrorCode::InternalError)
}

/// The OpenAPI document.
pub(crate) fn openapi() -> Plan {
    Plan::fixed(Vec::new(), OPENAPI)
}
