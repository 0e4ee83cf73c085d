//! The request log, as an admin reads it.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::number::HttpStatus;
use crate::page::{Cursor, Limit, in_query};
use crate::text::LogWord;
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// One request of a caller with a good key, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoggedRequest {
    /// Names the request; a caller may use one for several.
    pub correlation_id: String,
    /// Who asked.
    pub actor_key_id: Option<String>,
    /// What was asked, by the operation's name; `null` where the request led nowhere (404, 405).
    pub operation: Option<String>,
    /// The HTTP method, its first 16 characters.
    pub method: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Why it was refused.
    pub error_code: Option<String>,
    /// Milliseconds on the way to the answer; `null` for a write, which is logged in its own batch.
    pub duration_ms: Option<u64>,
    /// When it came.
    pub created_at: Timestamp,
}

/// Which requests `list_requests` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RequestFilter {
    /// The correlation id of the request.
    #[deserr(default)]
    pub correlation_id: Option<LogWord>,
    /// Who asked.
    #[deserr(default)]
    pub actor: Option<LogWord>,
    /// What was asked, by the operation's name.
    #[deserr(default)]
    pub operation: Option<LogWord>,
    /// The HTTP status of the answer.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub status: Option<HttpStatus>,
    /// Only requests that came at or after this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub since: Option<Timestamp>,
    /// Only requests that came before this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub until: Option<Timestamp>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
