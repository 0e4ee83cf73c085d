//! The record of a request.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A request that the stub has answered.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// The status of the answer.
    pub status: u16,
    /// How much of the primary rate limit it used.
    pub points: u64,
}

impl ReceivedRequest {
    /// Whether it is a query of GraphQL.
    pub fn is_graphql(&self) -> bool {
        self.path.ends_with("/graphql")
    }
}
