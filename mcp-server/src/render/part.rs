//! One part of a report: a heading, stored text inside a fence, and a note about omitted items.

use std::borrow::Cow;

use super::budget::line_cost;
use super::fence::Fence;
use super::fill::{Weighted, fill};
use super::page::Page;
pub(crate) use crate::total::Total;

/// A part with stored text.
pub(crate) struct Part {
    /// The heading, with the exact total. Not stored text.
    pub(crate) heading: String,
    /// A line below the heading. Not stored text.
    pub(crate) remark: Option<String>,
    /// The description in the fence.
    pub(crate) holds: &'static str,
    /// The stored text.
    pub(crate) groups: Vec<Group>,
    /// How to see omitted items.
    pub(crate) more: Cow<'static, str>,
}

/// Items of one kind.
pub(crate) struct Group {
    /// The name of the items in the note about omitted ones.
    pub(crate) name: &'static str,
    /// A line above the items.
    pub(crate) title: Option<&'static str>,
    /// The lines of each item, cleaned by the fence.
    pub(crate) items: Vec<Vec<String>>,
    /// The number of all items, including those that are not in `items`.
    pub(crate) total: Total,
    /// Where the last item may be cut.
    pub(crate) cut: Cut,
    /// A line for each item, also for those that are not in `items`. It is shown if the item is not shown whole. May be
    /// empty.
    pub(crate) names: Vec<String>,
    /// The share of the group in a budget that is too small.
    pub(crate) weight: usize,
    /// How many items are shown before the rest of any group.
    pub(crate) first: usize,
}

/// Where an item may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nowhere: for lists of one-line items.
    Never,
    /// At any word, but only if the item does not fit as a whole: for lists of short items.
    Oversized,
    /// At any word: for texts.
    AtWord,
    /// At the end of a paragraph, or at a word if that would waste half of the space.
    AtParagraph,
}

/// The lines of a rendered part.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) lines: Vec<String>,
    /// How many items are shown, whole or cut.
    pub(crate) count: usize,
}

/// The items of a group that are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Fitted {
    lines: Vec<String>,
    /// How many items are shown, whole or cut.
    pub(super) shown: usize,
    /// Whether the last shown item is cut.
    pub(super) cut: bool,
    /// How many omitted or cut items are named.
    named: usize,
    /// The cost of the lines.
    pub(super) used: usize,
}

impl Fitted {
    /// Whether this shows more items, or as many items with more text.
    pub(super) fn is_more_than(&self, other: &Self) -> bool {
        (self.whole(), self.used) > (other.whole(), other.used)
    }

    /// How many items are shown whole.
    pub(super) fn whole(&self) -> usize {
        self.shown - usize::from(self.cut && self.shown > 0)
    }
}

/// Where a list of short items may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// After a whole item.
    AfterItem,
    /// Within an item that does not fit as a whole.
    Anywhere,
}

/// The cost of a line inside the fence.
fn barred(line: &str) -> usize {
    line_cost(&Fence::bar(line))
}

fn cost_of(item: &[String]) -> usize {
    item.iter().map(|line| barred(line)).sum()
}

fn cost_of_names(names: &[String]) -> usize {
    if names.is_empty() { 0 } else { barred(LEFT_OUT) + cost_of(names) }
}

impl Part {
    /// Renders the part within `limit`. Heading and note are always shown.
    pub(crate) fn fit(&self, fence: &Fence, limit: usize) -> Shown {
        fill(&[Weighted { part: self, weight: 1 }], fence, limit).pop().unwrap_or_default()
    }

    /// Renders the part with these items of its groups.
    pub(super) fn shown(&self, fence: &Fence, fitted: &[&Fitted]) -> Shown {
        let mut lines: Vec<String> = [Some(self.heading.clone()), self.remark.clone()].into_iter().flatten().collect();
        // An empty fence would only take space.
        if fitted.iter().any(|group| !group.lines.is_empty()) {
            lines.push(fence.open(self.holds));
            lines.extend(fitted.iter().flat_map(|group| group.lines.iter().cloned()));
            lines.push(fence.close());
        }
        lines.extend(self.note(fitted));
        Shown { lines, count: fitted.iter().map(|group| group.shown).sum() }
    }

    /// The cost of the heading and the remark.
    pub(super) fn head_cost(&self) -> usize {
        line_cost(&self.heading) + self.remark.as_deref().map_or(0, line_cost)
    }

    pub(super) fn fence_cost(&self, fence: &Fence) -> usize {
        line_cost(&fence.open(self.holds)) + line_cost(&fence.close())
    }

