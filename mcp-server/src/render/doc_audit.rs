//! How documents stand against their requirements.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{AuditedDoc, DocAudit, Excerpt, Timestamp, VentureAudit};

use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const NAME_COST: usize = 120;
const HOLDS: &str = "names of documents";
/// The audit compares a limited number of documents with a pattern, so it does not know whether one fits.
const UNCHECKED: &str = "Not known, because there are more documents than an audit compares:";

/// The documents that need work, as a day shows them.
pub(crate) fn part_of_day(audit: &DocAudit, now: Timestamp, fence: &Fence, more: &'static str) -> Part {
    let counts = audit.counts();
    let listed = |name, title, docs: &[AuditedDoc], total: u32| {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        group(name, title, docs, Total::exactly(total.max(docs.len())), now, fence)
    };
    Part {
        heading: format!("## Document health: {} missing, {} stale", counts.missing, counts.stale),
        remark: None,
        holds: HOLDS,
        groups: vec![
            listed("missing", "Missing:", &audit.missing, counts.missing),
            listed("stale", "Stale:", &audit.stale, counts.stale),
            listed("unchecked", UNCHECKED, &audit.unchecked, counts.unchecked),
            listed("optional", "Optional, and not there:", &audit.optional, counts.optional),
        ],
        more: more.into(),
    }
}

/// Every requirement of a venture.
pub(crate) fn part(audit: &VentureAudit, now: Timestamp, fence: &Fence) -> Part {
    let listed = |name, title, docs: &Excerpt<AuditedDoc>| group(name, title, &docs.items, Total::of(docs), now, fence);
    let [missing, stale, present, optional] =
        [&audit.missing, &audit.stale, &audit.present, &audit.optional].map(|docs| Total::of(docs).to_string());
    Part {
        heading: format!(
            "## Document health of {}: {missing} missing, {stale} stale, {present} present, {optional} optional and not \
             there",
            audit.venture
        ),
        remark: None,
        holds: HOLDS,
        groups: vec![
            listed("missing", "Missing:", &audit.missing),
            listed("stale", "Stale:", &audit.stale),
            listed("unchecked", UNCHECKED, &audit.unchecked),
            listed("optional", "Optional, and not there:", &audit.optional),
            listed("present", "Present and fresh:", &audit.present),
        ],
        more: "The API lists the first 50 of each: GET /v1/docs/audit.".into(),
    }
}

fn group(
    name: &'static str,
    title: &'static str,
    docs: &[AuditedDoc],
    total: Total,
    now: Timestamp,
    fence: &Fence,
) -> Group {
    let items = docs.iter().map(|doc| vec![line(doc, now, fence)]).collect();
    Group { title: Some(title), ..Group::of(name, items, total, Cut::Never) }
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
