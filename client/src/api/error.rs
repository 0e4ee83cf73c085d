//! The errors of API calls: unreachable, refused, failed, or a secret in the request.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{ErrorCode, Operation, Problem, RepoName, RetryRule, Violation};
use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::secret_scan::Finding;

const CORRELATION_ID: &str = "x-correlation-id";
/// What is wrong with an API that does not know a request of this program, and what to do.
const OLDER_API: &str = concat!(
    "older than this program, which is Deckwatch ",
    env!("CARGO_PKG_VERSION"),
    ": ask its operator to deploy that version."
);
/// The advice for a response that this program can't decode.
const OTHER_VERSION: &str = concat!(
    "The API can be of another version than this program, which is Deckwatch ",
    env!("CARGO_PKG_VERSION"),
    "; `launcher doctor` compares them"
);
const TOO_MANY_REQUESTS: u16 = StatusCode::TOO_MANY_REQUESTS.as_u16();

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The API did not respond, even after retries. It is unknown whether a write took effect.
    #[error(
        "can't reach the Context API at {endpoint}: {cause}. Check the network and CONTEXT_API_URL, then try again"
    )]
    Unreachable {
        /// The URL of the API.
        endpoint: String,
        /// The error text of the network.
        cause: String,
        /// Whether any attempt opened a connection. In that case the request may have arrived.
        is_sent: bool,
    },
    /// The API refused the request. Nothing was changed.
    #[error("the Context API refused ({}): {} {}{}[{}]", .0.code.as_str(), .0.detail, fields(.0), remedy(.0), .0.correlation_id)]
    Refused(Box<Problem>),
    /// The API refused the request with a code that this version does not know. Nothing was changed.
    #[error(
        "the Context API refused ({}): {} This version of Deckwatch does not know this refusal: update Deckwatch. [{}]",
        .0.code, .0.detail, .0.correlation_id
    )]
    RefusedUnknown(Box<UnknownProblem>),
    /// The request contains a secret. Nothing was sent.
    #[error("The {what} was not sent: {}. Take it out and try again.", places(.findings))]
    HoldsSecret {
        /// What the request would have written.
        what: &'static str,
        /// The place and the kind of each secret.
        findings: Vec<Finding>,
    },
    /// The repository of a queued write does not belong to any venture. Nothing was changed.
    #[error(
        "the repository {repo} does not belong to any venture of the Context API. Add it to a venture, or start the agent \
         with `launcher <venture>`"
    )]
    NoVenture {
        /// The repository.
        repo: RepoName,
    },
    /// The response is not from the Context API. Nothing was changed.
    #[error("{}", foreign_answer(*.status, *.retry_after_seconds))]
    NotTheApi {
        /// The status of the response.
        status: u16,
        /// The wait in seconds that the response asks for, if any.
        retry_after_seconds: Option<u64>,
    },
    /// The API refused the queued write when another process sent it. That process set it aside.
    #[error(
        "the {what} is NOT recorded: another process on this machine sent it, and the API refused it ({reason}). Its text is in {path}",
        path = .path.display()
    )]
    SetAside {
        /// What the request writes.
        what: &'static str,
        /// The reason of the refusal.
        reason: String,
        /// The file with its text.
        path: PathBuf,
    },
    /// The write was neither sent nor queued.
    #[error(
        "the {what} is neither recorded nor queued: keep its text and try again later. Not sent: {cause}. Not queued: {storage_error}"
    )]
    QueueFailed {
        /// What the request would have written.
        what: &'static str,
        /// Why it was not sent.
        cause: String,
        /// Why it could not be queued.
        storage_error: String,
    },
    /// The write was sent but not queued, and the API did not respond. It is unknown whether it took effect.
    #[error(
        "it is not known whether the {what} is recorded: it was sent, but the API did not respond. It is not queued. Keep its text, and send the same text again later from this agent, without a change: the API then records it once. No response: {cause}. Not queued: {storage_error}"
    )]
    DeliveryUnknown {
        /// What the request writes.
        what: &'static str,
        /// Why there is no response.
        cause: String,
        /// Why it could not be queued.
        storage_error: String,
    },
    /// The API or the embedded engine failed, or sent an invalid response.
    #[error("the Context API failed: {detail}{}", .correlation_id.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default())]
    Failed {
        /// The error.
        detail: String,
        /// The status of the response, if it was not a success.
        status: Option<u16>,
        /// The id of the request in the API's log, if the API responded.
        correlation_id: Option<String>,
        /// The wait in seconds that the response asks for, if any.
        retry_after_seconds: Option<u64>,
    },
}

