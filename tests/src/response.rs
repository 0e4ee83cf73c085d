//! A response, with checks for tests.

use std::collections::BTreeSet;

use bytes::Bytes;
use deckwatch_protocol::{CorrelationId, ErrorCode, Problem};
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A response that a test must check.
#[derive(Debug, Clone)]
#[must_use = "check the response"]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The unchanged body.
    pub body: Bytes,
}

impl Response {
    /// The body as `T`. Checks that the response is successful with this status, and that `T` has every field of the
    /// body, so that a client which reads and writes it again produces the same JSON.
    #[track_caller]
    pub fn of<T: DeserializeOwned + Serialize>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        self.has_common_headers();
        let value = match serde_json::from_slice::<T>(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not a {}: {error}\n{self}", std::any::type_name::<T>()),
        };
        assert_eq!(serde_json::to_value(&value).unwrap(), self.json(), "a field is lost or added");
        value
    }

    /// The body as the problem `code`. Checks the status, the content type and the correlation id.
    #[track_caller]
    pub fn problem(&self, code: ErrorCode) -> Problem {
        assert_eq!(self.status, code.status(), "{self}");
        let problem = self.any_problem();
        assert_eq!(problem.code, code, "{self}");
        problem
    }

    /// The body as the problem `code`. Checks that it names exactly these fields.
    #[track_caller]
    pub fn problem_at(&self, code: ErrorCode, pointers: &[&str]) -> Problem {
        let problem = self.problem(code);
        let named: BTreeSet<&str> = problem.errors.iter().map(|violation| violation.pointer.as_str()).collect();
        assert_eq!(named, pointers.iter().copied().collect(), "{self}");
        problem
    }

    /// The body as a problem with any 4xx status. Checks that it is complete and consistent.
    #[track_caller]
    pub fn refusal(&self) -> Problem {
        assert!((400..500).contains(&self.status), "{self}");
        self.any_problem()
    }

    #[track_caller]
    fn any_problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        self.has_common_headers();
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}\n{self}"));
        assert_eq!(serde_json::to_value(&problem).unwrap(), self.json(), "a field is lost or added");
        assert_eq!(Some(problem.correlation_id.as_str()), self.header("x-correlation-id"), "{self}");
        assert_eq!(problem.status, self.status, "{self}");
        assert_eq!(problem.code.status(), self.status, "{self}");
        assert_eq!(problem.title, problem.code.title(), "{self}");
        assert_eq!(problem.kind, format!("urn:deckwatch:error:{}", problem.code.as_str()), "{self}");
        assert!(!problem.detail.is_empty(), "{self}");
        problem
    }

    #[track_caller]
    fn has_common_headers(&self) {
        let correlation_id = self.header("x-correlation-id").unwrap_or_default();
        assert!(correlation_id.parse::<CorrelationId>().is_ok(), "{self}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
    }

    /// Whether the response repeats the answer of an earlier request.
    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// The value of a header, if there is exactly one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2000).collect();
        write!(f, "{} {:?}\n{body}", self.status, self.headers)
    }
}
