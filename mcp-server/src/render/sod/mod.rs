//! The report of a start of day: the agent and its place, then the records of others.

use deckwatch_client::outbox::UnsentHandoff;
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    Agent, DayOutcome, DayStarted, DocSummary, Excerpt, ExecutiveSummaries, NoteName, NoteSummary, Session, Timestamp,
    VentureCode,
};

use super::budget::{clip, line_cost};
use super::context::{WorkLocation, active_part};
use super::fence::{Fence, WARNING};
use super::fill::{Weighted, fill};
use super::handoff;
use super::part::{Cut, Group, Part, Shown, Total};
use super::{claims, doc, doc_audit, plan, queue};
use crate::github::{Lane, Queue};
use crate::own_database::OwnHandoffs;
use crate::plan::WeeklyPlan;
use crate::sentence::as_sentence;

const TITLE_COST: usize = 120;

/// A rendered start of day, with the number of shown items of each list.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) p0_issues: usize,
    pub(crate) active_sessions: usize,
    pub(crate) executive_summaries: usize,
    pub(crate) docs: usize,
}

/// There is no plan; with the text that says where to write one.
pub(crate) struct NoPlan(pub(crate) String);

/// The data of a start of day that does not come from the API. The error of a part is a line for the report.
pub(crate) struct DayExtras {
    pub(crate) p0: Result<Queue, String>,
    /// The plan, or what to do without one.
    pub(crate) plan: Result<Result<WeeklyPlan, NoPlan>, String>,
    /// Queued handoffs for this agent or repository, newest first.
    pub(crate) unsent: Vec<UnsentHandoff>,
    /// The handoffs of this repository in this machine's own database, if that is not the API.
    pub(crate) own: Result<Option<OwnHandoffs>, String>,
}

/// Whether the API's answer is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Current,
    LastAnswer,
}

impl Freshness {
    /// The heading of an empty list.
    fn none(self, of: &str) -> String {
        match self {
            Freshness::Current => format!("## {of}: none"),
            Freshness::LastAnswer => format!("## {of}: none in the API's last answer"),
        }
    }
}

/// The name of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SectionName {
    UnsentHandoffs,
    LastHandoff,
    /// The newest handoff in this machine's own database.
    OwnHandoff,
    HandoffsToYou,
    P0Issues,
    WeeklyPlan,
    ActiveSessions,
    Claims,
    ExecutiveSummaries,
    Documents,
    DocumentAudit,
}

/// A section of the report, in the order in which the report shows them.
struct Section {
    name: SectionName,
    content: Content,
}

/// A part with stored text, a line that says that there is none, or no output.
enum Content {
    Stored { part: Part, weight: usize },
    Nothing(String),
    Absent,
}

/// A section as the report shows it.
struct ShownSection {
    name: SectionName,
    shown: Shown,
}

/// Renders the answer to `start_day` within `limit`. `remarks` are lines below the header.
pub(crate) fn render(
    day: &DayStarted,
    extras: &DayExtras,
    remarks: &[String],
    fence: &Fence,
    limit: usize,
) -> Rendered {
    // Use the API's clock, so that ages are right even if this machine's clock is wrong.
    let now = day.next_heartbeat_at.plus_seconds(-i64::from(day.heartbeat_interval_seconds));
    let sections = sections(day, extras, Freshness::Current, now, fence);
    assemble(header(day, now, fence), &sections, remarks, fence, limit)
}

/// Renders the last answer to `start_day` when there is no new one, with ages as of `now`. `heading` says why.
pub(crate) fn render_last(
    day: &DayStarted,
    extras: &DayExtras,
    now: Timestamp,
    heading: Vec<String>,
    remarks: &[String],
    fence: &Fence,
    limit: usize,
) -> Rendered {
    assemble(heading, &sections(day, extras, Freshness::LastAnswer, now, fence), remarks, fence, limit)
}

fn assemble(mut head: Vec<String>, sections: &[Section], remarks: &[String], fence: &Fence, limit: usize) -> Rendered {
    head.extend(remarks.iter().cloned());
    if sections.iter().any(|section| matches!(section.content, Content::Stored { .. })) {
        head.extend([String::new(), WARNING.to_owned()]);
    }
    let shown = fit(sections, &head, fence, limit);
    let count = |name| shown.iter().find(|section| section.name == name).map_or(0, |section| section.shown.count);
    let rendered = Rendered {
        text: String::new(),
        p0_issues: count(SectionName::P0Issues),
        active_sessions: count(SectionName::ActiveSessions),
        executive_summaries: count(SectionName::ExecutiveSummaries),
        docs: count(SectionName::Documents),
    };
    let bodies = shown.iter().map(|section| section.shown.lines.join("\n")).filter(|body| !body.is_empty());
    let text = std::iter::once(head.join("\n")).chain(bodies).collect::<Vec<_>>().join("\n\n");
    Rendered { text, ..rendered }
}