/// A refusal with a code of a later version of the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UnknownProblem {
    /// `urn:deckwatch:error:<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The error code, for programs.
    pub code: String,
    /// The id of the request, for support.
    pub correlation_id: String,
    /// The wait in seconds from the response's `Retry-After`.
    #[serde(skip)]
    pub retry_after_seconds: Option<u64>,
}

impl UnknownProblem {
    /// Parses the body of a response.
    fn read(body: &[u8]) -> Option<Self> {
        let problem: Self = serde_json::from_slice(body).ok()?;
        (problem.kind == format!("urn:deckwatch:error:{}", problem.code)).then_some(problem)
    }

    /// When the API may accept the request, as far as this version can tell.
    pub fn retry_rule(&self) -> RetryRule {
        let known = ErrorCode::ALL.iter().find(|code| code.as_str() == self.code);
        known.map_or_else(|| RetryRule::of_status(self.status), |code| code.retry_rule())
    }
}

impl ClientError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable { .. }
            | Self::RefusedUnknown(_)
            | Self::HoldsSecret { .. }
            | Self::NoVenture { .. }
            | Self::SetAside { .. }
            | Self::QueueFailed { .. }
            | Self::DeliveryUnknown { .. }
            | Self::NotTheApi { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// How long to wait if the API, or a proxy before it, accepts no more requests for now.
    pub fn asks_to_wait(&self) -> Option<Duration> {
        /// The wait if the response does not give one.
        const DEFAULT_WAIT: Duration = Duration::from_secs(5);
        let is_too_many = match self {
            Self::Refused(problem) => problem.status == TOO_MANY_REQUESTS,
            Self::RefusedUnknown(problem) => problem.status == TOO_MANY_REQUESTS,
            Self::NotTheApi { status, .. } => *status == TOO_MANY_REQUESTS,
            Self::Failed { status, .. } => *status == Some(TOO_MANY_REQUESTS),
            _ => false,
        };
        is_too_many.then(|| self.retry_after_seconds().map_or(DEFAULT_WAIT, Duration::from_secs))
    }

    /// The wait in seconds that the response asks for, if any.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Refused(problem) => problem.retry_after_seconds,
            Self::RefusedUnknown(problem) => problem.retry_after_seconds,
            Self::NotTheApi { retry_after_seconds, .. } | Self::Failed { retry_after_seconds, .. } => {
                *retry_after_seconds
            }
            Self::Unreachable { .. }
            | Self::HoldsSecret { .. }
            | Self::NoVenture { .. }
            | Self::SetAside { .. }
            | Self::QueueFailed { .. }
            | Self::DeliveryUnknown { .. } => None,
        }
    }

    /// Whether the cause is the API, and not the request.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NotTheApi { .. } => true,
            Self::Failed { status, .. } => status.is_some_and(|status| status >= 500),
            Self::Refused(_)
            | Self::RefusedUnknown(_)
            | Self::HoldsSecret { .. }
            | Self::NoVenture { .. }
            | Self::SetAside { .. }
            | Self::QueueFailed { .. }
            | Self::DeliveryUnknown { .. } => false,
        }
    }

    /// Whether the error is temporary: an outage or an overloaded API.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Failed { status, .. } => self.is_outage() || matches!(status, Some(408 | 425 | 429)),
            Self::RefusedUnknown(problem) => problem.retry_rule() == RetryRule::Later,
            other => other.is_outage() || other.code().is_some_and(|code| code.retry_rule() == RetryRule::Later),
        }
    }

    pub(super) fn holds_secret(operation: Operation, findings: Vec<Finding>) -> Self {
        let what = match operation.id() {
            "end_day" | "create_handoff" => "handoff",
            "create_note" | "update_note" => "note",
            "put_doc" => "document",
            "send_message" => "message",
            "put_state" => "value",
            _ => "request",
        };
        Self::HoldsSecret { what, findings }
    }

    pub(crate) fn failed(detail: impl Into<String>) -> Self {
        Self::Failed { detail: detail.into(), status: None, correlation_id: None, retry_after_seconds: None }
    }

    pub(crate) fn not_sent(operation: Operation, error: &serde_json::Error) -> Self {
        Self::failed(format!("the request {} could not be written as JSON: {error}", operation.id()))
    }
}

