//! Divides a budget among the groups of several parts, by importance, until nothing more fits.
//!
//! 1. Every group gets its first items. A cut item is completed if that needs little.
//! 2. The rest is shared by importance. This repeats, because a group may not use its whole share.
//! 3. What then remains goes to the most important group that can use it: first whole items, then more of a cut text,
//!    then the beginning of an item that does not fit as a whole.

use std::cmp::Reverse;

use super::budget::{Claim, line_cost, share};
use super::fence::Fence;
use super::part::{Cut, Ends, Fitted, Group, Part, Shown};

/// What a text gets at first. The text may be very long.
const FIRST_OF_A_TEXT: usize = 300;
/// The same for each item of a list whose items may be long.
const FIRST_OF_AN_ITEM: usize = 120;
/// The same for a list of short items.
const FIRST_OF_A_LIST: usize = 600;
/// The minimum space for the beginning of an item.
const WORTH_A_PIECE: usize = 100;

/// A part, and its weight when the budget is too small for all.
#[derive(Clone, Copy)]
pub(crate) struct Weighted<'a> {
    pub(crate) part: &'a Part,
    pub(crate) weight: usize,
}

/// Renders the parts within `limit`. Headings and notes are always shown, and the fence of a part that shows anything.
pub(crate) fn fill(parts: &[Weighted], fence: &Fence, limit: usize) -> Vec<Shown> {
    Layout::filled(parts, fence, limit).shown(fence)
}

/// A part with its groups.
struct PartLayout<'a> {
    part: &'a Part,
    groups: Vec<Candidate<'a>>,
    /// The cost of its fence.
    fence: usize,
}

/// A group, and what is shown of it so far.
struct Candidate<'a> {
    group: &'a Group,
    /// The weight of its part.
    rank: usize,
    weight: usize,
    need: usize,
    fitted: Fitted,
}

struct Layout<'a> {
    parts: Vec<PartLayout<'a>>,
    limit: usize,
    /// The cost of headings and remarks.
    heads: usize,
    /// The maximum cost of the notes about omitted items.
    notes: usize,
}

