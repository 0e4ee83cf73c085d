//! The rules of the sockets at `GET /v1/watch`: who may open one, which events it gets hints about, and when it is closed.
//! The engines have the sockets.
//!
//! An engine asks [`App::admit_watcher`] before it opens a socket, and keeps the [`Watcher`] with it. It passes the messages of the
//! client to [`Watcher::receive`]. When events were appended, it reads them with [`App::new_events`] and sends the hint
//! that [`NewEvents::hint_for`] returns. [`App::revoked`] says which sockets must close.

use std::collections::BTreeSet;

use bytes::Bytes;
use deckwatch_protocol::{
    ErrorCode, Operation, TokenId, VentureCode, WATCH_PATH, WATCH_PING, WATCH_PONG, WatchHint, WatchRequest,
};
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::app::{Answer, App, ReceivedRequest, answer_unauthenticated};
use crate::batch::{self, Finished};
use crate::cursor::CursorMark;
use crate::database::{DatabaseError, Row, number, text};
use crate::decode;
use crate::error::ApiError;
use crate::headers::{self, joined};
use crate::middleware::admission::Admission;
use crate::plan::{DataAccess, Plan};
use crate::response::{Rate, SuccessResponse};
use crate::store;
use crate::target;

/// The maximum number of sockets of one actor.
pub const MAX_SOCKETS_OF_ACTOR: usize = 250;

/// The time for which an engine collects hints before it sends one, in milliseconds.
pub const HINT_DELAY_MS: u64 = 50;

/// The time between two checks of the sockets and of the newest event, in seconds. So long a client waits at most if a hint
/// is lost, and a socket stays open at most after its token is revoked.
pub const CHECK_SECONDS: u64 = 30;

/// The time that a client has for its first message, in seconds.
pub const FIRST_MESSAGE_SECONDS: u64 = 10;

/// The time after which a socket is closed whose client sends nothing, in seconds.
pub const MAX_SILENCE_SECONDS: u64 = 90;

/// Why a socket is closed: a close code (RFC 6455) and a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// The reason, for the client's log.
    pub reason: &'static str,
}

impl Closing {
    /// The engine stops.
    pub const STOPPING: Self = Self { code: 1001, reason: "the engine stops" };
    /// The client sent nothing for too long.
    pub const SILENT: Self = Self { code: 1001, reason: "the client sent nothing for too long" };
    /// The message is binary.
    pub const BINARY: Self = Self { code: 1003, reason: "send text" };
    /// The message asks for nothing that the engine knows.
    pub const INVALID: Self =
        Self { code: 1008, reason: "send {\"ventures\":[...],\"after\":0} with 1 to 10 ventures or *" };
    /// The token is for another venture.
    pub const FORBIDDEN: Self = Self { code: 1008, reason: "this token is limited to one venture" };
    /// The token was revoked or has expired.
    pub const UNAUTHORIZED: Self = Self { code: 1008, reason: "this token was revoked or has expired" };
    /// The engine could not read the events.
    pub const FAILED: Self = Self { code: 1011, reason: "the engine could not read the events" };
    /// The message is too long.
    pub const TOO_LONG: Self = Self { code: 1009, reason: "the message is longer than 1024 bytes" };
}

/// The holder of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// The actor that opened the socket.
    pub actor: String,
    /// Its token, if it uses one.
    pub token: Option<TokenId>,
    /// The only venture that the token gives access to.
    pub venture: Option<VentureCode>,
    /// What the client has asked for.
    pub request: Option<WatchRequest>,
}

/// What an engine does with a message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Send this text.
    Reply(&'static str),
    /// Keep the changed watcher. Then read [`App::new_events`] and send [`NewEvents::first_hint`].
    Subscribed(u64),
    /// Close the socket.
    Close(Closing),
}

impl Watcher {
    /// How long the client may send nothing, in seconds.
    pub fn max_silence_seconds(&self) -> u64 {
        if self.request.is_none() { FIRST_MESSAGE_SECONDS } else { MAX_SILENCE_SECONDS }
    }

    /// Whether the client has sent nothing for too long.
    pub fn is_silent(&self, silent_ms: u64) -> bool {
        silent_ms > self.max_silence_seconds() * 1000
    }

