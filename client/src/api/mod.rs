//! The typed client of the Context API: one method per operation, over HTTPS or in process.
//!
//! It opens no connection and no file before the first call. Each call has a time limit and retries temporary failures.
//! All attempts of a write use the same idempotency key, so that it takes effect once. A write that contains a secret is
//! refused before it is sent.

mod config;
mod contact;
mod error;
mod in_process;
mod remote;
mod request;
mod retry;

use std::sync::Arc;

use bytes::Bytes;
use deckwatch_protocol::{
    Analytics, AnalyticsFilter, ApproveMachine, AuditFilter, CreateHandoff, CreateNote, CreateToken, DayEnded,
    DayStarted, Doc, DocFilter, DocName, DocPut, DocScope, DocText, DocVersion, DocVersionNumber, EndDay, FoundNote,
    GetDoc, Handoff, HandoffDraft, HandoffFilter, HandoffId, Health, Heartbeat, Host, LatestHandoffFilter,
    LeaveSession, ListDocVersions, ListTokens, ListVentures, LoggedRequest, Machine, MachineFilter, MachineHeartbeat,
    MintedToken, MoveRecords, Note, NoteFilter, NoteId, Operation, Page, PutDoc, PutRequirement, PutVenture,
    RecordsMoved, RegisterMachine, RequestFilter, Requirement, RequirementDeleted, RequirementFilter, RequirementId,
    Session, SessionFilter, SessionId, SshConfig, SshConfigFilter, StartDay, Token, TokenId, UpdateNote, UpdateSession,
    Venture, VentureAudit, VentureCode, VentureDeleted, Version,
};
use http::{Request, Response};
use serde::de::DeserializeOwned;

