//! The weekly plan in a report.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::Timestamp;

use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};
use crate::plan::{MAX_BYTES, STALE_DAYS, WeeklyPlan};

/// The plan with its author, its age, and a warning if it is stale.
pub(crate) fn part(plan: &WeeklyPlan, now: Timestamp, fence: &Fence) -> Part {
    let mut lines: Vec<String> = author(plan, fence).into_iter().collect();
    lines.extend(fence.lines(&plan.text));
    lines.extend(plan.cut.then(|| "(the file is longer)".to_owned()));
    Part {
        heading: heading(plan, now),
        remark: stale(plan, now),
        holds: "weekly plan",
        groups: vec![Group::of("plan", vec![lines], Total::exactly(1), Cut::AtParagraph)],
        more: "Call `plan` to read all of it.".into(),
    }
}

/// The plan from character `offset`, as much as fits into `limit`.
pub(crate) fn piece(plan: &WeeklyPlan, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let above = author(plan, fence).into_iter().collect();
    let stored_text = StoredText { holds: "weekly plan", above, text: &plan.text, again: "plan with".to_owned() };
    let about = [Some(heading(plan, now)), stale(plan, now)].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let mut piece = stored_text.piece(|_| about.clone(), offset, fence, limit);
    if plan.cut && piece.next_offset.is_none() {
        piece.lines.push(format!("The file is longer; only its first {} KiB are read.", MAX_BYTES / 1024));
    }
    piece
}

fn heading(plan: &WeeklyPlan, now: Timestamp) -> String {
    format!("## Weekly plan: {}", summary(plan, now))
}

fn stale(plan: &WeeklyPlan, now: Timestamp) -> Option<String> {
    plan.is_stale(now).then(|| {
        format!("STALE: a weekly plan is valid for {STALE_DAYS} days. Ask a human before you follow it, and ask for a new one.")
    })
}

fn author(plan: &WeeklyPlan, fence: &Fence) -> Option<String> {
    plan.author.as_ref().map(|author| format!("By {}:", clip(&fence.line(author), 80)))
}

/// The priority venture, and the age of the plan.
fn summary(plan: &WeeklyPlan, now: Timestamp) -> String {
    let first = plan
        .priority
        .as_ref()
        .map_or("no priority venture named".to_owned(), |code| format!("priority venture {code}"));
    let age = ago(plan.changed_at, now);
    match (&plan.author, plan.git_failed) {
        (Some(_), _) => format!("{first}, committed {age}"),
        (None, false) => format!("{first}, changed {age}, not committed"),
        (None, true) => format!("{first}, changed {age}; git failed, so it is not known whether it is committed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, extras};

    #[test]
    fn a_failed_git_is_not_reported_as_not_committed() {
        let Ok(Ok(plan)) = extras("x").plan else { unreachable!("there is a plan") };
        let now = NOW.parse().unwrap();
        let heading = |author: Option<&str>, git_failed| {
            let plan =
                WeeklyPlan { author: author.map(str::to_owned), git_failed, text: String::new(), ..sample(&plan) };
            super::heading(&plan, now)
        };
        assert!(heading(Some("Ann"), false).ends_with("named, committed 20 days ago"));
        assert!(heading(None, false).ends_with("named, changed 20 days ago, not committed"));
        assert!(heading(None, true).ends_with("20 days ago; git failed, so it is not known whether it is committed"));
    }

    fn sample(plan: &WeeklyPlan) -> WeeklyPlan {
        WeeklyPlan {
            path: plan.path.clone(),
            text: plan.text.clone(),
            cut: plan.cut,
            author: None,
            git_failed: false,
            changed_at: plan.changed_at,
            priority: None,
        }
    }
}
