//! The request log: one row per request of a known actor. The batch of the work writes the row if it commits.
//! Otherwise the row is written after the response. Requests without a valid key go only to the engine's own log, so
//! that a client without a key can't write to the database.

use deckwatch_protocol::{
    CorrelationId, ErrorCode, HttpStatus, IdempotencyKey, Limit, Operation, RequestFilter, Timestamp,
};

use super::forms::{every_form, filters};
use super::indexed_list::{Filters, Index, PageStatements};
use super::list::{List, Order};
use super::statements;
use crate::database::{Param, Statement};

/// The key of a row: the time `$at` without its colons, and the number of the request in this millisecond.
macro_rules! moment {
    ($at:literal) => {
        concat!(
            "replace(",
            $at,
            ", ':', '') || '_' || printf('%06d', (select ifnull(max(substr(max(moment), 24) + 1, 0), 0) ",
            "from request_log where moment >= replace(",
            $at,
            ", ':', '') || '_' and moment < replace(",
            $at,
            ", ':', '') || '~'))"
        )
    };
}

statements! {
    INSERT = concat!(
        "insert into request_log (moment, correlation_id, actor_key_id, operation, method, status, error_code, duration_ms) ",
        "values (", moment!("?8"), ", ?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    );

    /// In the batch of a write. The status is the one stored with its key, which expires at `?7`.
    INSERT_FROM_STORED = concat!(
        "insert into request_log (moment, correlation_id, actor_key_id, operation, method, status) ",
        "select ", moment!("?6"), ", ?3, actor_key_id, ?4, ?5, response_status from idempotency_keys ",
        "where expires_on = substr(?7, 1, 10) and actor_key_id = ?1 and idempotency_key = ?2"
    );
}

/// One row of the request log.
pub(crate) struct Entry {
    pub(crate) actor: String,
    /// `None` if the route is unknown.
    pub(crate) operation: Option<Operation>,
    pub(crate) method: String,
    pub(crate) correlation_id: CorrelationId,
    pub(crate) status: u16,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) started_at: Timestamp,
    /// Milliseconds until the response.
    pub(crate) duration_ms: i64,
}

pub(crate) fn insert(entry: &Entry) -> Statement {
    Statement::new(INSERT)
        .non_durable()
        .bind(entry.correlation_id.as_str())
        .bind(entry.actor.as_str())
        .bind(entry.operation.map(Operation::id))
        .bind(entry.method.as_str())
        .bind(i64::from(entry.status))
        .bind(entry.error_code.map(ErrorCode::as_str))
        .bind(entry.duration_ms)
        .bind(entry.started_at)
}

pub(crate) fn insert_from_stored(
    actor: &str,
    key: &IdempotencyKey,
    correlation_id: &str,
    operation: Operation,
    (now, expires_at): (Timestamp, Timestamp),
) -> Statement {
    Statement::new(INSERT_FROM_STORED)
        .bind(actor)
        .bind(key.as_str())
        .bind(correlation_id)
        .bind(operation.id())
        .bind(operation.method())
        .bind(now)
        .bind(expires_at)
}

const LIST: List = List {
    from: "request_log l",
    item: "json_object('correlation_id', l.correlation_id, 'actor_key_id', l.actor_key_id, 'operation', l.operation, \
           'method', l.method, 'status', l.status, 'error_code', l.error_code, 'duration_ms', l.duration_ms, \
           'created_at', l.created_at)",
    key: "l.moment",
    order: Order::Descending,
};

/// The log has no index, because each request would pay for it. A time window is a range of its key; the other filters
/// are checked.
const INDEXES: &[Index] = &[
    Index { name: None, serves: &["since", "until"], by_status: false },
    Index { name: None, serves: &["since"], by_status: false },
    Index { name: None, serves: &["until"], by_status: false },
    Index { name: None, serves: &[], by_status: false },
];

filters! {
    /// The filters of `list_requests`.
    RequestFilters {
        correlation_id: Option<Param>,
        actor: Option<Param>,
        operation: Option<Param>,
        status: Option<Param>,
        since: Option<Param>,
        until: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page of `list_requests`.
pub(crate) fn list(filter: &RequestFilter) -> (PageStatements, Limit) {
    // The key begins with the time without its colons.
    let moment = |time: Timestamp| time.to_string().replace(':', "");
    let until = filter.until.map(moment);
    let filters = RequestFilters {
        correlation_id: filter.correlation_id.as_ref().map(Param::from),
        actor: filter.actor.as_ref().map(Param::from),
        operation: filter.operation.as_ref().map(Param::from),
        status: filter.status.map(HttpStatus::get).map(Param::from),
        since: filter.since.map(moment).map(Param::from),
        until: until.clone().map(Param::from),
        // A cursor of a client's own making could be outside of the window.
        cursor: filter.cursor.as_ref().map(|cursor| match &until {
            Some(until) if until.as_str() < cursor.as_str() => Param::from(until.as_str()),
            _ => Param::from(cursor),
        }),
    };
    let limit = filter.limit.unwrap_or_default();
    (page(&filters, limit), limit)
}

fn page(filters: &RequestFilters, limit: Limit) -> PageStatements {
    let named = Filters::new(("l.status", &[]), Vec::new())
        .when("correlation_id", "l.correlation_id = ?", filters.correlation_id.clone())
        .when("actor", "l.actor_key_id = ?", filters.actor.clone())
        .when("operation", "l.operation = ?", filters.operation.clone())
        .when("status", "l.status = ?", filters.status.clone())
        .when("since", "l.moment >= ?", filters.since.clone())
        .when("until", "l.moment < ?", filters.until.clone());
    LIST.filtered_page((INDEXES, "l.moment"), &named, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("request_log::list", |filters: &RequestFilters| page(filters, Limit::default()).statements())
}
