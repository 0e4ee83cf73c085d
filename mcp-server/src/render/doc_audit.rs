//! How documents stand against their requirements.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{AuditedDoc, DocAudit, Excerpt, Timestamp, VentureAudit, Violations};
use deserr::Deserr;
use schemars::JsonSchema;

use super::budget::clip;
use super::fence::Fence;
use super::next_page::LAST_PAGE;
use super::part::{Cut, Group, Part, Total};

const NAME_COST: usize = 120;
const HOLDS: &str = "names of documents";
/// The audit compares a limited number of documents, so it does not know whether one fits.
const UNCHECKED: &str = "Not known, because there are more documents than an audit compares:";

/// The documents that need work, as a day shows them.
pub(crate) fn part_of_day(audit: &DocAudit, now: Timestamp, fence: &Fence, more: &'static str) -> Part {
    let counts = audit.counts();
    let total =
        |count: u32| Total { count: usize::try_from(count).unwrap_or(usize::MAX), at_least: counts.total_is_minimum };
    let listed = |state: DocState, docs: &[AuditedDoc], count: u32| {
        let total = total(count);
        group(state, docs, Total { count: total.count.max(docs.len()), ..total }, now, fence)
    };
    Part {
        heading: format!("## Document health: {} missing, {} stale", total(counts.missing), total(counts.stale)),
        remark: None,
        holds: HOLDS,
        groups: vec![
            listed(DocState::Missing, &audit.missing, counts.missing),
            listed(DocState::Stale, &audit.stale, counts.stale),
            listed(DocState::Unchecked, &audit.unchecked, counts.unchecked),
            listed(DocState::Optional, &audit.optional, counts.optional),
        ],
        more: more.into(),
    }
}

/// Every requirement of a venture.
pub(crate) fn part(audit: &VentureAudit, now: Timestamp, fence: &Fence) -> Part {
    let listed = |state: DocState| {
        let docs = state.docs(audit);
        group(state, &docs.items, Total::of(docs), now, fence)
    };
    Part {
        heading: heading(audit),
        remark: None,
        holds: HOLDS,
        groups: DocState::ALL.map(listed).into(),
        more: "Call `doc_audit` with a state to read all of its documents.".into(),
    }
}

/// The documents in one state, from a page on.
pub(crate) fn page(audit: &VentureAudit, state: DocState, docs: &[AuditedDoc], now: Timestamp, fence: &Fence) -> Part {
    let all = state.docs(audit);
    let is_whole = all.items.len() >= Total::of(all).count;
    let last_note = if is_whole { LAST_PAGE } else { "This API lists no more of them: update it." };
    Part {
        heading: heading(audit),
        remark: None,
        holds: HOLDS,
        groups: vec![group(state, docs, Total::of(all), now, fence)],
        more: last_note.into(),
    }
}

/// The state of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserr, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub(crate) enum DocState {
    Missing,
    Stale,
    Unchecked,
    Optional,
    Present,
}

impl DocState {
    /// Every state, the most urgent first.
    pub(crate) const ALL: [Self; 5] = [Self::Missing, Self::Stale, Self::Unchecked, Self::Optional, Self::Present];

    /// The documents of the audit in this state.
    pub(crate) fn docs(self, audit: &VentureAudit) -> &Excerpt<AuditedDoc> {
        match self {
            Self::Missing => &audit.missing,
            Self::Stale => &audit.stale,
            Self::Unchecked => &audit.unchecked,
            Self::Optional => &audit.optional,
            Self::Present => &audit.present,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Unchecked => "unchecked",
            Self::Optional => "optional",
            Self::Present => "present",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Missing => "Missing:",
            Self::Stale => "Stale:",
            Self::Unchecked => UNCHECKED,
            Self::Optional => "Optional, and not there:",
            Self::Present => "Present and fresh:",
        }
    }
}

fn heading(audit: &VentureAudit) -> String {
    let [missing, stale, present, optional] =
        [&audit.missing, &audit.stale, &audit.present, &audit.optional].map(|docs| Total::of(docs).to_string());
    format!(
        "## Document health of {}: {missing} missing, {stale} stale, {present} present, {optional} optional and not there",
        audit.venture
    )
}

fn group(state: DocState, docs: &[AuditedDoc], total: Total, now: Timestamp, fence: &Fence) -> Group {
    let items = docs.iter().map(|doc| vec![line(doc, now, fence)]).collect();
    Group { title: Some(state.title()), ..Group::of(state.as_str(), items, total, Cut::Never) }
}

fn line(doc: &AuditedDoc, now: Timestamp, fence: &Fence) -> String {
    let name = clip(&fence.line(&format!("{}/{}", doc.scope, doc.name)), NAME_COST);
    let details = [
        doc.required.then(|| "required".to_owned()),
        doc.auto_generate.then(|| "can be generated".to_owned()),
        doc.confirmed_at.map(|at| format!("confirmed {}, at most {} days allowed", ago(at, now), doc.staleness_days)),
    ];
    let details: Vec<String> = details.into_iter().flatten().collect();
    if details.is_empty() { format!("- {name}") } else { format!("- {name} ({})", details.join(", ")) }
}
