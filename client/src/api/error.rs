//! What can go wrong, in three kinds: nobody there, a refusal, a failure.

use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{ErrorCode, Operation, Problem};
use http::{Response, header};
use serde::de::DeserializeOwned;

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
    },
    /// The API understood and said no. Nothing has happened.
    #[error("the Context API refused ({}): {} {}[{}]", .0.code.as_str(), .0.detail, fields(.0), .0.correlation_id)]
    Refused(Box<Problem>),
    /// The API or the embedded engine failed, or answered what can't be understood.
    #[error("the Context API failed: {detail}{}", .correlation_id.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default())]
    Failed {
        /// What happened.
        detail: String,
        /// Names the request in the API's log, if it answered.
        correlation_id: Option<String>,
    },
}

impl ClientError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable { .. } | Self::Failed { .. } => None,
        }
    }

    pub(super) fn failed(detail: impl Into<String>) -> Self {
        Self::Failed { detail: detail.into(), correlation_id: None }
    }

    pub(super) fn not_sent(operation: Operation, error: &serde_json::Error) -> Self {
        Self::failed(format!("{} could not be written as JSON: {error}", operation.id()))
    }
}

fn fields(problem: &Problem) -> String {
    problem.errors.iter().fold(String::new(), |text, field| text + &field.pointer + " " + &field.detail + ". ")
}

/// The typed answer of a response, or the error that it is.
pub(super) fn understand<T: DeserializeOwned>(response: Response<Bytes>) -> Result<T, ClientError> {
    let status = response.status();
    let correlation_id = header_text(&response, "x-correlation-id");
    let body = response.into_body();
    let failed = |detail: String| ClientError::Failed { detail, correlation_id: correlation_id.clone() };
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| failed(format!("its answer can't be understood: {error}")));
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if status.is_client_error() => Err(ClientError::Refused(Box::new(problem))),
        Ok(problem) => Err(failed(format!("{} ({status})", problem.detail))),
        Err(_) => {
            Err(failed(format!("it answered {status}, and not as the Context API does; is CONTEXT_API_URL right?")))
        }
    }
}

/// How long the response asks to wait, if it does.
pub(super) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    header_text(response, header::RETRY_AFTER.as_str())?.parse().ok().map(Duration::from_secs)
}

fn header_text(response: &Response<Bytes>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
