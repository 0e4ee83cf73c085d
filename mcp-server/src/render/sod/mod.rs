//! The start of a day: who and where the agent is, then what others left for it.

use deckwatch_protocol::{
    DayOutcome, DayStarted, DocSummary, Excerpt, ExecutiveSummaries, NoteName, NoteSummary, Session, Timestamp,
    VentureCode,
};

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

/// A section is stored text in a part, one line of ours when there is nothing, or not even that.
enum Section {
    Stored { part: Part, weight: usize },
    Nothing(String),
    Absent,
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
    let [p0_issues, active_sessions, executive_summaries, docs] = [2, 4, 5, 6].map(|index| count(index, 0));
    let bodies = shown.into_iter().filter(|shown| !shown.lines.is_empty()).map(|shown| shown.lines.join("\n"));
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
            Self::Absent => Claim { need: 0, weight: 0 },
        }
    }

    fn fit(&self, fence: &Fence, limit: usize) -> Shown {
        match self {
            Self::Stored { part, .. } => part.fit(fence, limit),
            Self::Nothing(line) => Shown { lines: vec![line.clone()], counts: Vec::new() },
            Self::Absent => Shown { lines: Vec::new(), counts: Vec::new() },
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
        Some(last) => Section::Stored { part: handoff::part(last, &day.session.agent, now, fence), weight: 40 },
        None => Section::Nothing(format!("## Last handoff: none yet for this repository{track}")),
    };
    let active = &day.active_sessions;
    let more = "Call `context` to see more.";
    let active = active_part(&active.items, Total::of(active), &own, now, fence, more);
    vec![
        handoff,
        to_you(day, now, fence),
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

/// Absent where there is none: an API of before does not tell.
fn to_you(day: &DayStarted, now: Timestamp, fence: &Fence) -> Section {
    let handoffs = &day.handoffs_to_you;
    if handoffs.items.is_empty() {
        return Section::Absent;
    }
    let above = day.last_handoff.as_ref().map(|last| &last.id);
    let part = handoff::to_you(&handoffs.items, Total::of(handoffs), above, now, fence);
    Section::Stored { part, weight: 25 }
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
        Ok(Ok(plan)) => Section::Stored { part: plan::part(plan, now, fence), weight: 12 },
        Ok(Err(Missing(advice))) => Section::Nothing(format!("## Weekly plan: none\n{}", clip(advice, TROUBLE_COST))),
        Err(why) => Section::Nothing(format!("## Weekly plan: unknown\n{}", clip(why, TROUBLE_COST))),
    }
}

/// What a line of trouble may cost.
const TROUBLE_COST: usize = 300;
const MORE_DETAIL: &str = "Call sod with detail \"full\" to see more.";

fn summaries(notes: &ExecutiveSummaries, now: Timestamp, fence: &Fence) -> Part {
    let item = |note: &NoteSummary| {
        let title = clip(&fence.line(&note.title), TITLE_COST);
        let by = clip(&fence.line(&note.actor_key_id), 16);
        let (scope, changed) = (scope(note.venture.as_ref()), ago(note.updated_at, now));
        let mut lines = vec![format!("{title} ({scope}, by key {by}, {changed})")];
        lines.extend(fence.lines(&note.content));
        lines.extend(note.truncated.then(|| format!("(the stored note goes on: {})", note.id)));
        lines
    };
    let shown = &notes.excerpt;
    let items = shown.items.iter().map(item).collect();
    let of_shown = shown.items.iter().map(|note| {
        let NoteSummary { id, title, venture, updated_at, .. } = note.clone();
        NoteName { id, title, venture, updated_at }
    });
    let names = of_shown.chain(notes.left_out.iter().cloned()).map(|note| name(&note, now, fence)).collect();
    let total = Total::of(shown);
    Part {
        heading: format!("## Executive summaries: {total}"),
        remark: None,
        holds: "executive summaries",
        groups: vec![Group { name: "notes", title: None, items, total, cut: Cut::AtParagraph, names, weight: 1 }],
        more: "`notes` with an id reads one whole; with tag executive-summary it lists them.".into(),
    }
}

fn name(note: &NoteName, now: Timestamp, fence: &Fence) -> String {
    let title = clip(&fence.line(&note.title), TITLE_COST);
    format!("{}: {title} ({}, {})", note.id, scope(note.venture.as_ref()), ago(note.updated_at, now))
}

fn scope(venture: Option<&VentureCode>) -> String {
    venture.map_or("global".to_owned(), ToString::to_string)
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
            names: Vec::new(),
            weight: 1,
        }],
        more: MORE_DETAIL.into(),
    }
}

#[cfg(test)]
mod tests;