fn fit(sections: &[Section], head: &[String], fence: &Fence, limit: usize) -> Vec<ShownSection> {
    let blank_lines = 2 * (sections.len() + 1);
    let own_lines =
        sections.iter().filter_map(|section| section.content.nothing()).chain(head.iter().map(String::as_str));
    let fixed: usize = own_lines.map(line_cost).sum::<usize>() + blank_lines;
    let stored: Vec<Weighted> = sections.iter().filter_map(|section| section.content.stored()).collect();
    let mut filled = fill(&stored, fence, limit.saturating_sub(fixed)).into_iter();
    let shown = |section: &Section| {
        let shown = match &section.content {
            Content::Stored { .. } => filled.next().unwrap_or_default(),
            Content::Nothing(line) => Shown { lines: vec![line.clone()], ..Shown::default() },
            Content::Absent => Shown::default(),
        };
        ShownSection { name: section.name, shown }
    };
    sections.iter().map(shown).collect()
}

impl Content {
    fn of(part: Part, weight: usize, nothing: String) -> Self {
        if part.groups.iter().all(|group| group.items.is_empty() && group.total.count == 0) {
            return Self::Nothing(nothing);
        }
        Self::Stored { part, weight }
    }

    fn stored(&self) -> Option<Weighted<'_>> {
        match self {
            Self::Stored { part, weight } => Some(Weighted { part, weight: *weight }),
            Self::Nothing(_) | Self::Absent => None,
        }
    }

    fn nothing(&self) -> Option<&str> {
        match self {
            Self::Nothing(line) => Some(line),
            Self::Stored { .. } | Self::Absent => None,
        }
    }
}

fn header(day: &DayStarted, now: Timestamp, fence: &Fence) -> Vec<String> {
    let Session { agent, client, host, .. } = &day.session;
    let title = match day.outcome {
        DayOutcome::Created => "# Deckwatch: your day starts".to_owned(),
        DayOutcome::Resumed => {
            format!("# Deckwatch: your day continues (started {})", ago(day.session.created_at, now))
        }
    };
    let host = clip(host.as_str(), 80);
    let commit = day.session.commit_sha.as_ref().map(|sha| format!(", commit {}", clip(sha.as_str(), 13)));
    let place = WorkLocation::from(&day.session).line(fence);
    vec![
        title,
        format!("session  {}", day.session.id),
        format!("agent    {agent} ({client} on {host})"),
        format!("venture  {}", day.venture.code),
        format!("work     {place}{}", commit.unwrap_or_default()),
        "At the end of your work, call `handoff`. The next session starts from it.".to_owned(),
    ]
}

fn sections(day: &DayStarted, extras: &DayExtras, freshness: Freshness, now: Timestamp, fence: &Fence) -> Vec<Section> {
    let own = WorkLocation::from(&day.session);
    let (others, total) = (&day.active_sessions.items, Total::of(&day.active_sessions));
    let active = active_part(others, total, &own, now, fence, "Call `context` to see them all.");
    let active = if freshness == Freshness::LastAnswer { active.of_last_answer(total) } else { active };
    let audit = doc_audit::part_of_day(&day.doc_audit, now, fence, "Call `doc_audit` to see them all.");
    let summaries = summaries(&day.executive_summaries, now, fence);
    let sections = [
        (SectionName::UnsentHandoffs, unsent(extras, &day.session.agent, now, fence)),
        (SectionName::LastHandoff, last_handoff(day, extras, freshness, now, fence)),
        (SectionName::OwnHandoff, own_handoff(day, extras, now, fence)),
        (SectionName::HandoffsToYou, to_you(day, now, fence)),
        (SectionName::P0Issues, p0_issues(&extras.p0, now, fence)),
        (SectionName::WeeklyPlan, weekly_plan(&extras.plan, now, fence)),
        (SectionName::ActiveSessions, Content::of(active, 22, freshness.none("Other active agents"))),
        (SectionName::Claims, claims(day, now, fence)),
        (SectionName::ExecutiveSummaries, Content::of(summaries, 20, freshness.none("Executive summaries"))),
        (SectionName::Documents, Content::of(docs(&day.doc_index, now, fence), 12, freshness.none("Documents"))),
        (SectionName::DocumentAudit, Content::of(audit, 8, freshness.none("Missing or stale documents"))),
    ];
    sections.map(|(name, content)| Section { name, content }).into()
}

/// Absent when no handoff is queued.
fn unsent(extras: &DayExtras, reader: &Agent, now: Timestamp, fence: &Fence) -> Content {
    if extras.unsent.is_empty() {
        return Content::Absent;
    }
    Content::Stored {
        part: handoff::unsent(&extras.unsent, reader, handoff::MORE_UNSENT.into(), now, fence),
        weight: 90,
    }
}

fn last_handoff(day: &DayStarted, extras: &DayExtras, freshness: Freshness, now: Timestamp, fence: &Fence) -> Content {
    let Some(last) = &day.last_handoff else {
        let track = day.session.track.map_or(String::new(), |track| format!(" on track {track}"));
        return Content::Nothing(format!("{} for this repository{track}", freshness.none("Last handoff")));
    };
    let is_newest = extras.unsent.first().is_none_or(|unsent| unsent.queued_at <= last.created_at);
    let (title, weight) = if is_newest { ("Last handoff", 90) } else { ("Last recorded handoff", 40) };
    Content::Stored { part: handoff::part(last, title, &day.session.agent, now, fence), weight }
}

