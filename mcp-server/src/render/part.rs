//! One part of a rendering: a heading of ours, stored text inside the fence, and what was left out.

use std::borrow::Cow;

use deckwatch_protocol::Excerpt;

use super::budget::{Claim, clip, line_cost, share};
use super::fence::Fence;

/// A part with stored text.
pub(crate) struct Part {
    /// Our own words, with the truthful total.
    pub(crate) heading: String,
    /// Our own words below the heading.
    pub(crate) remark: Option<String>,
    /// What the fence says it holds.
    pub(crate) holds: &'static str,
    /// The stored text.
    pub(crate) groups: Vec<Group>,
    /// How to see what was left out.
    pub(crate) more: Cow<'static, str>,
}

/// Items of one kind.
pub(crate) struct Group {
    /// What the items are called when some are left out.
    pub(crate) name: &'static str,
    /// A line above the items.
    pub(crate) title: Option<&'static str>,
    /// Each item's lines, cleaned by the fence.
    pub(crate) items: Vec<Vec<String>>,
    /// How many there are, in and beyond `items`.
    pub(crate) total: Total,
    /// Whether and where the last item may be cut.
    pub(crate) cut: Cut,
    /// The items' ids, where a reader can ask for those that are left out by id; else empty.
    pub(crate) ids: Vec<String>,
    /// How much of a budget that is too small the group gets.
    pub(crate) weight: usize,
}

/// Where an item may end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nowhere: a list of one-liners shows whole ones only.
    Never,
    /// At any word.
    AtWord,
    /// At the end of a paragraph; where not even one fits, at a word.
    AtParagraph,
}

/// How many items there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) count: usize,
    /// The count is only a lower bound.
    pub(crate) at_least: bool,
}

impl Total {
    /// The count of a list that the API cut.
    pub(crate) fn of<T>(list: &Excerpt<T>) -> Self {
        Self { count: usize::try_from(list.total).unwrap_or(usize::MAX), at_least: list.total_is_minimum }
    }

    /// An exact count.
    pub(crate) fn exactly(count: usize) -> Self {
        Self { count, at_least: false }
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = if self.at_least { "at least " } else { "" };
        write!(f, "{bound}{}", self.count)
    }
}

/// A part as it is shown.
pub(crate) struct Shown {
    pub(crate) lines: Vec<String>,
    /// How many items of each group are there, whole or cut.
    pub(crate) counts: Vec<usize>,
}

#[derive(Default)]
struct Fitted {
    lines: Vec<String>,
    shown: usize,
    cut: bool,
}

impl Part {
    /// What the whole part costs.
    pub(crate) fn need(&self, fence: &Fence) -> usize {
        let whole: Vec<Fitted> = self.groups.iter().map(Group::whole).collect();
        let stored: usize = whole.iter().flat_map(|group| &group.lines).map(|line| line_cost(line)).sum();
        stored + self.frame_cost(fence) + self.note(&whole).map_or(0, |note| line_cost(&note))
    }

    /// The part within `limit`. Frame and note stay, whatever the limit: they are short and ours.
    pub(crate) fn fit(&self, fence: &Fence, limit: usize) -> Shown {
        let fitted = if self.need(fence) <= limit {
            self.groups.iter().map(Group::whole).collect()
        } else {
            let room = limit.saturating_sub(self.frame_cost(fence) + self.longest_note());
            let claims: Vec<Claim> = self.groups.iter().map(Group::claim).collect();
            self.groups.iter().zip(share(room, &claims)).map(|(group, room)| group.fit(room)).collect::<Vec<_>>()
        };
        let mut lines: Vec<String> = [Some(self.heading.clone()), self.remark.clone()].into_iter().flatten().collect();
        lines.push(fence.open(self.holds));
        lines.extend(fitted.iter().flat_map(|group| group.lines.iter().cloned()));
        lines.push(fence.close());
        lines.extend(self.note(&fitted));
        Shown { lines, counts: fitted.iter().map(|group| group.shown).collect() }
    }

