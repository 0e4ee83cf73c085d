//! What can go wrong: nobody there, a refusal, a failure, a secret that must not be sent.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{Again, ErrorCode, Operation, Problem, RepoName};
use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::secret_scan::Finding;

const CORRELATION_ID: &str = "x-correlation-id";
const TOO_MANY_REQUESTS: u16 = StatusCode::TOO_MANY_REQUESTS.as_u16();

/// Why a call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered, also not when asked again. For a write, whether it happened is unknown.
    #[error(
        "can't reach the Context API at {endpoint}: {cause}. Check the network and CONTEXT_API_URL, then try again"
    )]
    Unreachable {
        /// Where it should be.
        endpoint: String,
        /// What the network says.
        cause: String,
        /// Whether a connection stood in any try: then the request may have arrived.
        is_sent: bool,
    },
    /// The API understood and said no. Nothing has happened.
    #[error("the Context API refused ({}): {} {}{}[{}]", .0.code.as_str(), .0.detail, fields(.0), remedy(.0), .0.correlation_id)]
    Refused(Box<Problem>),
    /// The API said no, with a code that this version does not know. Nothing has happened.
    #[error("the Context API refused ({}): {} [{}]", .0.code, .0.detail, .0.correlation_id)]
    RefusedUnknown(Box<UnknownProblem>),
    /// It holds what must not leave this machine. Nothing was sent.
    #[error("The {what} was not sent: {}. Take it out and try again.", places(.findings))]
    HoldsSecret {
        /// What would have been sent.
        what: &'static str,
        /// Where, and of which kind.
        findings: Vec<Finding>,
    },
    /// No venture has the repository that a queued write was about. Nothing has happened.
    #[error(
        "no venture of the Context API has the repository {repo}: add it to a venture, or start the agent with \
         `launcher <venture>`"
    )]
    NoVenture {
        /// The repository.
        repo: RepoName,
    },
    /// What answered is not the Context API. For a write, nothing has happened.
    #[error("{}", in_its_place(*.status, *.retry_after_seconds))]
    Foreign {
        /// The status of its answer.
        status: u16,
        /// How many seconds it asks to wait, if it does.
        retry_after_seconds: Option<u64>,
    },
    /// It waited, and another process whose turn it was has set it aside.
    #[error(
        "the {what} is NOT recorded: another process on this machine had the turn, and it was refused ({reason}). Its text is in {path}",
        path = .path.display()
    )]
    SetAside {
        /// What was sent.
        what: &'static str,
        /// Why.
        reason: String,
        /// The file that holds it.
        path: PathBuf,
    },
    /// It was neither sent nor kept for later.
    #[error(
        "the {what} is neither recorded nor queued: keep its text and try again later. Not sent: {cause}. Not queued: {unkept}"
    )]
    NotKept {
        /// What was to be sent.
        what: &'static str,
        /// Why it was not sent.
        cause: String,
        /// Why it could not be kept.
        unkept: String,
    },
    /// It was sent without being kept for later, and no answer of the API came: whether it happened is unknown.
    #[error(
        "it is not known whether the {what} is recorded: it was sent, and the API's answer did not come. It is not queued. Keep its text, and let this agent give the same again later, without a change: then it is recorded once. No answer: {cause}. Not queued: {unkept}"
    )]
    Unsure {
        /// What was sent.
        what: &'static str,
        /// Why there is no answer.
        cause: String,
        /// Why it could not be kept.
        unkept: String,
    },
    /// The API or the embedded engine failed, or answered what can't be understood.
    #[error("the Context API failed: {detail}{}", .correlation_id.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default())]
    Failed {
        /// What happened.
        detail: String,
        /// The status of its answer, if it answered with one that says so.
        status: Option<u16>,
        /// Names the request in the API's log, if it answered.
        correlation_id: Option<String>,
        /// How many seconds it asks to wait, if it does.
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
    /// What happened here, and what to do.
    pub detail: String,
    /// Why, as a word for programs.
    pub code: String,
    /// Quote it when asking for help.
    pub correlation_id: String,
    /// How many seconds the answer's `Retry-After` asks to wait.
    #[serde(skip)]
    pub retry_after_seconds: Option<u64>,
}

impl UnknownProblem {
    /// The problem that the body of an answer holds.
    fn read(body: &[u8]) -> Option<Self> {
        let problem: Self = serde_json::from_slice(body).ok()?;
        (problem.kind == format!("urn:deckwatch:error:{}", problem.code)).then_some(problem)
    }

    /// When the request may be taken, as far as this version can tell.
    pub fn again(&self) -> Again {
        let known = ErrorCode::ALL.iter().find(|code| code.as_str() == self.code);
        known.map_or_else(|| Again::of_status(self.status), |code| code.again())
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
            | Self::NotKept { .. }
            | Self::Unsure { .. }
            | Self::Foreign { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// How long to wait where no more requests are taken for now, whether the API says so or a proxy before it.
    pub fn asks_to_wait(&self) -> Option<Duration> {
        /// Where the answer does not say how long.
        const UNSAID: Duration = Duration::from_secs(5);
        let is_too_many = match self {
            Self::Refused(problem) => problem.code == ErrorCode::RateLimited,
            Self::RefusedUnknown(problem) => problem.status == TOO_MANY_REQUESTS,
            Self::Foreign { status, .. } => *status == TOO_MANY_REQUESTS,
            Self::Failed { status, .. } => *status == Some(TOO_MANY_REQUESTS),
            _ => false,
        };
        is_too_many.then(|| self.retry_after_seconds().map_or(UNSAID, Duration::from_secs))
    }

    /// How many seconds the answer asks to wait, if it does.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Refused(problem) => problem.retry_after_seconds,
            Self::RefusedUnknown(problem) => problem.retry_after_seconds,
            Self::Foreign { retry_after_seconds, .. } | Self::Failed { retry_after_seconds, .. } => {
                *retry_after_seconds
            }
            Self::Unreachable { .. }
            | Self::HoldsSecret { .. }
            | Self::NoVenture { .. }
            | Self::SetAside { .. }
            | Self::NotKept { .. }
            | Self::Unsure { .. } => None,
        }
    }

