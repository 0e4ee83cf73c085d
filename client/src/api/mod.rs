//! The typed client of the Context API: one method per operation, over HTTPS or in process.
//!
//! It opens no connection and no file before the first call. Each call has a time limit and retries temporary failures.
//! All attempts of a write use the same idempotency key, so that it takes effect once. A write that contains a secret is
//! refused before it is sent.

mod config;
mod contact;
mod error;
mod in_process;
mod operations;
mod remote;
mod request;
mod retry;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use deckwatch_protocol::endpoint;
use deckwatch_protocol::{HandoffDraft, Operation};
use http::{Request, Response};

pub use config::{ApiConfig, ConfigError, Endpoint, actor_of};
pub use contact::Contact;
pub use error::{ClientError, UnknownProblem};
pub(crate) use error::{foreign, is_the_api, understand};
use in_process::InProcess;
pub use operations::DocRead;
use remote::Remote;
pub(crate) use request::ApiRequest;
use reqwest::Upgraded;
pub(crate) use retry::random_uuid;

use crate::secret_scan::{ScannedHandoff, SecretScan};

/// The Context API. Clones share one connection pool or one database.
#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint,
    transport: Arc<Transport>,
    secrets: Arc<SecretScan>,
}

enum Transport {
    Remote(Box<Remote>),
    InProcess(InProcess),
}

impl Api {
    /// Creates a client for `config`. Opens no connection and no file yet.
    pub fn connect(config: ApiConfig) -> Self {
        let endpoint = config.endpoint.clone();
        let transport = match config.endpoint {
            Endpoint::Remote { url } => Transport::Remote(Box::new(Remote::new(url, config.key))),
            Endpoint::InProcess { database } => Transport::InProcess(InProcess::new(database, config.key)),
        };
        Self { endpoint, transport: Arc::new(transport), secrets: Arc::new(config.secrets) }
    }

    /// The location of this API.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and decodes the response.
    async fn call<E: endpoint::Endpoint>(
        &self,
        ask: Result<ApiRequest, ClientError>,
    ) -> Result<E::Answer, ClientError> {
        let ask = ask?;
        self.scan_for_secrets(&ask)?;
        understand(self.exchange(&ask).await?)
    }

    /// Sends a request without a secret scan. The outbox scans its entries before it stores them.
    pub(crate) async fn exchange(&self, ask: &ApiRequest) -> Result<Response<Bytes>, ClientError> {
        let request = retry::prepare(ask);
        match self.transport.as_ref() {
            Transport::Remote(remote) => retry::within_budget(remote, &request).await,
            Transport::InProcess(engine) => engine.send(request).await,
        }
    }

    /// Why the last attempt got no response. `None` after a response.
    pub fn trouble(&self) -> Option<String> {
        self.contact().unanswered.map(|(_, cause)| cause)
    }

    /// The state of this process's connection to the API. Empty for the embedded engine.
    pub fn contact(&self) -> Contact {
        match self.transport.as_ref() {
            Transport::Remote(remote) => remote.contact(),
            Transport::InProcess(_) => Contact::default(),
        }
    }

    /// Records that a caller stopped waiting. Until the next response, later callers wait less.
    pub fn fell_silent(&self) {
        if let Transport::Remote(remote) = self.transport.as_ref() {
            remote.fell_silent();
        }
    }

    /// Checks that the API accepts connections, and returns the cause if not. It has no time limit, so the caller must set
    /// one. Behind a proxy it can't be checked, and the result is `Ok`.
    pub async fn takes_connections(&self) -> Result<(), String> {
        match self.transport.as_ref() {
            Transport::Remote(remote) => remote.takes_connections().await,
            Transport::InProcess(_) => Ok(()),
        }
    }

    /// Opens a connection for another protocol. `accept` is the value that the response must have in
    /// `Sec-WebSocket-Accept`. The error text says why it failed.
    pub(crate) async fn upgrade(&self, request: Prepared, accept: &str) -> Result<Upgraded, String> {
        match self.transport.as_ref() {
            Transport::Remote(remote) => remote.upgrade(&request, accept).await,
            Transport::InProcess(_) => Err("the embedded engine has no sockets".to_owned()),
        }
    }

    /// The database file of the embedded engine.
    pub(crate) fn database(&self) -> Option<&Path> {
        match self.transport.as_ref() {
            Transport::Remote(_) => None,
            Transport::InProcess(engine) => Some(engine.database()),
        }
    }

    /// The number of the newest event in the database of the embedded engine, if it can be read.
    pub(crate) async fn newest_event(&self) -> Option<u64> {
        match self.transport.as_ref() {
            Transport::Remote(_) => None,
            Transport::InProcess(engine) => engine.newest_event().await,
        }
    }

    fn scan_for_secrets(&self, ask: &ApiRequest) -> Result<(), ClientError> {
        if ask.body.is_empty() {
            return Ok(());
        }
        let body = serde_json::from_slice(&ask.body).map_err(|error| ClientError::not_sent(ask.operation, &error))?;
        self.refuse_secrets(ask.operation, &body)
    }

    /// Scans a handoff that is not sent yet. Fails if it contains a secret.
    pub(crate) fn scan_handoff(&self, handoff: HandoffDraft) -> Result<ScannedHandoff, ClientError> {
        self.secrets.handoff(handoff).map_err(|findings| ClientError::holds_secret(Operation::EndDay, findings))
    }

    pub(crate) fn refuse_secrets(&self, operation: Operation, body: &serde_json::Value) -> Result<(), ClientError> {
        let findings = self.secrets.request(operation, body);
        if findings.is_empty() { Ok(()) } else { Err(ClientError::holds_secret(operation, findings)) }
    }
}

/// A request with a relative URL and without a key. The transport adds both.
type Prepared = Request<Bytes>;
