//! The request log, which admins can read.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::number::HttpStatus;
use crate::page::{Cursor, Limit, in_query};
use crate::text::LogWord;
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// One request with a valid API key, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoggedRequest {
    /// The correlation id of the request. A caller may use the same id for several requests.
    pub correlation_id: String,
    /// The actor that sent the request.
    pub actor_key_id: Option<String>,
    /// The name of the operation. `null` if no operation has this path and method (404, 405).
    pub operation: Option<String>,
    /// The first 16 characters of the HTTP method.
    pub method: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// The error code, if the request was refused.
    pub error_code: Option<String>,
    /// The time until the response in milliseconds. `null` for a write, because it is logged in its own batch.
    pub duration_ms: Option<u64>,
    /// When the request arrived.
    pub created_at: Timestamp,
}

/// Selects the requests that `list_requests` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RequestFilter {
    /// Show only requests with this correlation id.
    #[deserr(default)]
    pub correlation_id: Option<LogWord>,
    /// Show only requests of this actor.
    #[deserr(default)]
    pub actor: Option<LogWord>,
    /// Show only requests for this operation.
    #[deserr(default)]
    pub operation: Option<LogWord>,
    /// Show only requests whose response had this HTTP status.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub status: Option<HttpStatus>,
    /// Show only requests that arrived at or after this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub since: Option<Timestamp>,
    /// Show only requests that arrived before this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub until: Option<Timestamp>,
    /// The number of requests on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
