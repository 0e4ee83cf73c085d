//! Client library for the launcher and the MCP server: the typed API, the outbox, the last answers of the API, and a watch
//! of its events.

pub mod api;
mod context_client;
pub mod doc_copies;
pub mod http;
pub mod mailbox;
pub mod outbox;
pub mod sealed;
pub mod secret_scan;
pub mod snapshot;
pub mod watch;

pub use api::{Api, ApiConfig, ClientError, ConfigError, DocRead, Endpoint, actor_of};
pub use context_client::ContextClient;
/// The git commit of this build, or `unknown`.
pub use deckwatch_api::COMMIT;
pub use deckwatch_secrets::clean;
/// The trial of this machine's database, for `launcher doctor`.
pub use deckwatch_server::{WriteTrialError, try_write};
