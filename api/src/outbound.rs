//! Requests that the API sends, supplied by the host program: to GitHub and to a language model.

use std::time::Duration;

use async_trait::async_trait;

/// A request to another service.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The address.
    pub url: String,
    /// The headers: name and value.
    pub headers: Vec<(&'static str, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
    /// How long the request may take, until the last byte of the response.
    pub timeout: Duration,
}

/// The response of another service.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl OutboundResponse {
    /// The value of a header, if there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why a request got no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The time has passed.
    #[error("the request took too long")]
    TimedOut,
    /// The response is larger than [`MAX_RESPONSE_BYTES`].
    #[error("the response is too large")]
    TooLarge,
    /// Anything else, such as a refused connection.
    #[error("{0}")]
    Failed(String),
}

/// The maximum size of a response in bytes. A list of 100 changed files contains their changes.
pub const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// Sends requests to other services. Redirects are not followed.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends a request.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError>;

    /// Signs `message` with RSA PKCS#1 v1.5 and SHA-256. `key` is a private key in the form PKCS#8.
    async fn sign_rs256(&self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, OutboundError>;

    /// Runs a model of Workers AI. `input` and the result are JSON.
    async fn run_workers_ai(&self, model: &str, input: &str, timeout: Duration) -> Result<String, OutboundError> {
        let _ = (model, input, timeout);
        Err(OutboundError::Failed("this engine has no Workers AI; use a model with an address".to_owned()))
    }
}
