//! The weekly plan as a part of a rendering.

use deckwatch_protocol::Timestamp;

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use crate::plan::{STALE_DAYS, WeeklyPlan};

/// The plan with its author, its age, and a warning when it is stale.
pub(crate) fn part(plan: &WeeklyPlan, now: Timestamp, fence: &Fence, more: &'static str) -> Part {
    let stale = plan.is_stale(now).then(|| {
        format!("STALE: a weekly plan holds for {STALE_DAYS} days. Ask a human before you follow it, and to renew it.")
    });
    let author = plan.author.as_ref().map(|author| format!("By {}:", clip(&fence.line(author), 80)));
    let mut lines: Vec<String> = author.into_iter().collect();
    lines.extend(fence.lines(&plan.text));
    lines.extend(plan.cut.then(|| "(the file goes on)".to_owned()));
    Part {
        heading: format!("## Weekly plan: {}", summary(plan, now)),
        remark: stale,
        holds: "weekly plan",
        groups: vec![Group {
            name: "plan",
            title: None,
            items: vec![lines],
            total: Total::exactly(1),
            cut: Cut::AtParagraph,
            names: Vec::new(),
            weight: 1,
        }],
        more: more.into(),
    }
}

/// Which venture comes first, and how old the plan is.
pub(crate) fn summary(plan: &WeeklyPlan, now: Timestamp) -> String {
    let first = plan.priority.as_ref().map_or("no priority venture named".to_owned(), |code| format!("{code} first"));
    let committed = if plan.author.is_some() { "committed" } else { "changed, not committed," };
    format!("{first}, {committed} {}", ago(plan.changed_at, now))
}