    /// Whether it is the API that does not work now, and not what was asked of it.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Foreign { .. } => true,
            Self::Failed { status, .. } => status.is_some_and(|status| status >= 500),
            Self::Refused(_)
            | Self::RefusedUnknown(_)
            | Self::HoldsSecret { .. }
            | Self::NoVenture { .. }
            | Self::SetAside { .. }
            | Self::NotKept { .. }
            | Self::Unsure { .. } => false,
        }
    }

    /// Whether the same is taken later without anybody doing anything: an outage, or an API that is busy.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Failed { status, .. } => self.is_outage() || matches!(status, Some(408 | 425 | 429)),
            Self::RefusedUnknown(problem) => problem.again() == Again::Later,
            other => other.is_outage() || other.code().is_some_and(|code| code.again() == Again::Later),
        }
    }

    pub(super) fn holds_secret(operation: Operation, findings: Vec<Finding>) -> Self {
        let what = match operation.id() {
            "end_day" | "create_handoff" => "handoff",
            "create_note" | "update_note" => "note",
            "put_doc" => "document",
            _ => "request",
        };
        Self::HoldsSecret { what, findings }
    }

    pub(crate) fn failed(detail: impl Into<String>) -> Self {
        Self::Failed { detail: detail.into(), status: None, correlation_id: None, retry_after_seconds: None }
    }

    pub(crate) fn not_sent(operation: Operation, error: &serde_json::Error) -> Self {
        Self::failed(format!("{} could not be written as JSON: {error}", operation.id()))
    }
}

/// What to do about a refusal whose detail does not say it.
fn remedy(problem: &Problem) -> String {
    match (problem.code, problem.retry_after_seconds) {
        (ErrorCode::Unauthorized, _) => "Set CONTEXT_API_KEY to a valid key, then start again. ".to_owned(),
        (ErrorCode::RateLimited, Some(seconds)) => format!("Try again in {seconds} s. "),
        _ => String::new(),
    }
}

/// What answered in the place of the API, and what to do: by its status, which is all that is known of it.
fn in_its_place(status: u16, retry_after_seconds: Option<u64>) -> String {
    let when = retry_after_seconds.map_or("in a minute".to_owned(), |seconds| format!("in {seconds} s"));
    let advice = match status {
        429 => format!("it takes no more requests for now. Try again {when}"),
        502..=504 => format!("it says that the API does not answer. Try again {when}; if that lasts, ask its operator"),
        401 | 403 | 407 => {
            "it asks for a login of its own. Sign in to the network, or ask the operator of the proxy".to_owned()
        }
        _ => {
            "a login page of the network, a proxy, or another service. Check CONTEXT_API_URL and the network".to_owned()
        }
    };
    format!("something in between answered in the place of the Context API, with status {status}: {advice}")
}

fn places(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn fields(problem: &Problem) -> String {
    problem.errors.iter().fold(String::new(), |text, field| text + &field.pointer + " " + &field.detail + ". ")
}

/// The typed answer of a response, or the error that it is. A refusal, and what can't be understood, is the API's only
/// where it carries the API's mark.
pub(crate) fn understand<T: DeserializeOwned>(response: Response<Bytes>) -> Result<T, ClientError> {
    let (status, is_the_api) = (response.status(), is_the_api(&response));
    let correlation_id = header_text(&response, CORRELATION_ID);
    let retry_after_seconds = retry_after(&response).map(|pause| pause.as_secs());
    let strange = foreign(&response);
    let body = response.into_body();
    let failed = |detail: String| {
        let status = Some(status.as_u16()).filter(|_| !status.is_success());
        ClientError::Failed { detail, status, correlation_id: correlation_id.clone(), retry_after_seconds }
    };
    let wrong = |detail: String| if is_the_api { failed(detail) } else { strange.clone() };
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| wrong(format!("its answer can't be understood: {error}")));
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
            _ => Err(wrong(format!("it answered {status}, and not as it is described to"))),
        },
    }
}

/// Whether the response carries what the API puts on every answer.
pub(crate) fn is_the_api(response: &Response<Bytes>) -> bool {
    header_text(response, CORRELATION_ID).is_some_and(|id| id.starts_with("corr_"))
}

pub(crate) fn foreign(response: &Response<Bytes>) -> ClientError {
    let retry_after_seconds = retry_after(response).map(|pause| pause.as_secs());
    ClientError::Foreign { status: response.status().as_u16(), retry_after_seconds }
}

/// How long the response asks to wait, if it does.
pub(super) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    crate::http::retry_after(response.headers())
}

fn header_text(response: &Response<Bytes>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