    fn frame_cost(&self, fence: &Fence) -> usize {
        let remark = self.remark.as_deref().map_or(0, line_cost);
        line_cost(&self.heading) + remark + line_cost(&fence.open(self.holds)) + line_cost(&fence.close())
    }

    fn longest_note(&self) -> usize {
        let note_with = |shown: &dyn Fn(usize) -> usize| {
            let fitted = |group: &Group| Fitted { lines: Vec::new(), shown: shown(group.items.len()), cut: true };
            let fitted: Vec<Fitted> = self.groups.iter().map(fitted).collect();
            self.note(&fitted).map_or(0, |note| line_cost(&note))
        };
        // The number is longest at the end, the list of ids at the beginning.
        note_with(&|items| items.saturating_sub(1)).max(note_with(&|_| 0))
    }

    /// Names what is not shown, or nothing when all is.
    fn note(&self, fitted: &[Fitted]) -> Option<String> {
        let missing: Vec<String> =
            self.groups.iter().zip(fitted).filter_map(|(group, fitted)| group.missing(fitted)).collect();
        (!missing.is_empty()).then(|| format!("Not all is shown: {}. {}", missing.join("; "), self.more))
    }
}

impl Group {
    fn claim(&self) -> Claim {
        Claim { need: self.whole().lines.iter().map(|line| line_cost(line)).sum(), weight: self.weight }
    }

    fn whole(&self) -> Fitted {
        let title = self.title.filter(|_| !self.items.is_empty()).map(Fence::bar);
        let lines = title.into_iter().chain(self.items.iter().flatten().map(|line| Fence::bar(line))).collect();
        Fitted { lines, shown: self.items.len(), cut: false }
    }

    /// As many items as fit into `room`, in order; the last one may be cut.
    fn fit(&self, room: usize) -> Fitted {
        let mut page = Page { lines: Vec::new(), room };
        let mut fitted = Fitted::default();
        if self.items.is_empty() || !self.title.is_none_or(|title| page.push(title)) {
            return fitted;
        }
        for item in &self.items {
            let need: usize = item.iter().map(|line| line_cost(&Fence::bar(line))).sum();
            if need > page.room {
                fitted.cut = page.push_cut(item, self.cut);
                fitted.shown += usize::from(fitted.cut);
                break;
            }
            for line in item {
                page.push(line);
            }
            fitted.shown += 1;
        }
        fitted.lines = if fitted.shown == 0 { Vec::new() } else { page.lines };
        fitted
    }

    fn missing(&self, fitted: &Fitted) -> Option<String> {
        let all = fitted.shown >= self.total.count && !self.total.at_least;
        match (all, fitted.cut) {
            (true, false) => None,
            (true, true) if self.total.count == 1 => Some(format!("{} cut", self.name)),
            (_, cut) => {
                let cut = if cut { ", the last one cut" } else { "" };
                Some(format!("{} {} of {}{cut}{}", self.name, fitted.shown, self.total, self.left_out(fitted)))
            }
        }
    }

    /// The ids of what is not shown whole, the first few of them.
    fn left_out(&self, fitted: &Fitted) -> String {
        const NAMED: usize = 3;
        let whole = fitted.shown - usize::from(fitted.cut && fitted.shown > 0);
        let ids = self.ids.get(whole..).unwrap_or_default();
        match ids.get(..NAMED) {
            _ if ids.is_empty() => String::new(),
            Some(first) if ids.len() > NAMED => format!(" (left out: {}, …)", first.join(", ")),
            _ => format!(" (left out: {})", ids.join(", ")),
        }
    }
}

/// Barred lines within what room is left.
struct Page {
    lines: Vec<String>,
    room: usize,
}

impl Page {
    fn push(&mut self, line: &str) -> bool {
        let line = Fence::bar(line);
        let cost = line_cost(&line);
        if cost > self.room {
            return false;
        }
        self.room -= cost;
        self.lines.push(line);
        true
    }