/// Advice for refusals whose detail has none.
fn remedy(problem: &Problem) -> String {
    match (problem.code, problem.retry_after_seconds) {
        (ErrorCode::Unauthorized, _) => "Set CONTEXT_API_KEY to a valid key, then start again. ".to_owned(),
        (ErrorCode::RateLimited, Some(seconds)) => format!("Try again in {seconds} s. "),
        (ErrorCode::RateLimited, None) => "Try again in a minute. ".to_owned(),
        (ErrorCode::Forbidden, _) => "Ask the API's admin for a key with more rights. ".to_owned(),
        (ErrorCode::AgentNameTaken, _) => {
            "To go on as this agent on this machine, start it with `launcher <venture> --as \
             <name>`. "
                .to_owned()
        }
        // A program sends only operations and fields of its own version.
        (ErrorCode::UnknownRoute | ErrorCode::MethodNotAllowed, _) => {
            format!("Either CONTEXT_API_URL has a wrong path, or the API is {OLDER_API} ")
        }
        (ErrorCode::InvalidRequest, _) if problem.errors.iter().any(Violation::is_unknown_field) => {
            format!("The API is {OLDER_API} ")
        }
        _ => String::new(),
    }
}

/// The message for a response that is not from the API. The advice depends on the status.
fn foreign_answer(status: u16, retry_after_seconds: Option<u64>) -> String {
    let when = retry_after_seconds.map_or("in a minute".to_owned(), |seconds| format!("in {seconds} s"));
    let advice = match status {
        429 => format!("it accepts no more requests for now. Try again {when}"),
        502..=504 => format!(
            "it reports that the API does not respond. Try again {when}; if the error persists, ask its operator"
        ),
        401 | 403 | 407 => {
            "it requires its own login. Sign in to the network, or ask the operator of the proxy".to_owned()
        }
        _ => "it can be a login page of the network. Check CONTEXT_API_URL and the network".to_owned(),
    };
    format!("a proxy or another service answered instead of the Context API, with status {status}: {advice}")
}

fn places(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn fields(problem: &Problem) -> String {
    problem.errors.iter().fold(String::new(), |text, field| text + &field.pointer + " " + &field.detail + ". ")
}

/// Parses a response into its type or its error. A refusal or an invalid response counts as the API's only if it has the
/// API's correlation id.
pub(crate) fn understand<T: DeserializeOwned>(response: Response<Bytes>) -> Result<T, ClientError> {
    let (status, is_the_api) = (response.status(), is_the_api(&response));
    let correlation_id = header_text(&response, CORRELATION_ID);
    let retry_after_seconds = retry_after(&response).map(|pause| pause.as_secs());
    let foreign = foreign(&response);
    let body = response.into_body();
    let failed = |detail: String| {
        let status = Some(status.as_u16()).filter(|_| !status.is_success());
        ClientError::Failed { detail, status, correlation_id: correlation_id.clone(), retry_after_seconds }
    };
    let wrong = |detail: String| if is_the_api { failed(detail) } else { foreign.clone() };
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| wrong(format!("its response is invalid: {error}. {OTHER_VERSION}")));
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if status.is_client_error() && is_the_api => {
            Err(ClientError::Refused(Box::new(Problem { retry_after_seconds, ..problem })))
        }
        Ok(problem) if status.is_server_error() => Err(failed(format!("{} ({status})", problem.detail))),
        Ok(_) | Err(_) => match UnknownProblem::read(&body) {
            Some(problem) if status.is_client_error() && is_the_api => {
                Err(ClientError::RefusedUnknown(Box::new(UnknownProblem {
                    status: status.as_u16(),
                    retry_after_seconds,
                    ..problem
                })))
            }
            _ => Err(wrong(format!("its response with status {status} has an unknown form"))),
        },
    }
}

/// Whether the response has a correlation id of the API, which every response of the API has.
pub(crate) fn is_the_api(response: &Response<Bytes>) -> bool {
    header_text(response, CORRELATION_ID).is_some_and(|id| id.starts_with("corr_"))
}

pub(crate) fn foreign(response: &Response<Bytes>) -> ClientError {
    let retry_after_seconds = retry_after(response).map(|pause| pause.as_secs());
    ClientError::NotTheApi { status: response.status().as_u16(), retry_after_seconds }
}

/// The wait that the response asks for, if any.
pub(super) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    crate::http::retry_after(response.headers())
}

fn header_text(response: &Response<Bytes>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
