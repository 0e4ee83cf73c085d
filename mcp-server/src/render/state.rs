//! The keys of the shared state.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{StateEntry, Timestamp};

use super::budget::clip;
use super::fence::Fence;
use super::next_page;
use super::part::{Cut, Group, Part, Total};

const KEY_COST: usize = 140;
const AGENT_COST: usize = 60;

/// A page of keys, by name.
pub(crate) fn list_part(
    entries: &[StateEntry],
    total: Total,
    now: Timestamp,
    fence: &Fence,
    next_cursor: Option<&str>,
) -> Part {
    let item = |entry: &StateEntry| {
        let key = clip(&fence.line(entry.key.as_str()), KEY_COST);
        let by = clip(&fence.line(entry.by.as_str()), AGENT_COST);
        let (version, size) = (entry.version, entry.size_bytes);
        vec![format!("{key}: version {version}, {size} bytes, by {by}, {}", ago(entry.updated_at, now))]
    };
    Part {
        heading: format!("## Shared values: {total}"),
        remark: Some("Call `state` with action get and a key to read one.".to_owned()),
        holds: "keys of the shared values",
        groups: vec![Group::of("keys", entries.iter().map(item).collect(), total, Cut::Never)],
        more: next_page::note("state", next_cursor),
    }
}
