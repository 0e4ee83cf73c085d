//! An API call, independent of the transport: operation, path, body and conditions.

use bytes::Bytes;
use deckwatch_protocol::Operation;
use deckwatch_protocol::endpoint::Endpoint;
use serde_json::Value;

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
    /// A request for `E`. `path` has the values of its path parameters, in order.
    pub(super) fn of<E: Endpoint>(path: &[&str], query: &E::Query, body: &E::Body) -> Result<Self, ClientError> {
        let not_sent = |error| ClientError::not_sent(E::OPERATION, &error);
        let mut ask = Self::plain(E::OPERATION, path);
        ask.add_query(&serde_json::to_value(query).map_err(not_sent)?);
        if E::OPERATION.takes_body() {
            ask.body = serde_json::to_vec(body).map_err(not_sent)?.into();
        }
        Ok(ask)
    }

    fn plain(operation: Operation, path: &[&str]) -> Self {
        Self {
            operation,
            path_and_query: operation.path_with(path),
            body: Bytes::new(),
            if_none_match: None,
            if_match: None,
            key: None,
        }
    }

    /// A write with a known idempotency key.
    pub(crate) fn with_key(operation: Operation, parameter: &str, body: String, key: &str) -> Self {
        Self { body: body.into(), key: Some(key.to_owned()), ..Self::plain(operation, &[parameter]) }
    }

    /// Requires that the record still has this tag.
    pub(crate) fn if_match(self, tag: Option<String>) -> Self {
        Self { if_match: tag, ..self }
    }

    fn add_query(&mut self, filter: &Value) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in filter.as_object().into_iter().flatten() {
            match value {
                Value::Null => {}
                Value::String(text) => drop(query.append_pair(name, text)),
                other => drop(query.append_pair(name, &other.to_string())),
            }
        }
        let query = query.finish();
        if !query.is_empty() {
            self.path_and_query = format!("{}?{query}", self.path_and_query);
        }
    }
}
