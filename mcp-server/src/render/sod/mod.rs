//! The start of a day: who and where the agent is, then what others left for it.

use deckwatch_protocol::{DayOutcome, DayStarted, DocSummary, Excerpt, NoteSummary, Session, Timestamp};

use super::age::ago;
use super::budget::{Claim, clip, line_cost, share};
use super::context::{Whereabouts, active_part};
use super::fence::{Fence, WARNING};
use super::handoff;
use super::part::{Cut, Group, Part, Shown, Total};
use super::{doc_audit, plan, queue};
use crate::github::{Lane, Queue};
use crate::plan::WeeklyPlan;

const TITLE_COST: usize = 120;

/// A rendered start of day, and how many of each list it shows.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) p0_issues: usize,
    pub(crate) active_sessions: usize,
    pub(crate) executive_summaries: usize,
    pub(crate) docs: usize,
}

/// There is no plan, and where one would be.
pub(crate) struct Missing(pub(crate) String);

/// What is loaded beside the API's answer; a part that could not be loaded is one line of ours.
pub(crate) struct Beside {
    pub(crate) p0: Result<Queue, String>,
    /// Without a plan, what to do about it.
    pub(crate) plan: Result<Result<WeeklyPlan, Missing>, String>,
}

/// A section is stored text in a part, or one line of ours when there is nothing.
enum Section {
    Stored { part: Part, weight: usize },
    Nothing(String),
}

/// Renders the answer to `start_day` within `limit`; `remarks` are our own lines below the session.
pub(crate) fn render(day: &DayStarted, beside: &Beside, remarks: &[String], fence: &Fence, limit: usize) -> Rendered {
    // The server's own clock, so that ages are right where this machine's clock is not.
    let now = day.next_heartbeat_at.plus_seconds(-i64::from(day.heartbeat_interval_seconds));
    let sections = sections(day, beside, now, fence);
    under(header(day, now, fence), &sections, remarks, fence, limit)
}

/// Renders the last answer of `start_day` while there is no new one, as it is seen `now`; `heading` says why.
pub(crate) fn render_last(
    day: &DayStarted,
    beside: &Beside,
    now: Timestamp,
    heading: Vec<String>,
    remarks: &[String],
    fence: &Fence,
    limit: usize,
) -> Rendered {
    under(heading, &sections(day, beside, now, fence), remarks, fence, limit)
}

fn under(mut head: Vec<String>, sections: &[Section], remarks: &[String], fence: &Fence, limit: usize) -> Rendered {
    head.extend(remarks.iter().cloned());
    if sections.iter().any(|section| matches!(section, Section::Stored { .. })) {
        head.extend([String::new(), WARNING.to_owned()]);
    }
    let shown = fit(sections, &head, fence, limit);
    let count = |index: usize, group: usize| {
        shown.get(index).and_then(|shown: &Shown| shown.counts.get(group).copied()).unwrap_or(0)
    };
    let [p0_issues, active_sessions, executive_summaries, docs] = [1, 3, 4, 5].map(|index| count(index, 0));
    let bodies = shown.into_iter().map(|shown| shown.lines.join("\n"));
    let text = std::iter::once(head.join("\n")).chain(bodies).collect::<Vec<_>>().join("\n\n");
    Rendered { text, p0_issues, active_sessions, executive_summaries, docs }
}

fn fit(sections: &[Section], head: &[String], fence: &Fence, limit: usize) -> Vec<Shown> {
    let blank_lines = 2 * (sections.len() + 1);
    let fixed: usize = head.iter().map(|line| line_cost(line)).sum::<usize>() + blank_lines;
    let claims: Vec<Claim> = sections.iter().map(|section| section.claim(fence)).collect();
    let limits = share(limit.saturating_sub(fixed), &claims);
    sections.iter().zip(limits).map(|(section, limit)| section.fit(fence, limit)).collect()
}

impl Section {
    fn of(part: Part, weight: usize, nothing: &str) -> Self {
        if part.groups.iter().all(|group| group.items.is_empty() && group.total.count == 0) {
            return Self::Nothing(nothing.to_owned());
        }
        Self::Stored { part, weight }
    }

    fn claim(&self, fence: &Fence) -> Claim {
        match self {
            Self::Stored { part, weight } => Claim { need: part.need(fence), weight: *weight },
            // Never more than its share, so that it always gets its line.
            Self::Nothing(line) => Claim { need: line_cost(line), weight: 4 },
        }
    }

    fn fit(&self, fence: &Fence, limit: usize) -> Shown {
        match self {
            Self::Stored { part, .. } => part.fit(fence, limit),
            Self::Nothing(line) => Shown { lines: vec![line.clone()], counts: Vec::new() },
        }
    }
}

fn header(day: &DayStarted, now: Timestamp, fence: &Fence) -> Vec<String> {
    let Session { agent, client, host, .. } = &day.session;
    let title = match day.outcome {
        DayOutcome::Created => "# Deckwatch: your day starts".to_owned(),
        DayOutcome::Resumed => format!("# Deckwatch: your day goes on (started {})", ago(day.session.created_at, now)),
    };
    let host = clip(host.as_str(), 80);
    let commit = day.session.commit_sha.as_ref().map(|sha| format!(", commit {}", clip(sha.as_str(), 13)));
    let place = Whereabouts::from(&day.session).line(fence);
    vec![
        title,
        format!("session  {}", day.session.id),
        format!("agent    {agent} ({client} on {host})"),
        format!("venture  {}", day.venture.code),
        format!("work     {place}{}", commit.unwrap_or_default()),
        "At the end of your work call `handoff`; the next session starts from it.".to_owned(),
    ]
}