    pub(super) fn longest_note(&self) -> usize {
        let note_with = |shown: &dyn Fn(usize) -> usize| {
            let fitted = |group: &Group| Fitted {
                lines: Vec::new(),
                shown: shown(group.items.len()),
                cut: true,
                named: group.names.len().min(group.total.count.saturating_sub(1)),
                used: 0,
            };
            let fitted: Vec<Fitted> = self.groups.iter().map(fitted).collect();
            self.note(&fitted.iter().collect::<Vec<_>>()).map_or(0, |note| line_cost(&note))
        };
        // The number of items has the most digits at the end, and the number of names at the beginning.
        note_with(&|items| items.saturating_sub(1)).max(note_with(&|_| 0))
    }

    /// The note about omitted items, or about items that may exist; `None` if all are shown.
    pub(super) fn note(&self, fitted: &[&Fitted]) -> Option<String> {
        let missing: Vec<String> =
            self.groups.iter().zip(fitted).filter_map(|(group, fitted)| group.missing(fitted)).collect();
        if !missing.is_empty() {
            return Some(format!("Not all is shown: {}. {}", missing.join("; "), self.more));
        }
        let open: Vec<&str> = self.groups.iter().filter(|group| group.total.at_least).map(|group| group.name).collect();
        (!open.is_empty()).then(|| format!("There may be more {}. {}", open.join(" and "), self.more))
    }
}

impl Group {
    /// A group without a title and names.
    pub(crate) fn of(name: &'static str, items: Vec<Vec<String>>, total: Total, cut: Cut) -> Self {
        Self { name, title: None, items, total, cut, names: Vec::new(), weight: 1, first: 1 }
    }

    /// The cost of the whole group.
    pub(super) fn need(&self) -> usize {
        let beyond = self.names.get(self.items.len()..).unwrap_or_default();
        self.cost_of_first(self.items.len()) + cost_of_names(beyond)
    }

    /// The cost of the title and the first `count` items.
    pub(super) fn cost_of_first(&self, count: usize) -> usize {
        let title = self.title.filter(|_| !self.items.is_empty());
        title.into_iter().map(barred).sum::<usize>()
            + self.items.iter().take(count).map(|item| cost_of(item)).sum::<usize>()
    }

    /// The cost of the first `count` items and the names of all others.
    pub(super) fn cost_with_names(&self, count: usize) -> usize {
        self.cost_of_first(count) + cost_of_names(self.names.get(count..).unwrap_or_default())
    }

    /// Shows as many items as fit into `room`, in order. The last one is cut if `Cut` and `ends` allow it. At most a
    /// third of the space is reserved for the names of the others.
    pub(super) fn fit(&self, room: usize, ends: Ends) -> Fitted {
        let for_names = cost_of_names(&self.names).min(room / 3);
        let mut page = Page { lines: Vec::new(), room: room - for_names };
        let mut fitted = self.fit_items(&mut page, ends);
        if fitted.shown == 0 {
            page = Page { lines: Vec::new(), room };
        } else {
            page.room += for_names;
        }
        let names = self.names.get(fitted.whole()..).unwrap_or_default();
        let is_worth_it = names.first().is_some_and(|name| barred(LEFT_OUT) + barred(name) <= page.room);
        if is_worth_it && page.push(LEFT_OUT) {
            fitted.named = names.iter().take_while(|name| page.push(name)).count();
        }
        if fitted.shown > 0 || fitted.named > 0 {
            fitted.used = room.saturating_sub(page.room);
            fitted.lines = page.lines;
        }
        fitted
    }

    fn fit_items(&self, page: &mut Page, ends: Ends) -> Fitted {
        let mut fitted = Fitted::default();
        if self.items.is_empty() || !self.title.is_none_or(|title| page.push(title)) {
            return fitted;
        }
        for item in &self.items {
            if cost_of(item) > page.room {
                let may_be_cut = self.cut != Cut::Oversized || ends == Ends::Anywhere || fitted.shown == 0;
                fitted.cut = may_be_cut && page.push_cut(item, self.cut);
                fitted.shown += usize::from(fitted.cut);
                break;
            }
            for line in item {
                page.push(line);
            }
            fitted.shown += 1;
        }
        fitted
    }

    fn missing(&self, fitted: &Fitted) -> Option<String> {
        let all = fitted.shown >= self.total.count;
        match (all, fitted.cut) {
            (true, false) => None,
            (true, true) if self.total.count == 1 => Some(format!("{} cut", self.name)),
            (_, cut) => {
                let cut = if cut { ", the last one cut" } else { "" };
                Some(format!("{} {} of {}{cut}{}", self.name, fitted.shown, self.total, self.unnamed(fitted)))
            }
        }
    }

    /// How many of the others are named, if some are and not all.
    fn unnamed(&self, fitted: &Fitted) -> String {
        if fitted.named == 0 || fitted.whole() + fitted.named >= self.total.count {
            return String::new();
        }
        format!(" ({} of the others named)", fitted.named)
    }
}

/// The line above the names of omitted items.
const LEFT_OUT: &str = "Left out or cut:";

#[cfg(test)]
mod tests {
    use super::*;

