//! An API call, independent of the transport: operation, path, body and conditions.

use bytes::Bytes;
use deckwatch_protocol::{DocName, DocScope, Operation};
use serde::Serialize;

use super::error::ClientError;

/// An API call, independent of the transport.
pub(crate) struct ApiRequest {
    pub(super) operation: Operation,
    pub(super) path_and_query: String,
    pub(super) body: Bytes,
    /// The `If-None-Match` tag, without quotes: the content that the caller already has.
    pub(super) if_none_match: Option<String>,
    /// The `If-Match` tag, without quotes: the tag that the record must still have.
    pub(super) if_match: Option<String>,
    /// The idempotency key of a write that may have been sent before. `None` means a new key.
    pub(super) key: Option<String>,
}

impl ApiRequest {
    pub(super) fn plain(operation: Operation, parameter: &str) -> Self {
        Self {
            operation,
            path_and_query: path(operation, parameter),
            body: Bytes::new(),
            if_none_match: None,
            if_match: None,
            key: None,
        }
    }

    pub(super) fn doc(operation: Operation, scope: &DocScope, name: &DocName) -> Self {
        let mut ask = Self::plain(operation, "");
        ask.path_and_query = operation.path().replace("{scope}", scope.as_str()).replace("{name}", name.as_str());
        ask
    }

    pub(super) fn body(operation: Operation, parameter: &str, body: &impl Serialize) -> Result<Self, ClientError> {
        Self::plain(operation, parameter).with_body(body)
    }

    /// A write with a known idempotency key.
    pub(crate) fn with_key(operation: Operation, parameter: &str, body: String, key: &str) -> Self {
        Self { body: body.into(), key: Some(key.to_owned()), ..Self::plain(operation, parameter) }
    }

    /// Requires that the record still has this tag.
    pub(crate) fn if_match(self, tag: Option<String>) -> Self {
        Self { if_match: tag, ..self }
    }

    pub(super) fn query(operation: Operation, filter: &impl Serialize) -> Result<Self, ClientError> {
        Self::plain(operation, "").with_query(filter)
    }

    pub(super) fn with_body(self, body: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::not_sent(self.operation, &error))?;
        Ok(Self { body: body.into(), ..self })
    }

    pub(super) fn with_query(mut self, filter: &impl Serialize) -> Result<Self, ClientError> {
        let filter = serde_json::to_value(filter).map_err(|error| ClientError::not_sent(self.operation, &error))?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in filter.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => drop(query.append_pair(name, text)),
                other => drop(query.append_pair(name, &other.to_string())),
            }
        }
        let query = query.finish();
        if !query.is_empty() {
            self.path_and_query = format!("{}?{query}", self.path_and_query);
        }
        Ok(self)
    }
}

/// The path with its parameter filled in. Ids, codes and hostnames need no escaping.
fn path(operation: Operation, parameter: &str) -> String {
    operation.path().replace("{id}", parameter).replace("{code}", parameter).replace("{hostname}", parameter)
}
