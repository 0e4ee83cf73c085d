//! The answers of the stub, and GitHub's bodies for errors.

use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

/// An answer, or a refusal.
pub(super) type Handled = Result<Answer, Answer>;

const DOCUMENTATION: &str = "https://docs.github.com/rest";

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(super) fn created(body: Value) -> Self {
        let location = body["url"].as_str().map(|url| ("location", url.to_owned()));
        Self { status: 201, headers: location.into_iter().collect(), body: Some(body) }
    }

    pub(super) fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: None }
    }

    fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    /// GitHub's body for an error without details.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let body = json!({ "message": message, "documentation_url": DOCUMENTATION, "status": status.to_string() });
        Self::new(status, body)
    }

    pub(super) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// 422 with the field that is wrong. `code` is one of GitHub's: `missing`, `missing_field`, `invalid`, `already_exists`,
    /// `unprocessable`, `custom`.
    pub(super) fn invalid(resource: &str, field: &str, code: &str, message: Option<&str>) -> Self {
        let mut error = json!({ "resource": resource, "field": field, "code": code });
        if let Some(message) = message {
            error["message"] = json!(message);
        }
        let body = json!({
            "message": "Validation Failed", "errors": [error], "documentation_url": DOCUMENTATION, "status": "422",
        });
        Self::new(422, body)
    }

    pub(super) fn moved(location: String) -> Self {
        let body = json!({ "message": "Moved Permanently", "url": location, "documentation_url": DOCUMENTATION });
        Self { headers: vec![("location", location)], ..Self::new(301, body) }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