pub use config::{ApiConfig, ConfigError, Endpoint};
pub use contact::Contact;
pub use error::{ClientError, UnknownProblem};
pub(crate) use error::{foreign, is_the_api, understand};
use in_process::InProcess;
use remote::Remote;
pub(crate) use request::ApiRequest;
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

    /// Creates or resumes the agent's session and returns everything that the agent needs.
    pub async fn start_day(&self, day: &StartDay) -> Result<DayStarted, ClientError> {
        self.call(ApiRequest::body(Operation::StartDay, "", day)).await
    }

    /// Records the handoff and ends the session atomically. A second call returns the first result.
    pub async fn end_day(&self, day: &EndDay) -> Result<DayEnded, ClientError> {
        self.call(ApiRequest::body(Operation::EndDay, "", day)).await
    }

    /// Lists sessions, newest first.
    pub async fn list_sessions(&self, filter: &SessionFilter) -> Result<Page<Session>, ClientError> {
        self.call(ApiRequest::query(Operation::ListSessions, filter)).await
    }

    /// Reads one session.
    pub async fn get_session(&self, id: &SessionId) -> Result<Session, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::GetSession, id.as_str()))).await
    }

    /// Updates a session's fields. Counts as a heartbeat.
    pub async fn update_session(&self, id: &SessionId, patch: &UpdateSession) -> Result<Session, ClientError> {
        self.call(ApiRequest::body(Operation::UpdateSession, id.as_str(), patch)).await
    }

    /// Reports that the agent is alive.
    pub async fn heartbeat(&self, id: &SessionId) -> Result<Heartbeat, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::Heartbeat, id.as_str()))).await
    }

    /// Reports that the agent has left the session. Has no effect if the session had a heartbeat since then.
    pub async fn leave_session(&self, id: &SessionId, leave: &LeaveSession) -> Result<Session, ClientError> {
        self.call(ApiRequest::body(Operation::LeaveSession, id.as_str(), leave)).await
    }

    /// Records a handoff and keeps the session open.
    pub async fn create_handoff(&self, handoff: &CreateHandoff) -> Result<Handoff, ClientError> {
        self.call(ApiRequest::body(Operation::CreateHandoff, "", handoff)).await
    }

    /// Lists handoffs, newest first.
    pub async fn list_handoffs(&self, filter: &HandoffFilter) -> Result<Page<Handoff>, ClientError> {
        self.call(ApiRequest::query(Operation::ListHandoffs, filter)).await
    }

    /// Reads the newest handoff that matches the filter, if any.
    pub async fn latest_handoff(&self, filter: &LatestHandoffFilter) -> Result<Option<Handoff>, ClientError> {
        match self.call(ApiRequest::query(Operation::LatestHandoff, filter)).await {
            Ok(handoff) => Ok(Some(handoff)),
            Err(error) if error.code() == Some(deckwatch_protocol::ErrorCode::HandoffNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one handoff.
    pub async fn get_handoff(&self, id: &HandoffId) -> Result<Handoff, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::GetHandoff, id.as_str()))).await
    }

    /// Saves a note.
    pub async fn create_note(&self, note: &CreateNote) -> Result<Note, ClientError> {
        self.call(ApiRequest::body(Operation::CreateNote, "", note)).await
    }

    /// Lists notes, newest first; or the matches of a search, best first.
    pub async fn list_notes(&self, filter: &NoteFilter) -> Result<Page<FoundNote>, ClientError> {
        self.call(ApiRequest::query(Operation::ListNotes, filter)).await
    }

    /// Reads one note.
    pub async fn get_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::GetNote, id.as_str()))).await
    }

    /// Changes a note. Refused with `note_changed` if the note no longer has this version.
    pub async fn update_note(&self, id: &NoteId, version: u32, patch: &UpdateNote) -> Result<Note, ClientError> {
        let ask = ApiRequest::body(Operation::UpdateNote, id.as_str(), patch);
        self.call(ask.map(|ask| ask.if_match(Some(version.to_string())))).await
    }

    /// Removes a note from lists, searches and start-of-day responses.
    pub async fn archive_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::ArchiveNote, id.as_str()))).await
    }

    /// Restores an archived note.
    pub async fn restore_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::RestoreNote, id.as_str()))).await
    }

    /// Lists documents by scope and name, without their content.
    pub async fn list_docs(&self, filter: &DocFilter) -> Result<Page<Doc>, ClientError> {
        self.call(ApiRequest::query(Operation::ListDocs, filter)).await
    }

    /// Reads one document. `known` is the `content_hash` of the caller's copy, which is not sent again.
    pub async fn get_doc(&self, scope: &DocScope, name: &DocName, known: Option<&str>) -> Result<DocRead, ClientError> {
        let ask =
            ApiRequest { if_none_match: known.map(str::to_owned), ..ApiRequest::doc(Operation::GetDoc, scope, name) };
        let response = self.exchange(&ask).await?;
        if known.is_some() && response.status() == http::StatusCode::NOT_MODIFIED {
            return Ok(DocRead::NotModified);
        }
        understand(response).map(|doc| DocRead::Read(Box::new(doc)))
    }

    /// Reads one stored version of a document, even if the document was deleted.
    pub async fn get_doc_version(
        &self,
        scope: &DocScope,
        name: &DocName,
        version: DocVersionNumber,
    ) -> Result<DocText, ClientError> {
        let ask = ApiRequest::doc(Operation::GetDoc, scope, name);
        self.call(ask.with_query(&GetDoc { version: Some(version) })).await
    }

    /// Lists the stored versions of a document, newest first.
    pub async fn list_doc_versions(
        &self,
        scope: &DocScope,
        name: &DocName,
        page: &ListDocVersions,
    ) -> Result<Page<DocVersion>, ClientError> {
        self.call(ApiRequest::doc(Operation::ListDocVersions, scope, name).with_query(page)).await
    }

    /// Creates or replaces a document. Needs an admin key, or a requirement that allows the document to be generated.
    pub async fn put_doc(&self, scope: &DocScope, name: &DocName, doc: &PutDoc) -> Result<DocPut, ClientError> {
        self.call(ApiRequest::doc(Operation::PutDoc, scope, name).with_body(doc)).await
    }

    /// Replaces a document. `known` is the `content_hash` that the caller read. Refused with `doc_changed` if the content
    /// has changed since.
    pub async fn replace_doc(
        &self,
        scope: &DocScope,
        name: &DocName,
        known: &str,
        doc: &PutDoc,
    ) -> Result<DocPut, ClientError> {
        let ask = ApiRequest::doc(Operation::PutDoc, scope, name).with_body(doc);
        self.call(ask.map(|ask| ask.if_match(Some(known.to_owned())))).await
    }

    /// Deletes a document and returns the version of the deletion. Needs an admin key.
    pub async fn delete_doc(&self, scope: &DocScope, name: &DocName) -> Result<DocVersion, ClientError> {
        self.call(Ok(ApiRequest::doc(Operation::DeleteDoc, scope, name))).await
    }

    /// Lists ventures by code.
    pub async fn list_ventures(&self, page: &ListVentures) -> Result<Page<Venture>, ClientError> {
        self.call(ApiRequest::query(Operation::ListVentures, page)).await
    }

    /// Registers or replaces a venture. Needs an admin key.
    pub async fn put_venture(&self, code: &VentureCode, venture: &PutVenture) -> Result<Venture, ClientError> {
        self.call(ApiRequest::body(Operation::PutVenture, code.as_str(), venture)).await
    }

    /// Deletes a venture and keeps its records. Needs an admin key.
    pub async fn delete_venture(&self, code: &VentureCode) -> Result<VentureDeleted, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::DeleteVenture, code.as_str()))).await
    }

    /// Moves the sessions and handoffs of a repository of venture `from` to another name, at most 500 of each. Needs an
    /// admin key.
    pub async fn move_records(&self, from: &VentureCode, records: &MoveRecords) -> Result<RecordsMoved, ClientError> {
        self.call(ApiRequest::body(Operation::MoveRecords, from.as_str(), records)).await
    }

    /// Registers or updates a machine. A new user, address or key waits for approval.
    pub async fn register_machine(&self, hostname: &Host, machine: &RegisterMachine) -> Result<Machine, ClientError> {
        self.call(ApiRequest::body(Operation::RegisterMachine, hostname.as_str(), machine)).await
    }

    /// Lists machines, newest first.
    pub async fn list_machines(&self, filter: &MachineFilter) -> Result<Page<Machine>, ClientError> {
        self.call(ApiRequest::query(Operation::ListMachines, filter)).await
    }

    /// Reports that the machine is alive.
    pub async fn machine_heartbeat(&self, hostname: &Host) -> Result<MachineHeartbeat, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::MachineHeartbeat, hostname.as_str()))).await
    }

    /// Approves this access, if it equals the access that waits for approval. Needs an admin key.
    pub async fn approve_machine(&self, hostname: &Host, access: &ApproveMachine) -> Result<Machine, ClientError> {
        self.call(ApiRequest::body(Operation::ApproveMachine, hostname.as_str(), access)).await
    }

    /// Removes a machine from the fleet. Needs an admin key.
    pub async fn retire_machine(&self, hostname: &Host) -> Result<Machine, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::RetireMachine, hostname.as_str()))).await
    }

    /// Renders one page of the approved machines as SSH configuration.
    pub async fn ssh_config(&self, filter: &SshConfigFilter) -> Result<SshConfig, ClientError> {
        self.call(ApiRequest::query(Operation::SshConfig, filter)).await
    }

    /// Compares the documents of one venture, or of all ventures, with their requirements.
    pub async fn audit_docs(&self, filter: &AuditFilter) -> Result<Page<VentureAudit>, ClientError> {
        self.call(ApiRequest::query(Operation::AuditDocs, filter)).await
    }

    /// Lists requirements, newest first.
    pub async fn list_requirements(&self, filter: &RequirementFilter) -> Result<Page<Requirement>, ClientError> {
        self.call(ApiRequest::query(Operation::ListRequirements, filter)).await
    }

    /// Creates or replaces a requirement. Needs an admin key or a token that may write documents.
    pub async fn put_requirement(&self, requirement: &PutRequirement) -> Result<Requirement, ClientError> {
        self.call(ApiRequest::body(Operation::PutRequirement, "", requirement)).await
    }

    /// Deletes a requirement. Needs an admin key or a token that may write documents.
    pub async fn delete_requirement(&self, id: &RequirementId) -> Result<RequirementDeleted, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::DeleteRequirement, id.as_str()))).await
    }

    /// Counts the sessions and handoffs of a period: in total, by venture, by agent and by day.
    pub async fn session_analytics(&self, filter: &AnalyticsFilter) -> Result<Analytics, ClientError> {
        self.call(ApiRequest::query(Operation::SessionAnalytics, filter)).await
    }

    /// Creates a token. Needs an admin key. Only this response contains the token's secret.
    pub async fn create_token(&self, token: &CreateToken) -> Result<MintedToken, ClientError> {
        self.call(ApiRequest::body(Operation::CreateToken, "", token)).await
    }

    /// Lists tokens, newest first. Needs an admin key.
    pub async fn list_tokens(&self, page: &ListTokens) -> Result<Page<Token>, ClientError> {
        self.call(ApiRequest::query(Operation::ListTokens, page)).await
    }

    /// Revokes a token immediately. Needs an admin key.
    pub async fn revoke_token(&self, id: &TokenId) -> Result<Token, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::RevokeToken, id.as_str()))).await
    }

    /// Lists logged requests, newest first. Needs an admin key.
    pub async fn list_requests(&self, filter: &RequestFilter) -> Result<Page<LoggedRequest>, ClientError> {
        self.call(ApiRequest::query(Operation::ListRequests, filter)).await
    }

    /// Checks the health of the service and its database.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::Health, ""))).await
    }

    /// Reads the version of the build and the migrations of its database.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.call(Ok(ApiRequest::plain(Operation::Version, ""))).await
    }

    async fn call<T: DeserializeOwned>(&self, ask: Result<ApiRequest, ClientError>) -> Result<T, ClientError> {
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

/// The result of reading a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocRead {
    /// The document.
    Read(Box<DocText>),
    /// The caller's copy is up to date.
    NotModified,
}

/// A request with a relative URL and without a key. The transport adds both.
type Prepared = Request<Bytes>;