    /// Handles a text message of the client.
    pub fn receive(&mut self, message: &str) -> Received {
        if message == WATCH_PING {
            return Received::Reply(WATCH_PONG);
        }
        if message.len() > WatchRequest::MAX_BYTES {
            return Received::Close(Closing::TOO_LONG);
        }
        let request = decode::value(message.as_bytes()).and_then(decode::typed::<WatchRequest>);
        let Ok(request) = request else { return Received::Close(Closing::INVALID) };
        if let Some(own) = &self.venture
            && request.ventures.iter().any(|venture| venture.as_str() != own.as_str())
        {
            return Received::Close(Closing::FORBIDDEN);
        }
        let after = request.after.get();
        self.request = Some(request);
        Received::Subscribed(after)
    }
}

/// The events since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEvents {
    /// The number of the newest event of all.
    pub head: u64,
    /// The venture and the number of each new event, newest first.
    ventures: Vec<(Option<String>, u64)>,
    /// Whether there are new events that are not in `ventures`.
    has_more: bool,
}

impl NewEvents {
    /// The hint for a watcher, if one of the events after `told` concerns it. After a hint or a look, the engine has told it
    /// of all events up to `head`.
    pub fn hint_for(&self, watcher: &Watcher, told: u64) -> Option<WatchHint> {
        let request = watcher.request.as_ref()?;
        let found = self.ventures.iter().find(|(venture, _)| request.includes(venture.as_deref()));
        // The client then finds nothing new, or it finds what was not read here.
        let unread = self.has_more.then_some(self.head);
        let newest = found.map(|(_, seq)| *seq).or(unread);
        newest.filter(|seq| *seq > told).map(|seq| WatchHint { seq })
    }

    /// The hint for a client that has just said which events it has.
    pub fn first_hint(&self, after: u64) -> Option<WatchHint> {
        (self.head != after).then_some(WatchHint { seq: self.head })
    }
}

/// Whether a request asks for the socket.
pub fn is_watch(path: &str) -> bool {
    target::normalize(path) == WATCH_PATH
}

/// A request that may open a socket.
pub struct AdmittedWatcher {
    /// The holder of the socket.
    pub watcher: Watcher,
    received: ReceivedRequest,
    admission: Admission,
    finished: Finished,
}

impl App {
    /// Checks whether a request may open a socket. If not, returns the response.
    pub async fn admit_watcher(&self, parts: Parts) -> Result<AdmittedWatcher, Answer> {
        let received = self.receive(parts);
        let caller = match self.settings.keyring.authenticate(&received.parts.headers) {
            Ok(caller) => caller,
            Err(error) => return Err(answer_unauthenticated(&received, error)),
        };
        let limit = self.settings.rate_limit_per_minute;
        // The rights are those that list the events.
        let admission = Admission::new(caller.clone(), Some(Operation::ListEvents), received.now, limit);
        let finished = match check(&received.parts) {
            Ok(()) => {
                let plan = caller.token_id().map_or_else(|| Plan::fixed(Vec::new(), "{}"), venture_of);
                batch::run(self.database.as_ref(), &admission, &CursorMark::of("", ""), plan).await
            }
            Err(error) => batch::refuse(self.database.as_ref(), &admission, error).await,
        };
        let venture = match &finished.result {
            Ok(row) => serde_json::from_slice::<TokenVenture>(&row.body).ok().and_then(|row| row.venture),
            Err(error) if error.code == ErrorCode::Unauthorized => {
                return Err(answer_unauthenticated(&received, error.clone()));
            }
            Err(_) => return Err(self.answer_counted(&received, caller.actor, &admission, finished)),
        };
        let watcher = Watcher { token: caller.token_id().cloned(), actor: caller.actor, venture, request: None };
        Ok(AdmittedWatcher { watcher, received, admission, finished })
    }

    /// The response that opens a socket. The engine adds the headers of the protocol.
    pub fn open_socket(&self, admitted: AdmittedWatcher) -> Answer {
        let AdmittedWatcher { watcher, received, admission, mut finished } = admitted;
        finished.result = Ok(SuccessResponse { status: 101, body: Bytes::new(), replayed: false });
        let mut answer = self.answer_counted(&received, watcher.actor, &admission, finished);
        answer.response.headers_mut().remove(CONTENT_TYPE);
        answer
    }