/// The newest handoff in this machine's own database. Absent when the API has a newer one.
fn own_handoff(day: &DayStarted, extras: &DayExtras, now: Timestamp, fence: &Fence) -> Content {
    let own = match &extras.own {
        Ok(own) => own.as_ref(),
        Err(line) => return Content::Nothing(clip(line, TROUBLE_COST)),
    };
    let newest = own.and_then(|own| Some((own, own.newest.first()?)));
    match newest {
        Some((own, newest)) if day.last_handoff.as_ref().is_none_or(|last| last.created_at < newest.created_at) => {
            Content::Stored { part: handoff::own(newest, own.total, &day.session.agent, now, fence), weight: 90 }
        }
        _ => Content::Absent,
    }
}

/// Absent when there is none. An older API does not send them.
fn to_you(day: &DayStarted, now: Timestamp, fence: &Fence) -> Content {
    let handoffs = &day.handoffs_to_you;
    if handoffs.items.is_empty() {
        return Content::Absent;
    }
    let above = day.last_handoff.as_ref().map(|last| &last.id);
    let part = handoff::to_you(&handoffs.items, Total::of(handoffs), above, now, fence);
    Content::Stored { part, weight: 25 }
}

/// Absent when there is none. An older API does not send them.
fn claims(day: &DayStarted, now: Timestamp, fence: &Fence) -> Content {
    let Excerpt { items, .. } = &day.claims;
    if items.is_empty() {
        return Content::Absent;
    }
    let part = claims::part(items, Total::of(&day.claims), Some(&day.session.id), &day.session.repo, now, fence);
    Content::Stored { part, weight: 8 }
}

fn p0_issues(loaded: &Result<Queue, String>, now: Timestamp, fence: &Fence) -> Content {
    const LANES: [Lane; 1] = [Lane::P0];
    let queue = match loaded {
        Ok(queue) => queue,
        Err(why) => {
            return Content::Nothing(format!("## P0 issues: unknown\n{}", as_sentence(&clip(why, TROUBLE_COST))));
        }
    };
    let gaps = [queue::gaps(queue), queue::notices(queue)].concat().join(" ");
    let gaps = (!gaps.is_empty()).then(|| clip(&gaps, TROUBLE_COST));
    let total = queue::total(queue, Lane::P0);
    match (total.count, gaps) {
        (0, None) => Content::Nothing("## P0 issues: none".to_owned()),
        (0, Some(gaps)) if total.at_least => Content::Nothing(format!("## P0 issues: none known\n{gaps}")),
        (0, Some(notices)) => Content::Nothing(format!("## P0 issues: none\n{notices}")),
        (_, remark) => {
            let more = "Call `status` with lane \"p0\" to see more of them.".into();
            let part = queue::part(queue, &LANES, now, fence, format!("## P0 issues: {total}"), more);
            Content::Stored { part: Part { remark, ..part }, weight: 25 }
        }
    }
}

fn weekly_plan(loaded: &Result<Result<WeeklyPlan, NoPlan>, String>, now: Timestamp, fence: &Fence) -> Content {
    match loaded {
        Ok(Ok(plan)) => Content::Stored { part: plan::part(plan, now, fence), weight: 12 },
        Ok(Err(NoPlan(advice))) => Content::Nothing(format!("## Weekly plan: none\n{}", clip(advice, TROUBLE_COST))),
        Err(why) => Content::Nothing(format!("## Weekly plan: unknown\n{}", as_sentence(&clip(why, TROUBLE_COST)))),
    }
}

/// The limit for an error in the report.
const TROUBLE_COST: usize = 300;

pub(crate) fn summaries(notes: &ExecutiveSummaries, now: Timestamp, fence: &Fence) -> Part {
    let item = |note: &NoteSummary| {
        let title = clip(&fence.line(&note.title), TITLE_COST);
        let by = clip(&fence.line(&note.actor_key_id), 16);
        let (scope, changed) = (scope(note.venture.as_ref()), ago(note.updated_at, now));
        let mut lines = vec![format!("{title} ({scope}, by key {by}, {changed})")];
        lines.extend(fence.lines(&note.content));
        lines.extend(note.truncated.then(|| format!("(the note is longer: {})", note.id)));
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
        groups: vec![Group { names, ..Group::of("notes", items, total, Cut::AtParagraph) }],
        more: "Call `notes` with an id to read one, or with tag \"executive-summary\" to list them.".into(),
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
    let item = |doc: &DocSummary| vec![doc::list_line(doc, now, fence)];
    let items = index.items.iter().map(item).collect();
    let total = Total::of(index);
    Part {
        heading: format!("## Documents: {total}"),
        remark: None,
        holds: "names and titles of documents",
        groups: vec![Group { first: 2, ..Group::of("documents", items, total, Cut::Never) }],
        more: "Call `doc` without a name to list them all.".into(),
    }
}

#[cfg(test)]
mod tests;
