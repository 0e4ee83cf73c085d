//! A page of a list: as many items as fit, and the call that shows the next page.

use std::borrow::Cow;

use super::budget::line_cost;
use super::fence::Fence;
use super::part::{Part, Shown};

const GOES_ON: &str = "The next page shows more.";
/// The note of the last page.
pub(crate) const LAST_PAGE: &str = "This is the last page.";

/// The longest cursor in a text. A longer one is only in the structured content.
pub(crate) const LONGEST_IN_TEXT: usize = 300;

/// The note of a list whose page always fits: the call for the next page, if one follows.
pub(crate) fn note(tool: &str, cursor: Option<&str>) -> Cow<'static, str> {
    match cursor {
        None => LAST_PAGE.into(),
        Some(cursor) if cursor.len() <= LONGEST_IN_TEXT => {
            format!("Next page: call `{tool}` with the same arguments and cursor \"{cursor}\".").into()
        }
        Some(_) => format!("Next page: call `{tool}` with the same arguments and `cursor` set to next_cursor.").into(),
    }
}

/// The argument of a call that reads a text from this character on, for a tool whose cursor is the place in a list or in a
/// text.
pub(crate) fn cursor_argument(offset: usize) -> String {
    format!("cursor \"{offset}\"")
}

/// The space for the line with the call.
const CALL_COST: usize = 160;

/// A rendered page.
#[derive(Debug)]
pub(crate) struct ListPage {
    pub(crate) lines: Vec<String>,
    /// How many items are shown.
    pub(crate) shown: usize,
    /// Whether items follow.
    pub(crate) goes_on: bool,
}

impl ListPage {
    /// Renders the beginning of a part with one group. Its `more` is the note of the last page, of up to 150 characters.
    /// `more_follow` says whether there are items after those of the part. `call` is the call for the page after so many
    /// items.
    pub(crate) fn fit(
        mut part: Part,
        fence: &Fence,
        limit: usize,
        more_follow: bool,
        call: impl Fn(usize) -> String,
    ) -> Self {
        let items = part.groups.iter().map(|group| group.items.len()).sum();
        let longest = line_cost(&next_line(&call(items))).max(CALL_COST);
        let last_note = std::mem::replace(&mut part.more, GOES_ON.into());
        let Shown { mut lines, count: shown, .. } = part.fit(fence, limit.saturating_sub(longest));
        if shown < items || more_follow {
            lines.push(next_line(&call(shown)));
            return Self { lines, shown, goes_on: true };
        }
        // All items fit again: the note takes the space of the call.
        part.more = last_note;
        let Shown { lines, count, .. } = part.fit(fence, limit);
        Self { lines, shown: count, goes_on: false }
    }
}

fn next_line(call: &str) -> String {
    format!("Next page: call {call}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::part::{Cut, Group, Total};

    fn page(items: usize, total: usize, more_follow: bool) -> ListPage {
        let items = (0..items).map(|n| vec![format!("thing {n} {}", "x".repeat(40))]).collect();
        let group = Group::of("things", items, Total::exactly(total), Cut::Never);
        let part = Part {
            heading: "## Things".into(),
            remark: None,
            holds: "things",
            groups: vec![group],
            more: LAST_PAGE.into(),
        };
        ListPage::fit(part, &Fence::new(7), 1_000, more_follow, |shown| format!("`things` with cursor \"{shown}\""))
    }

    #[test]
    fn a_page_names_the_call_for_the_next_one_and_fits() {
        for (items, total, more_follow, goes_on) in
            [(3, 3, false, false), (3, 9, false, false), (3, 9, true, true), (90, 90, false, true)]
        {
            let page = page(items, total, more_follow);
            assert_eq!(page.goes_on, goes_on, "{items} of {total}");
            assert!(page.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= 1_000);
            let text = page.lines.join("\n");
            let next = format!("The next page shows more.\nNext page: call `things` with cursor \"{}\".", page.shown);
            assert_eq!(text.ends_with(&next), goes_on, "{text}");
            assert_eq!(text.ends_with("of 9. This is the last page."), total == 9 && !goes_on, "{text}");
        }
    }
}