    /// The response if the engine or the actor has too many sockets.
    pub fn refuse_socket(&self, admitted: AdmittedWatcher) -> Answer {
        let AdmittedWatcher { watcher, received, admission, mut finished } = admitted;
        let detail = "Too many sockets are open. Close some, or list the events with list_events.";
        finished.result = Err(ApiError::new(ErrorCode::Overloaded, detail));
        self.answer_counted(&received, watcher.actor, &admission, finished)
    }

    fn answer_counted(
        &self,
        received: &ReceivedRequest,
        actor: String,
        admission: &Admission,
        mut finished: Finished,
    ) -> Answer {
        let deferred = self.deferred_statements(received, None, actor, admission, &mut finished);
        let rate = Rate { window: &admission.window, rate_limit_state: finished.rate_limit_state };
        Answer { response: received.respond(finished.result, Some(&rate)), deferred }
    }

    /// The events after `last`. Without it, only the number of the newest event.
    pub async fn new_events(&self, last: Option<u64>) -> Result<NewEvents, DatabaseError> {
        let mut statements = vec![store::event::ends()];
        statements.extend(last.map(store::event::newest_after));
        let rows = self.database.batch(&statements).await?;
        let head = rows.first().and_then(|ends| number(ends.first()?, "head")).unwrap_or_default();
        let ventures: Vec<_> = rows.get(1).into_iter().flatten().filter_map(venture_and_seq).collect();
        let oldest = ventures.last().map_or(head, |(_, seq)| seq.saturating_sub(1));
        Ok(NewEvents { head, has_more: last.is_some_and(|last| oldest != last), ventures })
    }

    /// Those of the tokens that were revoked or have expired.
    pub async fn revoked(&self, tokens: &BTreeSet<TokenId>) -> Result<BTreeSet<TokenId>, DatabaseError> {
        if tokens.is_empty() {
            return Ok(BTreeSet::new());
        }
        let rows = self.database.batch(&[store::token::invalid_of(tokens, self.clock.now())]).await?;
        Ok(rows.iter().flatten().filter_map(|row| text(row, "id")?.parse().ok()).collect())
    }
}

#[derive(Deserialize)]
struct TokenVenture {
    venture: Option<VentureCode>,
}

/// Selects the venture of a token, which the batch has checked.
fn venture_of(token: &TokenId) -> Plan {
    Plan::record(store::token::select_venture(token), ErrorCode::TokenNotFound).with_access(DataAccess::Shared)
}

fn venture_and_seq(row: &Row) -> Option<(Option<String>, u64)> {
    Some((text(row, "venture").map(str::to_owned), number(row, "seq")?))
}

/// Checks the method and the headers of a request for a socket.
fn check(parts: &Parts) -> Result<(), ApiError> {
    headers::check(&parts.headers)?;
    if parts.method == Method::GET {
        return check_upgrade(&parts.headers);
    }
    let mut error = ApiError::new(ErrorCode::MethodNotAllowed, "This path does not support the method. Use GET.");
    error.allow = Some("GET".to_owned());
    Err(error)
}

/// Checks the headers of a handshake (RFC 6455, 4.2.1).
fn check_upgrade(headers: &HeaderMap) -> Result<(), ApiError> {
    let has = |name: &HeaderName, word: &str| {
        let words = joined(headers, name).unwrap_or_default();
        words.split(',').any(|given| given.trim().eq_ignore_ascii_case(word))
    };
    if !has(&CONNECTION, "upgrade") || !has(&UPGRADE, "websocket") {
        let detail = "This path is a WebSocket. Open it with a WebSocket client, or list the events with list_events.";
        return Err(ApiError::new(ErrorCode::UpgradeRequired, detail));
    }
    let version = HeaderName::from_static("sec-websocket-version");
    if joined(headers, &version).as_deref() != Some("13") {
        let detail = "The version of the WebSocket must be 13.";
        return Err(ApiError::new(ErrorCode::UpgradeRequired, detail));
    }
    let key = headers.get(HeaderName::from_static("sec-websocket-key")).map(HeaderValue::as_bytes);
    let is_key = |key: &[u8]| {
        let digits = key.strip_suffix(b"==").unwrap_or_default();
        digits.len() == 22 && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
    };
    if !key.is_some_and(is_key) {
        let detail = "Sec-WebSocket-Key must be 16 bytes in base64.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, detail));
    }
    Ok(())
}