impl<'a> Layout<'a> {
    fn filled(parts: &'a [Weighted<'a>], fence: &Fence, limit: usize) -> Self {
        let mut layout = Self::new(parts, fence, limit);
        layout.give_first_items();
        layout.give_first_items_again();
        layout.complete_what_is_cut();
        layout.share_the_rest();
        layout.use_up(|group| matches!(group.cut, Cut::Never | Cut::Oversized), Ends::AfterItem, 0);
        layout.use_up(|group| matches!(group.cut, Cut::AtWord | Cut::AtParagraph), Ends::AfterItem, 0);
        layout.use_up(|group| group.cut == Cut::Oversized, Ends::Anywhere, WORTH_A_PIECE);
        layout
    }

    fn new(parts: &'a [Weighted<'a>], fence: &Fence, limit: usize) -> Self {
        let heads = parts.iter().map(|weighted| weighted.part.head_cost()).sum();
        let notes = parts.iter().map(|weighted| weighted.part.longest_note()).sum();
        Self { parts: parts.iter().map(|part| PartLayout::of(part, fence)).collect(), limit, heads, notes }
    }

    /// The groups of all parts, in order.
    fn groups(&self) -> impl Iterator<Item = &Candidate<'a>> {
        self.parts.iter().flat_map(|part| &part.groups)
    }

    fn groups_mut(&mut self) -> impl Iterator<Item = &mut Candidate<'a>> {
        self.parts.iter_mut().flat_map(|part| &mut part.groups)
    }

    fn give_first_items(&mut self) {
        let needs: usize = self.groups().map(|one| one.need).sum();
        let frames = self.heads + self.parts.iter().map(|part| part.fence).sum::<usize>();
        if frames + needs <= self.limit {
            self.groups_mut().for_each(|one| one.fitted = one.group.fit(one.need, Ends::AfterItem));
            if self.spent() <= self.limit {
                return;
            }
        }
        let claims: Vec<Claim> = self.groups().map(Candidate::claim).collect();
        let room = self.limit.saturating_sub(frames + self.notes);
        for (one, room) in self.groups_mut().zip(share(room, &claims)) {
            one.fitted = one.group.fit(room, Ends::AfterItem);
        }
    }

    /// Completes a cut item if half of the remaining budget is enough.
    fn complete_what_is_cut(&mut self) {
        for index in self.by_importance(|one| one.fitted.cut) {
            let half = self.limit.saturating_sub(self.spent()) / 2;
            let Some(one) = self.groups().nth(index) else { continue };
            let whole = one.group.cost_with_names(one.fitted.shown);
            if whole <= one.fitted.used + half {
                self.grow(index, whole, Ends::AfterItem, 0);
            }
        }
    }

    fn share_the_rest(&mut self) {
        // The notes may grow by a few digits, and by the text about a cut item.
        const NOTE_GROWS_BY: usize = 24;
        loop {
            let (used, open) = (self.used(), self.groups().filter(|one| !one.is_complete()).count());
            let fences: usize = self.parts.iter().filter(|part| !part.is_shown()).map(|part| part.fence).sum();
            let left = self.limit.saturating_sub(self.spent() + open * NOTE_GROWS_BY + fences);
            let claims: Vec<Claim> = self.groups().map(Candidate::rest).collect();
            for (one, more) in self.groups_mut().zip(share(left, &claims)) {
                let fitted = one.group.fit(one.fitted.used + more, Ends::AfterItem);
                if fitted.is_more_than(&one.fitted) {
                    one.fitted = fitted;
                }
            }
            if self.used() <= used {
                return;
            }
        }
    }

    /// Gives unused space of the notes to first items that did not fit.
    fn give_first_items_again(&mut self) {
        for index in self.by_importance(|one| one.fitted.used < one.claim().first) {
            let first = self.groups().nth(index).map_or(0, |one| one.claim().first);
            self.grow(index, first, Ends::AfterItem, 0);
        }
    }

    /// Gives the remaining budget to one group after the other, while it is more than `worth`.
    fn use_up(&mut self, is_meant: impl Fn(&Group) -> bool, ends: Ends, worth: usize) {
        for index in self.by_importance(|one| !one.is_complete() && is_meant(one.group)) {
            self.grow(index, usize::MAX, ends, worth);
        }
    }

    /// Gives a group the remaining budget, up to a total of `most`.
    fn grow(&mut self, index: usize, most: usize, ends: Ends, worth: usize) {
        let mut left = self.limit.saturating_sub(self.spent());
        while left > worth {
            let Some(one) = self.groups_mut().nth(index) else { return };
            let fitted = one.group.fit(most.min(one.fitted.used + left), ends);
            if !fitted.is_more_than(&one.fitted) {
                return;
            }
            let before = std::mem::replace(&mut one.fitted, fitted);
            // The note about omitted items may grow by a few digits.
            let over = self.spent().saturating_sub(self.limit);
            if over == 0 {
                return;
            }
            left = left.saturating_sub(over);
            if let Some(one) = self.groups_mut().nth(index) {
                one.fitted = before;
            }
        }
    }

    fn by_importance(&self, is_meant: impl Fn(&Candidate) -> bool) -> Vec<usize> {
        let mut order: Vec<(usize, (usize, usize))> = self
            .groups()
            .enumerate()
            .filter(|(_, one)| is_meant(one))
            .map(|(n, one)| (n, (one.rank, one.weight)))
            .collect();
        order.sort_by_key(|(_, importance)| Reverse(*importance));
        order.into_iter().map(|(n, _)| n).collect()
    }

    fn used(&self) -> usize {
        self.groups().map(|one| one.fitted.used).sum()
    }

    fn spent(&self) -> usize {
        self.heads + self.used() + self.parts.iter().map(PartLayout::cost_of_fence_and_note).sum::<usize>()
    }

    fn shown(&self, fence: &Fence) -> Vec<Shown> {
        self.parts.iter().map(|one| one.part.shown(fence, &one.fitted())).collect()
    }
}

impl<'a> PartLayout<'a> {
    fn of(weighted: &Weighted<'a>, fence: &Fence) -> Self {
        let part = weighted.part;
        let all: usize = part.groups.iter().map(|group| group.weight).sum();
        let candidate = |group: &'a Group| {
            let weight = (weighted.weight * group.weight * 100 / all.max(1)).max(1);
            Candidate { group, rank: weighted.weight, weight, need: group.need(), fitted: Fitted::default() }
        };
        Self { part, groups: part.groups.iter().map(candidate).collect(), fence: part.fence_cost(fence) }
    }

    /// Whether anything of the part is shown, so that it needs its fence.
    fn is_shown(&self) -> bool {
        self.groups.iter().any(|one| one.fitted.used > 0)
    }

    fn fitted(&self) -> Vec<&Fitted> {
        self.groups.iter().map(|one| &one.fitted).collect()
    }

    fn cost_of_fence_and_note(&self) -> usize {
        let fence = if self.is_shown() { self.fence } else { 0 };
        fence + self.part.note(&self.fitted()).map_or(0, |note| line_cost(&note))
    }
}

