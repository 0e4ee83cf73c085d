//! The one way Rust code talks to the Context API: a method per operation, over HTTPS or in process.
//!
//! Nothing is opened before the first call. Each call is bounded in time, is tried again where trying
//! again can help, and every try of a write carries the same idempotency key, so that it happens once.
//! A write that carries a secret is refused before it is sent.

mod ask;
mod config;
mod contact;
mod error;
mod in_process;
mod remote;
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

pub(crate) use ask::Ask;
pub use config::{ApiConfig, ConfigError, Endpoint};
pub use contact::Contact;
pub use error::{ClientError, UnknownProblem};
pub(crate) use error::{foreign, is_the_api, understand};
use in_process::InProcess;
use remote::Remote;
pub(crate) use retry::random_uuid;

use crate::outbox::Outbox;
use crate::secret_scan::SecretScan;
use crate::snapshot::Snapshots;

/// The Context API. Clones share one connection pool or one database.
#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint,
    transport: Arc<Transport>,
    secrets: Arc<SecretScan>,
    /// Where writes wait while the API can't be reached; the engine in this process always can.
    outbox: Option<Outbox>,
    snapshots: Option<Snapshots>,
}

enum Transport {
    Remote(Remote),
    InProcess(InProcess),
}

impl Api {
    /// The API that `config` names. Opens nothing yet.
    pub fn connect(config: ApiConfig) -> Self {
        let (endpoint, outbox, snapshots) = (config.endpoint.clone(), config.outbox(), config.snapshots());
        let transport = match config.endpoint {
            Endpoint::Remote { url } => Transport::Remote(Remote::new(url, config.key)),
            Endpoint::InProcess { database } => Transport::InProcess(InProcess::new(database, config.key)),
        };
        Self { endpoint, transport: Arc::new(transport), secrets: Arc::new(config.secrets), outbox, snapshots }
    }

    /// Where this API is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Creates or resumes the agent's session and answers with everything it needs.
    pub async fn start_day(&self, day: &StartDay) -> Result<DayStarted, ClientError> {
        self.call(Ask::body(Operation::StartDay, "", day)).await
    }

    /// Records the handoff and ends the session, atomically; a second end gives the first result.
    pub async fn end_day(&self, day: &EndDay) -> Result<DayEnded, ClientError> {
        self.call(Ask::body(Operation::EndDay, "", day)).await
    }

    /// Refuses a handoff that carries a secret, before anything is done for it. Every write is looked
    /// through anyway: this is for who would otherwise start a session first.
    pub fn refuse_secrets_of(&self, handoff: &HandoffDraft) -> Result<(), ClientError> {
        self.refuse_secrets(Operation::EndDay, &serde_json::json!({ "handoff": handoff }))
    }

    /// Lists sessions, newest first.
    pub async fn list_sessions(&self, filter: &SessionFilter) -> Result<Page<Session>, ClientError> {
        self.call(Ask::query(Operation::ListSessions, filter)).await
    }

    /// Reads one session.
    pub async fn get_session(&self, id: &SessionId) -> Result<Session, ClientError> {
        self.call(Ok(Ask::plain(Operation::GetSession, id.as_str()))).await
    }

    /// Changes where a session stands; also a heartbeat.
    pub async fn update_session(&self, id: &SessionId, patch: &UpdateSession) -> Result<Session, ClientError> {
        self.call(Ask::body(Operation::UpdateSession, id.as_str(), patch)).await
    }

    /// Says that the agent is alive.
    pub async fn heartbeat(&self, id: &SessionId) -> Result<Heartbeat, ClientError> {
        self.call(Ok(Ask::plain(Operation::Heartbeat, id.as_str()))).await
    }

    /// Says that the agent of a session has left, unless the session was heard from since.
    pub async fn leave_session(&self, id: &SessionId, leave: &LeaveSession) -> Result<Session, ClientError> {
        self.call(Ask::body(Operation::LeaveSession, id.as_str(), leave)).await
    }

    /// Records a handoff while the session goes on.
    pub async fn create_handoff(&self, handoff: &CreateHandoff) -> Result<Handoff, ClientError> {
        self.call(Ask::body(Operation::CreateHandoff, "", handoff)).await
    }