    fn part(items: &[&str], total: usize, cut: Cut) -> Part {
        let items: Vec<Vec<String>> = items.iter().map(|item| item.lines().map(str::to_owned).collect()).collect();
        let total = Total::exactly(total);
        let group = Group::of("things", items, total, cut);
        Part { heading: "## Things".into(), remark: None, holds: "things", groups: vec![group], more: "Ask.".into() }
    }

    #[test]
    fn items_that_fit_are_shown_without_a_note() {
        let shown = part(&["one", "two"], 2, Cut::Never).fit(&Fence::new(7), 500);
        assert_eq!(
            shown.lines,
            [
                "## Things",
                "--- stored data 0000000000000007 (things) ---",
                "| one",
                "| two",
                "--- end of data 0000000000000007 ---",
            ]
        );
    }

    #[test]
    fn items_that_the_api_omitted_are_in_the_note() {
        let shown = part(&["one"], 37, Cut::Never).fit(&Fence::new(7), 500);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things 1 of 37. Ask.");
    }

    #[test]
    fn a_part_that_shows_nothing_has_no_fence() {
        let shown = part(&["one"], 1, Cut::Never).fit(&Fence::new(7), 60);
        assert_eq!(shown.lines, ["## Things", "Not all is shown: things 0 of 1. Ask."]);
    }

    #[test]
    fn a_list_that_may_be_longer_does_not_say_that_items_are_omitted() {
        let mut part = part(&["one"], 1, Cut::Never);
        part.groups[0].total.at_least = true;
        assert_eq!(part.fit(&Fence::new(7), 500).lines.last().unwrap(), "There may be more things. Ask.");
        part.groups[0].total.count = 3;
        let note = "Not all is shown: things 1 of at least 3. Ask.";
        assert_eq!(part.fit(&Fence::new(7), 500).lines.last().unwrap(), note);
    }

    #[test]
    fn one_line_items_are_not_cut() {
        let fence = Fence::new(7);
        let long = "x".repeat(90);
        let part = part(&[&long, &long, &long], 3, Cut::Never);
        let whole: usize = part.fit(&fence, 500).lines.iter().map(|line| line_cost(line)).sum();
        let shown = part.fit(&fence, whole - 1);
        assert_eq!(shown.count, 2);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things 2 of 3. Ask.");
    }

    #[test]
    fn a_cut_text_has_a_note() {
        let fence = Fence::new(7);
        let text = "a line of some words\n".repeat(50);
        let shown = part(&[&text], 1, Cut::AtWord).fit(&fence, 400);
        assert!(shown.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= 400);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things cut. Ask.");
        assert!(shown.lines.len() > 8, "{:?}", shown.lines);
    }

    #[test]
    fn a_text_is_cut_after_a_paragraph_and_omitted_items_are_named() {
        let fence = Fence::new(7);
        let text = format!("title\n{}\n\n{}\n\nthe end", "first ".repeat(20), "second ".repeat(40));
        let mut part = part(&[&text, &text], 2, Cut::AtParagraph);
        part.groups[0].names = vec!["note_1: one".to_owned(), "note_2: two".to_owned()];
        let shown = part.fit(&fence, 420);
        assert!(shown.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= 420);
        let inside: Vec<_> = shown.lines.iter().filter(|line| line.starts_with('|')).collect();
        assert_eq!((inside.len(), inside[0].as_str()), (5, "| title"));
        assert_eq!(inside[2..], ["| Left out or cut:", "| note_1: one", "| note_2: two"]);
        let note = "Not all is shown: things 1 of 2, the last one cut. Ask.";
        assert_eq!(shown.lines.last().unwrap(), note);
    }

    #[test]
    fn a_short_first_paragraph_does_not_hide_the_next_lines() {
        let fence = Fence::new(7);
        let text = format!("Priority venture: alpha\n\n{}", "- a task that somebody has to do\n".repeat(150));
        let shown = part(&[&text], 1, Cut::AtParagraph).fit(&fence, 2_000);
        let used: usize = shown.lines.iter().map(|line| line_cost(line)).sum();
        assert!((1_900..=2_000).contains(&used), "{used}");
    }

    #[test]
    fn the_number_of_shown_names_is_reported() {
        let fence = Fence::new(7);
        let mut part = part(&[&"some words\n".repeat(200)], 60, Cut::AtWord);
        part.groups[0].names = (0..40).map(|n| format!("note_{n}: its title")).collect();
        for limit in [400, 700, 1_200] {
            let shown = part.fit(&fence, limit);
            assert!(shown.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= limit);
            let named = shown.lines.iter().filter(|line| line.starts_with("| note_")).count();
            assert!(named > 0);
            let note =
                format!("Not all is shown: things 1 of 60, the last one cut ({named} of the others named). Ask.");
            assert_eq!(*shown.lines.last().unwrap(), note);
        }
    }
}
