//! What Rust programs use of Deckwatch on a machine: who and where an agent is, and the typed API.

pub mod agent;
pub mod api;
pub mod checkout;
mod digest;
pub mod dirs;
pub mod secret_scan;
pub mod ventures;

pub use api::{Api, ApiConfig, ClientError, ConfigError, Endpoint};