    /// Lists handoffs, newest first.
    pub async fn list_handoffs(&self, filter: &HandoffFilter) -> Result<Page<Handoff>, ClientError> {
        self.call(Ask::query(Operation::ListHandoffs, filter)).await
    }

    /// Reads the newest handoff that fits, if there is one.
    pub async fn latest_handoff(&self, filter: &LatestHandoffFilter) -> Result<Option<Handoff>, ClientError> {
        match self.call(Ask::query(Operation::LatestHandoff, filter)).await {
            Ok(handoff) => Ok(Some(handoff)),
            Err(error) if error.code() == Some(deckwatch_protocol::ErrorCode::HandoffNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one handoff.
    pub async fn get_handoff(&self, id: &HandoffId) -> Result<Handoff, ClientError> {
        self.call(Ok(Ask::plain(Operation::GetHandoff, id.as_str()))).await
    }

    /// Saves a note.
    pub async fn create_note(&self, note: &CreateNote) -> Result<Note, ClientError> {
        self.call(Ask::body(Operation::CreateNote, "", note)).await
    }

    /// Lists notes, newest first, or those that match a search, best first.
    pub async fn list_notes(&self, filter: &NoteFilter) -> Result<Page<FoundNote>, ClientError> {
        self.call(Ask::query(Operation::ListNotes, filter)).await
    }

    /// Reads one note.
    pub async fn get_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(Ask::plain(Operation::GetNote, id.as_str()))).await
    }

    /// Changes a note that still is the version that was read; else it is refused with `note_changed`.
    pub async fn update_note(&self, id: &NoteId, version: u32, patch: &UpdateNote) -> Result<Note, ClientError> {
        let ask = Ask::body(Operation::UpdateNote, id.as_str(), patch);
        self.call(ask.map(|ask| ask.if_match(Some(version.to_string())))).await
    }

    /// Takes a note out of lists, searches and days.
    pub async fn archive_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(Ask::plain(Operation::ArchiveNote, id.as_str()))).await
    }

    /// Brings an archived note back.
    pub async fn restore_note(&self, id: &NoteId) -> Result<Note, ClientError> {
        self.call(Ok(Ask::plain(Operation::RestoreNote, id.as_str()))).await
    }

    /// Lists documents by scope and name, without their content.
    pub async fn list_docs(&self, filter: &DocFilter) -> Result<Page<Doc>, ClientError> {
        self.call(Ask::query(Operation::ListDocs, filter)).await
    }

    /// Reads one document, unless its content is what the caller has: `known` is the `content_hash` of that.
    pub async fn get_doc(&self, scope: &DocScope, name: &DocName, known: Option<&str>) -> Result<DocRead, ClientError> {
        let ask = Ask { if_none_match: known.map(str::to_owned), ..Ask::doc(Operation::GetDoc, scope, name) };
        let response = self.exchange(&ask).await?;
        if known.is_some() && response.status() == http::StatusCode::NOT_MODIFIED {
            return Ok(DocRead::NotModified);
        }
        understand(response).map(|doc| DocRead::Read(Box::new(doc)))
    }

    /// Reads one kept version of a document, also of one that was deleted.
    pub async fn get_doc_version(
        &self,
        scope: &DocScope,
        name: &DocName,
        version: DocVersionNumber,
    ) -> Result<DocText, ClientError> {
        let ask = Ask::doc(Operation::GetDoc, scope, name);
        self.call(ask.with_query(&GetDoc { version: Some(version) })).await
    }

    /// Lists the kept versions of a document, newest first.
    pub async fn list_doc_versions(
        &self,
        scope: &DocScope,
        name: &DocName,
        page: &ListDocVersions,
    ) -> Result<Page<DocVersion>, ClientError> {
        self.call(Ask::doc(Operation::ListDocVersions, scope, name).with_query(page)).await
    }

    /// Makes or replaces a document, whatever is there; needs an admin key, or a requirement that says it may be
    /// generated.
    pub async fn put_doc(&self, scope: &DocScope, name: &DocName, doc: &PutDoc) -> Result<DocPut, ClientError> {
        self.call(Ask::doc(Operation::PutDoc, scope, name).with_body(doc)).await
    }

    /// Replaces a document whose content still is what was read, which `known` is the `content_hash` of; else it is
    /// refused with `doc_changed`.
    pub async fn replace_doc(
        &self,
        scope: &DocScope,
        name: &DocName,
        known: &str,
        doc: &PutDoc,
    ) -> Result<DocPut, ClientError> {
        let ask = Ask::doc(Operation::PutDoc, scope, name).with_body(doc);
        self.call(ask.map(|ask| ask.if_match(Some(known.to_owned())))).await
    }

    /// Deletes a document, and answers with the version that this is; needs an admin key.
    pub async fn delete_doc(&self, scope: &DocScope, name: &DocName) -> Result<DocVersion, ClientError> {
        self.call(Ok(Ask::doc(Operation::DeleteDoc, scope, name))).await
    }

    /// Lists ventures by code.
    pub async fn list_ventures(&self, page: &ListVentures) -> Result<Page<Venture>, ClientError> {
        self.call(Ask::query(Operation::ListVentures, page)).await
    }

    /// Registers or replaces a venture; needs an admin key.
    pub async fn put_venture(&self, code: &VentureCode, venture: &PutVenture) -> Result<Venture, ClientError> {
        self.call(Ask::body(Operation::PutVenture, code.as_str(), venture)).await
    }

    /// Deletes a venture, whose records stay; needs an admin key.
    pub async fn delete_venture(&self, code: &VentureCode) -> Result<VentureDeleted, ClientError> {
        self.call(Ok(Ask::plain(Operation::DeleteVenture, code.as_str()))).await
    }

    /// Moves the sessions and handoffs of a repository of venture `from` to another name, at most 500 of each; needs an
    /// admin key.
    pub async fn move_records(&self, from: &VentureCode, records: &MoveRecords) -> Result<RecordsMoved, ClientError> {
        self.call(Ask::body(Operation::MoveRecords, from.as_str(), records)).await
    }

    /// Registers a machine or says what has changed; another user, address or key waits for approval.
    pub async fn register_machine(&self, hostname: &Host, machine: &RegisterMachine) -> Result<Machine, ClientError> {
        self.call(Ask::body(Operation::RegisterMachine, hostname.as_str(), machine)).await
    }

    /// Lists machines, newest first.
    pub async fn list_machines(&self, filter: &MachineFilter) -> Result<Page<Machine>, ClientError> {
        self.call(Ask::query(Operation::ListMachines, filter)).await
    }

    /// Says that the machine is alive.
    pub async fn machine_heartbeat(&self, hostname: &Host) -> Result<MachineHeartbeat, ClientError> {
        self.call(Ok(Ask::plain(Operation::MachineHeartbeat, hostname.as_str()))).await
    }

    /// Approves the access that is named, if it is what waits; needs an admin key.
    pub async fn approve_machine(&self, hostname: &Host, access: &ApproveMachine) -> Result<Machine, ClientError> {
        self.call(Ask::body(Operation::ApproveMachine, hostname.as_str(), access)).await
    }

    /// Takes a machine out of the fleet; needs an admin key.
    pub async fn retire_machine(&self, hostname: &Host) -> Result<Machine, ClientError> {
        self.call(Ok(Ask::plain(Operation::RetireMachine, hostname.as_str()))).await
    }

    /// Renders the approved machines for SSH, one page.
    pub async fn ssh_config(&self, filter: &SshConfigFilter) -> Result<SshConfig, ClientError> {
        self.call(Ask::query(Operation::SshConfig, filter)).await
    }

    /// Says how the documents of a venture, or of all, stand against their requirements.
    pub async fn audit_docs(&self, filter: &AuditFilter) -> Result<Page<VentureAudit>, ClientError> {
        self.call(Ask::query(Operation::AuditDocs, filter)).await
    }

    /// Lists requirements, newest first.
    pub async fn list_requirements(&self, filter: &RequirementFilter) -> Result<Page<Requirement>, ClientError> {
        self.call(Ask::query(Operation::ListRequirements, filter)).await
    }

    /// Makes or replaces a requirement; needs an admin key or a token that may write documents.
    pub async fn put_requirement(&self, requirement: &PutRequirement) -> Result<Requirement, ClientError> {
        self.call(Ask::body(Operation::PutRequirement, "", requirement)).await
    }

    /// Deletes a requirement; needs an admin key or a token that may write documents.
    pub async fn delete_requirement(&self, id: &RequirementId) -> Result<RequirementDeleted, ClientError> {
        self.call(Ok(Ask::plain(Operation::DeleteRequirement, id.as_str()))).await
    }

    /// Counts the sessions and handoffs of a window, in all and by venture, agent and day.
    pub async fn session_analytics(&self, filter: &AnalyticsFilter) -> Result<Analytics, ClientError> {
        self.call(Ask::query(Operation::SessionAnalytics, filter)).await
    }

    /// Mints a token; needs an admin key. The answer is the one place where its secret stands.
    pub async fn create_token(&self, token: &CreateToken) -> Result<MintedToken, ClientError> {
        self.call(Ask::body(Operation::CreateToken, "", token)).await
    }

    /// Lists tokens, newest first; needs an admin key.
    pub async fn list_tokens(&self, page: &ListTokens) -> Result<Page<Token>, ClientError> {
        self.call(Ask::query(Operation::ListTokens, page)).await
    }

    /// Revokes a token, effective at once; needs an admin key.
    pub async fn revoke_token(&self, id: &TokenId) -> Result<Token, ClientError> {
        self.call(Ok(Ask::plain(Operation::RevokeToken, id.as_str()))).await
    }

    /// Lists logged requests, newest first; needs an admin key.
    pub async fn list_requests(&self, filter: &RequestFilter) -> Result<Page<LoggedRequest>, ClientError> {
        self.call(Ask::query(Operation::ListRequests, filter)).await
    }

    /// Asks whether the service and its database are well.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.call(Ok(Ask::plain(Operation::Health, ""))).await
    }

    /// Asks for the build and the migrations of its database.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.call(Ok(Ask::plain(Operation::Version, ""))).await
    }

    async fn call<T: DeserializeOwned>(&self, ask: Result<Ask, ClientError>) -> Result<T, ClientError> {
        let ask = ask?;
        self.look_for_secrets(&ask)?;
        understand(self.exchange(&ask).await?)
    }

    /// Sends without looking for secrets: what comes from the outbox was looked through before it was put there.
    pub(crate) async fn exchange(&self, ask: &Ask) -> Result<Response<Bytes>, ClientError> {
        let request = retry::prepare(ask);
        match self.transport.as_ref() {
            Transport::Remote(remote) => retry::within_budget(remote, &request).await,
            Transport::InProcess(engine) => engine.send(request).await,
        }
    }

    /// What kept the last try from an answer, until one gets through.
    pub fn trouble(&self) -> Option<String> {
        self.contact().unanswered.map(|(_, cause)| cause)
    }

    /// What this process has seen of the way to the API. The engine in this process has none.
    pub fn contact(&self) -> Contact {
        match self.transport.as_ref() {
            Transport::Remote(remote) => remote.contact(),
            Transport::InProcess(_) => Contact::default(),
        }
    }

    /// Takes note that whoever asked has waited long enough: until an answer comes, the next one waits less.
    pub fn fell_silent(&self) {
        if let Transport::Remote(remote) = self.transport.as_ref() {
            remote.fell_silent();
        }
    }

    /// Whether somebody takes a connection where the API is, and if not, why. It takes as long as the network
    /// does: give it a limit. Through a proxy nobody can know, and the answer is yes.
    pub async fn takes_connections(&self) -> Result<(), String> {
        match self.transport.as_ref() {
            Transport::Remote(remote) => remote.takes_connections().await,
            Transport::InProcess(_) => Ok(()),
        }
    }

    pub(crate) fn snapshots(&self) -> Option<&Snapshots> {
        self.snapshots.as_ref()
    }

    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    fn look_for_secrets(&self, ask: &Ask) -> Result<(), ClientError> {
        if ask.body.is_empty() {
            return Ok(());
        }
        let body = serde_json::from_slice(&ask.body).map_err(|error| ClientError::not_sent(ask.operation, &error))?;
        self.refuse_secrets(ask.operation, &body)
    }

    pub(crate) fn refuse_secrets(&self, operation: Operation, body: &serde_json::Value) -> Result<(), ClientError> {
        let findings = self.secrets.request(operation, body);
        if findings.is_empty() { Ok(()) } else { Err(ClientError::holds_secret(operation, findings)) }
    }
}

/// A document that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocRead {
    /// The document.
    Read(Box<DocText>),
    /// Its content is the one that the caller has.
    NotModified,
}

/// A request that a transport completes: relative, without a key.
type Prepared = Request<Bytes>;
