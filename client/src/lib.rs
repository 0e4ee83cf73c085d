//! Client library for the launcher and the MCP server: agent identity, local state and the typed API.

pub mod agent;
pub mod api;
pub mod checkout;
pub mod clock;
pub mod digest;
pub mod dirs;
pub mod discovery;
pub mod disk;
pub mod doc_copies;
mod durable;
pub mod http;
pub mod outbox;
pub mod secret_scan;
pub mod snapshot;
pub mod variables;
pub mod ventures;

pub use api::{Api, ApiConfig, ClientError, ConfigError, DocRead, Endpoint};
/// The git commit of this build, or `unknown`.
pub use deckwatch_api::COMMIT;
pub use deckwatch_secrets::clean;