impl Candidate<'_> {
    fn claim(&self) -> Claim {
        let first = self.group.cost_of_first(self.group.first);
        let most = match self.group.cut {
            Cut::Never => FIRST_OF_A_LIST,
            Cut::Oversized => FIRST_OF_AN_ITEM * self.group.first,
            Cut::AtWord | Cut::AtParagraph => FIRST_OF_A_TEXT,
        };
        let first = first.min(most);
        Claim { first: first.min(self.need), rank: self.rank, need: self.need, weight: self.weight }
    }

    fn rest(&self) -> Claim {
        Claim { first: 0, rank: self.rank, need: self.need.saturating_sub(self.fitted.used), weight: self.weight }
    }

    fn is_complete(&self) -> bool {
        self.fitted.whole() >= self.group.items.len() && self.fitted.used >= self.need
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::part::Total;

    /// Pseudo-random numbers that are the same in every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % bound as u64).unwrap()
        }
    }

    fn text(random: &mut Random, longest: usize) -> Vec<String> {
        let lines = 1 + random.below(4);
        (0..lines).map(|_| "word \"q\" ".repeat(1 + random.below(longest / 10))).collect()
    }

    fn group(random: &mut Random) -> Group {
        let cut = [Cut::Never, Cut::Oversized, Cut::AtWord, Cut::AtParagraph][random.below(4)];
        let is_list = matches!(cut, Cut::Never | Cut::Oversized);
        let longest = if is_list { 200 } else { 4_000 };
        let items: Vec<Vec<String>> = (0..random.below(if is_list { 40 } else { 4 }))
            .map(|_| if is_list { text(random, longest).into_iter().take(1).collect() } else { text(random, longest) })
            .collect();
        let total = Total::exactly(items.len() + random.below(3));
        let names =
            if cut == Cut::AtParagraph { (0..total.count).map(|n| format!("note {n}")).collect() } else { Vec::new() };
        let title = (random.below(2) == 0).then_some("Title:");
        Group {
            title,
            names,
            weight: 1 + random.below(5),
            first: 1 + random.below(4),
            ..Group::of("things", items, total, cut)
        }
    }

    fn part(random: &mut Random) -> Part {
        let groups = (0..=random.below(5)).map(|_| group(random)).collect();
        Part {
            heading: "## Part".into(),
            remark: None,
            holds: "things",
            groups,
            more: "Call `things` to see them.".into(),
        }
    }

    /// The cost of the next whole item of each group that omits items.
    fn next_items(layout: &Layout) -> Vec<usize> {
        let next = |one: &Candidate| {
            one.group
                .items
                .get(one.fitted.whole())
                .map(|item| item.iter().map(|line| line_cost(&Fence::bar(line))).sum::<usize>())
        };
        layout.groups().filter_map(next).collect()
    }

    #[test]
    fn the_budget_is_used_and_never_exceeded() {
        let (mut random, fence) = (Random(0x9e37_79b9_7f4a_7c15), Fence::new(1));
        let mut squeezed = 0;
        for _ in 0..400 {
            let parts: Vec<Part> = (0..=random.below(8)).map(|_| part(&mut random)).collect();
            let weighted: Vec<Weighted> =
                parts.iter().map(|part| Weighted { part, weight: 1 + random.below(40) }).collect();
            let limit = 2_500 + random.below(10_000);
            let layout = Layout::filled(&weighted, &fence, limit);
            let spent = layout.spent();
            let lines = layout.shown(&fence).into_iter().flat_map(|shown| shown.lines);
            assert_eq!(lines.map(|line| line_cost(&line)).sum::<usize>(), spent);
            assert!(spent <= limit.max(layout.heads + layout.notes), "{spent} of {limit}");
            let left = limit.saturating_sub(spent);
            if next_items(&layout).iter().any(|cost| *cost + 30 <= left) {
                squeezed += 1;
                assert!(spent * 100 >= limit * 95, "{spent} of {limit}, although {:?} would fit", next_items(&layout));
            }
        }
        assert!(squeezed < 20, "{squeezed}");
    }

    #[test]
    fn a_short_item_is_not_cut_if_another_fits() {
        let fence = Fence::new(1);
        let list = |length: usize| (0..30).map(|_| vec!["x".repeat(length)]).collect::<Vec<_>>();
        let lists = [("steps", 60), ("done", 75), ("links", 110)].map(|(name, length)| Group {
            first: 2,
            ..Group::of(name, list(length), Total::exactly(30), Cut::Oversized)
        });
        let part = Part {
            heading: "## Part".into(),
            remark: None,
            holds: "things",
            groups: lists.into(),
            more: "Ask.".into(),
        };
        for limit in 1_000..1_100 {
            let layout_of = [Weighted { part: &part, weight: 1 }];
            let layout = Layout::filled(&layout_of, &fence, limit);
            let left = limit - layout.spent();
            let cut = layout.groups().filter(|one| one.fitted.cut).count();
            assert!(cut <= 1 && (cut == 0 || left < WORTH_A_PIECE), "{cut} cut at {limit}");
            assert!(layout.groups().all(|one| one.fitted.shown >= 2), "{limit}");
        }
    }
}
