//! The events of changes on GitHub. They belong to the venture that has the repository. Without one, no event is appended.

use deckwatch_protocol::{EventKind, Timestamp};
use serde_json::Value;

use super::classification::venture_of_repo;
use super::event::append;
use super::statements;
use crate::database::Statement;

/// The event of `$kind` about each of the issues `$numbers` of the repository `?1`, at `?2`, with the data `?3`.
macro_rules! of_items {
    ($kind:literal, $numbers:literal, $when:literal) => {
        append!(concat!(
            "select v.code, ",
            $kind,
            ", v.repo || '#' || told.value, null, null, ?2, ",
            "json_set(?3, '$.repo', v.repo, '$.number', told.value) from (",
            venture_of_repo!("?1"),
            ") v ",
            "cross join json_each(",
            $numbers,
            ") told where ",
            $when
        ))
    };
}

statements! {
    /// The change `?7`, which the next statement stores with its delivery `?6`, unless it was stored before.
    RECEIVED = of_items!("?4", "?5", "not exists (select 1 from github_deliveries where id = ?6) \
        and not exists (select 1 from github_deliveries where change_id = ?7)");

    /// The labels of the issue `?4` have changed. The attempt that ends at `?6` must hold the delivery `?5`.
    LABELLED = of_items!("'issue_labelled'", "json_array(cast(?4 as integer))", "exists (
        select 1 from github_deliveries where id = ?5 and state = 'working' and due_at = ?6)");
}

/// A change on GitHub that others should know of.
pub(crate) struct Change {
    /// The kind of its events. `None` if the work on the delivery appends the event, because only the work knows who did it.
    pub(crate) kind: Option<EventKind>,
    /// The same for every delivery that tells this change.
    pub(crate) id: String,
    /// The issue or the pull requests, one event each.
    pub(crate) numbers: Vec<u32>,
    /// The data of an event, without the repository and the number.
    pub(crate) data: Value,
}

/// Appends the events of a change, if the next statement stores the first delivery that tells it.
pub(crate) fn received(delivery: &str, repo: &str, change: &Change, now: Timestamp) -> Option<Statement> {
    let kind = change.kind?;
    let numbers = serde_json::to_string(&change.numbers).unwrap_or_default();
    let bound = Statement::new(RECEIVED).bind(repo).bind(now).bind(change.data.to_string()).bind(kind.as_str());
    Some(bound.bind(numbers).bind(delivery).bind(change.id.as_str()))
}

/// The labels of an issue that have changed.
pub(crate) struct Labelled<'a> {
    pub(crate) repo: &'a str,
    pub(crate) number: u32,
    /// The labels that were added and removed, and what else is known, as an object.
    pub(crate) data: Value,
}

/// Appends the event of changed labels, if the attempt still holds its delivery.
pub(crate) fn labelled(of: &Labelled, now: Timestamp, delivery: &str, lease: Timestamp) -> Statement {
    let bound = Statement::new(LABELLED).bind(of.repo).bind(now).bind(of.data.to_string()).bind(of.number);
    bound.bind(delivery).bind(lease)
}