    /// The beginning of an item: whole paragraphs where they fit, else whole lines, then a piece of the next. False
    /// when that is not worth a line.
    fn push_cut(&mut self, item: &[String], cut: Cut) -> bool {
        const WORTH_A_LINE: usize = 24;
        match cut {
            Cut::Never => return false,
            Cut::AtParagraph if self.push_paragraphs(item) => return true,
            Cut::AtParagraph | Cut::AtWord => {}
        }
        let before = self.lines.len();
        let left = item.iter().find(|line| !self.push(line));
        if let Some(line) = left
            && self.room >= WORTH_A_LINE
        {
            let bar_and_break = line_cost(&Fence::bar("")) + 1;
            let piece = clip(line, self.room - bar_and_break);
            self.push(&piece);
        }
        self.lines.len() > before
    }
}

impl Page {
    /// As many whole paragraphs as fit; false when the first one does not.
    fn push_paragraphs(&mut self, item: &[String]) -> bool {
        let mut fits = 0;
        let mut spent = 0;
        for (n, line) in item.iter().enumerate() {
            spent += line_cost(&Fence::bar(line));
            if spent > self.room {
                break;
            }
            let ends = item.get(n + 1).is_none_or(String::is_empty);
            if ends && !line.is_empty() {
                fits = n + 1;
            }
        }
        item.iter().take(fits).for_each(|line| {
            self.push(line);
        });
        fits > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(items: &[&str], total: usize, cut: Cut) -> Part {
        let items: Vec<Vec<String>> = items.iter().map(|item| item.lines().map(str::to_owned).collect()).collect();
        let total = Total::exactly(total);
        let group = Group { name: "things", title: None, items, total, cut, ids: Vec::new(), weight: 1 };
        Part { heading: "## Things".into(), remark: None, holds: "things", groups: vec![group], more: "Ask.".into() }
    }

    #[test]
    fn what_fits_is_shown_whole_and_without_a_note() {
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
    fn what_the_answer_itself_left_out_is_named() {
        let shown = part(&["one"], 37, Cut::Never).fit(&Fence::new(7), 500);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things 1 of 37. Ask.");
    }

    #[test]
    fn one_liners_are_shown_whole_or_not_at_all() {
        let fence = Fence::new(7);
        let long = "x".repeat(90);
        let part = part(&[&long, &long, &long], 3, Cut::Never);
        let shown = part.fit(&fence, part.need(&fence) - 1);
        assert_eq!(shown.counts, [2]);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things 2 of 3. Ask.");
    }

    #[test]
    fn a_text_is_cut_and_says_so() {
        let fence = Fence::new(7);
        let text = "a line of some words\n".repeat(50);
        let shown = part(&[&text], 1, Cut::AtWord).fit(&fence, 400);
        assert!(shown.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= 400);
        assert_eq!(shown.lines.last().unwrap(), "Not all is shown: things cut. Ask.");
        assert!(shown.lines.len() > 8, "{:?}", shown.lines);
    }

    #[test]
    fn a_text_with_paragraphs_is_cut_after_one_and_what_is_left_out_is_named() {
        let fence = Fence::new(7);
        let text = format!("title\n{}\n\n{}\n\nthe end", "first ".repeat(20), "second ".repeat(40));
        let mut part = part(&[&text, &text], 2, Cut::AtParagraph);
        part.groups[0].ids = vec!["note_1".to_owned(), "note_2".to_owned()];
        let shown = part.fit(&fence, 420);
        assert!(shown.lines.iter().map(|line| line_cost(line)).sum::<usize>() <= 420);
        let inside: Vec<_> = shown.lines.iter().filter(|line| line.starts_with('|')).collect();
        assert_eq!((inside.len(), inside[0].as_str()), (2, "| title"));
        let note = "Not all is shown: things 1 of 2, the last one cut (left out: note_1, note_2). Ask.";
        assert_eq!(shown.lines.last().unwrap(), note);
    }
}