fn sections(day: &DayStarted, beside: &Beside, now: Timestamp, fence: &Fence) -> Vec<Section> {
    let own = Whereabouts::from(&day.session);
    let track = own.track.map_or(String::new(), |track| format!(" on track {track}"));
    let handoff = match &day.last_handoff {
        Some(last) => Section::Stored { part: handoff::part(last, now, fence), weight: 40 },
        None => Section::Nothing(format!("## Last handoff: none yet for this repository{track}")),
    };
    let active = &day.active_sessions;
    let more = "Call `context` to see more.";
    let active = active_part(&active.items, Total::of(active), &own, now, fence, more);
    vec![
        handoff,
        p0_issues(&beside.p0, now, fence),
        weekly_plan(&beside.plan, now, fence),
        Section::of(active, 20, "## Other active agents: none"),
        Section::of(summaries(&day.executive_summaries, now, fence), 25, "## Executive summaries: none"),
        Section::of(docs(&day.doc_index, now, fence), 15, "## Documents: none"),
        Section::of(
            doc_audit::part_of_day(&day.doc_audit, now, fence, MORE_DETAIL),
            10,
            "## Document health: none is missing or stale",
        ),
    ]
}

fn p0_issues(loaded: &Result<Queue, String>, now: Timestamp, fence: &Fence) -> Section {
    const LANES: [Lane; 1] = [Lane::P0];
    let queue = match loaded {
        Ok(queue) => queue,
        Err(why) => return Section::Nothing(format!("## P0 issues: unknown\n{}", clip(why, TROUBLE_COST))),
    };
    let gaps = clip(&queue::gaps(queue).join(" "), TROUBLE_COST);
    let total = queue::total(queue, Lane::P0);
    if total.count == 0 {
        let gaps = if gaps.is_empty() { gaps } else { format!("\n{gaps}") };
        return Section::Nothing(format!("## P0 issues: none{gaps}"));
    }
    let part =
        queue::part(queue, &LANES, now, fence, format!("## P0 issues: {total}"), "Call `status` for more.".into());
    Section::Stored { part: Part { remark: (!gaps.is_empty()).then_some(gaps), ..part }, weight: 15 }
}

fn weekly_plan(loaded: &Result<Result<WeeklyPlan, Missing>, String>, now: Timestamp, fence: &Fence) -> Section {
    match loaded {
        Ok(Ok(plan)) => Section::Stored { part: plan::part(plan, now, fence, "Call `plan` for the rest."), weight: 12 },
        Ok(Err(Missing(advice))) => Section::Nothing(format!("## Weekly plan: none\n{}", clip(advice, TROUBLE_COST))),
        Err(why) => Section::Nothing(format!("## Weekly plan: unknown\n{}", clip(why, TROUBLE_COST))),
    }
}

/// What a line of trouble may cost.
const TROUBLE_COST: usize = 300;
const MORE_DETAIL: &str = "Call sod with detail \"full\" to see more.";

fn summaries(notes: &Excerpt<NoteSummary>, now: Timestamp, fence: &Fence) -> Part {
    let item = |note: &NoteSummary| {
        let scope = note.venture.as_ref().map_or("global".to_owned(), ToString::to_string);
        let title = clip(&fence.line(&note.title), TITLE_COST);
        let by = clip(&fence.line(&note.actor_key_id), 16);
        let mut lines = vec![format!("{title} ({scope}, by key {by}, {})", ago(note.updated_at, now))];
        lines.extend(fence.lines(&note.content));
        lines.extend(note.truncated.then(|| "(the stored note goes on)".to_owned()));
        lines
    };
    let items = notes.items.iter().map(item).collect();
    let ids = notes.items.iter().map(|note| note.id.to_string()).collect();
    let total = Total::of(notes);
    Part {
        heading: format!("## Executive summaries: {total}"),
        remark: None,
        holds: "executive summaries",
        groups: vec![Group { name: "notes", title: None, items, total, cut: Cut::AtParagraph, ids, weight: 1 }],
        more: "`notes` with an id reads one whole.".into(),
    }
}

fn docs(index: &Excerpt<DocSummary>, now: Timestamp, fence: &Fence) -> Part {
    let item = |doc: &DocSummary| {
        let name = clip(&fence.line(&format!("{}/{}", doc.scope, doc.name)), TITLE_COST);
        let title = clip(&fence.line(&doc.title), TITLE_COST);
        let kilobytes = doc.size_bytes.div_ceil(1024);
        vec![format!("{name}: {title} (version {}, {kilobytes} KB, {})", doc.version, ago(doc.updated_at, now))]
    };
    let items = index.items.iter().map(item).collect();
    let total = Total::of(index);
    Part {
        heading: format!("## Documents: {total}"),
        remark: None,
        holds: "names and titles of documents",
        groups: vec![Group {
            name: "documents",
            title: None,
            items,
            total,
            cut: Cut::Never,
            ids: Vec::new(),
            weight: 1,
        }],
        more: MORE_DETAIL.into(),
    }
}

#[cfg(test)]
mod tests;
