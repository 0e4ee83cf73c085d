//! Events. The batch of a write appends its events, under the condition of the write itself. Each kind of record has its own
//! statements for this, made with [`append`].
//!
//! A statement whose condition is `changes()` stands directly behind the statement of its write: SQLite's `changes()` is the
//! number of rows that the statement before it has changed. A batch that has changed the full text index can't use it,
//! because a later statement writes the index to its tables first. A statement that compares old values with new ones
//! stands before the write. Each statement returns the number of each new event as `event_seq`.

use deckwatch_protocol::{EventFilter, Limit, Timestamp};

use super::forms::{every_form, filters};
use super::statements;
use crate::database::{Param, Statement};

/// How many events a page reads at most, whatever it shows.
macro_rules! scanned_events {
    () => {
        900
    };
}

/// The number of events that a page reads at most.
pub(crate) const SCANNED_EVENTS: u64 = scanned_events!();

/// Appends the events that `$select` selects.
macro_rules! append {
    ($select:expr) => {
        concat!($crate::store::event::append_quietly!($select), " returning seq as event_seq")
    };
}

/// The same without the numbers of the events, because D1 counts two more rows for each event that returns one. Another
/// statement of the batch returns the newest number.
macro_rules! append_quietly {
    ($select:expr) => {
        concat!("insert into events (venture, kind, subject, agent, session_id, at, data_json) ", $select)
    };
}
pub(super) use {append, append_quietly};

statements! {
    /// The number of the newest and of the oldest event.
    ENDS = "select (select max(seq) from events) as head, (select min(seq) from events) as first";

    /// The newest events after `?1`.
    NEWEST_AFTER = "select ev.seq, ev.venture from events ev where ev.seq > ?1 order by ev.seq desc limit 100";

    /// Deletes the events before `?1`, at most 1,000. If the clock was wrong for some events, it deletes those before them
    /// too, so that no gap stays. The newest event stays, so that no number is used again. If none of the oldest 100 is
    /// old, the others are not read.
    FORGET = "
        delete from events where seq <= (
            select max(seq) from (
              select seq, at from events order by seq limit iif(exists (
                select 1 from (select at from events order by seq limit 100) where at < ?1), 1000, 0))
            where at < ?1)
          and seq < (select max(seq) from events)
        returning 1 as one";
}

/// Selects the numbers of the newest and of the oldest event.
pub(crate) fn ends() -> Statement {
    Statement::new(ENDS)
}

/// Selects the number and the venture of the newest 100 events after `last`, newest first.
pub(crate) fn newest_after(last: u64) -> Statement {
    Statement::new(NEWEST_AFTER).bind(i64::try_from(last).unwrap_or(i64::MAX))
}

/// Deletes events before `before`.
pub(crate) fn forget(before: Timestamp) -> Statement {
    Statement::new(FORGET).bind(before)
}

/// The event `ev` as JSON.
macro_rules! event_json {
    () => {
        "json_object('seq', ev.seq, 'venture', ev.venture, 'kind', ev.kind, 'subject', ev.subject, 'agent', ev.agent, \
         'session_id', ev.session_id, 'at', ev.at, 'data', json(ev.data_json))"
    };
}

filters! {
    /// The filters of `list_events`.
    EventFilters {
        venture: Option<Param>,
        kinds: Option<Param>,
        after: Option<Param>,
    }
}

/// Selects the events of a page: `seq` and `item`.
pub(crate) fn list(filter: &EventFilter) -> Statement {
    let filters = EventFilters {
        venture: filter.venture.as_ref().map(Param::from),
        kinds: filter.kinds.as_ref().map(|kinds| Param::from(format!(",{},", kinds.as_str()))),
        after: filter.after.map(|after| Param::from(i64::try_from(after.get()).unwrap_or(i64::MAX))),
    };
    page(&filters, filter.limit.unwrap_or_default())
}

fn page(filters: &EventFilters, limit: Limit) -> Statement {
    let mut params = vec![Param::from(limit.get())];
    let mut conditions = Vec::new();
    let mut when = |condition: &str, param: &Option<Param>| {
        let Some(param) = param else { return };
        params.push(param.clone());
        conditions.push(condition.replace('?', &format!("?{}", params.len())));
    };
    when(concat!("ev.seq > ? and ev.seq <= ? + ", scanned_events!()), &filters.after);
    when("ev.venture = ?", &filters.venture);
    // No table of kinds, because D1 counts each row that is looked up in it.
    when("instr(?, ',' || ev.kind || ',') > 0", &filters.kinds);
    if filters.after.is_none() {
        conditions.push(concat!("ev.seq < (select min(seq) from events) + ", scanned_events!()).to_owned());
    }
    let sql = format!(
        concat!("select ev.seq, ", event_json!(), " as item from events ev where {} order by ev.seq limit ?1"),
        conditions.join(" and ")
    );
    Statement::with(sql, params)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("event::list", |filters| [page(filters, Limit::default())])
}
