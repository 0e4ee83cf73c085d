//! The request log: one row per request of a known actor. The batch of the work writes the row if it commits.
//! Otherwise the row is written after the response. Requests without a valid key go only to the engine's own log, so
//! that a client without a key can't write to the database.

use deckwatch_protocol::{
    CorrelationId, ErrorCode, HttpStatus, IdempotencyKey, Limit, Operation, RequestFilter, Timestamp,
};

use super::indexed_list::{Filters, Index};
use super::list::{List, Order};
use super::statements;
use crate::database::Statement;
use crate::plan::PageStatements;

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

/// The page of `list_requests`.
pub(crate) fn list(filter: &RequestFilter) -> (PageStatements, Limit) {
    // The key begins with the time without its colons.
    let moment = |time: Timestamp| time.to_string().replace(':', "");
    let filters = Filters::new(("l.status", &[]), Vec::new())
        .when("correlation_id", "l.correlation_id = ?", filter.correlation_id.as_ref())
        .when("actor", "l.actor_key_id = ?", filter.actor.as_ref())
        .when("operation", "l.operation = ?", filter.operation.as_ref())
        .when("status", "l.status = ?", filter.status.map(HttpStatus::get))
        .when("since", "l.moment >= ?", filter.since.map(moment))
        .when("until", "l.moment < ?", filter.until.map(moment));
    let limit = filter.limit.unwrap_or_default();
    (LIST.page((INDEXES, "l.moment"), &filters, filter.cursor.as_ref(), limit), limit)
}

/// The variants of [`list`]: each filter alone, and a cursor.
pub(super) fn composed() -> Vec<(String, String)> {
    let time = Some(Timestamp::from_millis(0));
    let forms = [
        RequestFilter::default(),
        RequestFilter { correlation_id: "c".parse().ok(), ..Default::default() },
        RequestFilter { actor: "a".parse().ok(), since: time, ..Default::default() },
        RequestFilter { operation: "start_day".parse().ok(), until: time, ..Default::default() },
        RequestFilter { status: "200".parse().ok(), cursor: "a".parse().ok(), ..Default::default() },
        RequestFilter { since: time, until: time, cursor: "a".parse().ok(), ..Default::default() },
    ];
    let statements = forms.iter().flat_map(|filter| {
        let (page, _) = list(filter);
        [page.items].into_iter().chain(page.total)
    });
    statements.enumerate().map(|(n, s)| (format!("request_log::list {n}"), s.sql.into_owned())).collect()
}
