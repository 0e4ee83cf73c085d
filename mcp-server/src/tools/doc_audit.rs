//! `doc_audit`: compares the venture's documents with the requirements, and heals those that this repository can
//! generate.

use deckwatch_protocol::{AuditFilter, AuditedDoc, Excerpt, RequirementId, VentureAudit, VentureCode, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now};
use crate::healing::outcome::HealedDoc;
use crate::healing::{Healer, healable};
use crate::render::budget::line_cost;
use crate::render::doc_audit::DocState;
use crate::render::fence::{Fence, WARNING};
use crate::render::next_page::ListPage;
use crate::render::part::Total;
use crate::render::{doc_audit, doc_heal};
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 10_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    #[schemars(default)]
    action: Action,
    /// Only this state.
    #[deserr(default)]
    state: Option<DocState>,
    /// Needs `state`.
    #[deserr(default)]
    #[schemars(example = &"req_01JD0000000000000000000001")]
    cursor: Option<RequirementId>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserr, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Action {
    #[default]
    Report,
    Heal,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The result of `heal` and the state of the documents, as text.
    pub(super) report: String,
    missing: usize,
    stale: usize,
    #[schemars(skip)]
    present: usize,
    #[schemars(skip)]
    optional: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<RequirementId>,
    /// What `heal` did, by document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    healed: Vec<Healed>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Healed {
    name: String,
    outcome: &'static str,
}

pub(super) async fn call(keeper: &Keeper, Arguments { action, state, cursor }: Arguments) -> Result<Facts, Trouble> {
    if state.is_none() && cursor.is_some() {
        return Err(Trouble::Arguments(Violations::at("/cursor", "needs state")));
    }
    let before = audit(keeper).await?;
    let (lines, treated) = match action {
        Action::Report => (Vec::new(), Vec::new()),
        Action::Heal => heal(keeper, &before).await?,
    };
    let after = if treated.is_empty() { before } else { audit(keeper).await? };
    let list = match state {
        Some(state) => AuditList::State(state, from_cursor(state, cursor.as_ref(), &after)?),
        None => AuditList::All,
    };
    Ok(facts(lines, &treated, &after, list))
}

async fn audit(keeper: &Keeper) -> Result<VentureAudit, Trouble> {
    let code = &keeper.identity.place().await?.venture.code;
    let filter = AuditFilter { venture: Some(code.clone()), ..AuditFilter::default() };
    let mut audits = keeper.identity.api().await?.audit_docs(&filter).await?.items;
    Ok(audits.pop().unwrap_or_else(|| nothing_required(code)))
}

/// The API knows no such venture, so nothing is required of it.
fn nothing_required(code: &VentureCode) -> VentureAudit {
    let none = || Excerpt { total: 0, total_is_minimum: false, shown: 0, items: Vec::new() };
    VentureAudit {
        venture: code.clone(),
        missing: none(),
        stale: none(),
        present: none(),
        optional: none(),
        unchecked: none(),
    }
}

/// Heals the documents that can be generated. The lines say what happened.
async fn heal(keeper: &Keeper, audit: &VentureAudit) -> Result<(Vec<String>, Vec<HealedDoc>), Trouble> {
    let wanting = || audit.missing.items.iter().chain(&audit.stale.items);
    let kinds = healable(audit.venture.as_str(), wanting());
    if kinds.is_empty() {
        return Ok((vec![nothing_to_heal(wanting().count())], Vec::new()));
    }
    match Healer::of(&keeper.identity).await? {
        Err(reason) => Ok((vec![doc_heal::cannot_heal(&reason)], Vec::new())),
        Ok(healer) => {
            let treated = healer.heal(&kinds).await;
            let mut lines = doc_heal::lines(&treated);
            let others = wanting().filter(|doc: &&AuditedDoc| doc.auto_generate).count().saturating_sub(kinds.len());
            lines.extend((others > 0).then(|| format!("- {others} more can't be generated from a repository.")));
            Ok((lines, treated))
        }
    }
}

fn nothing_to_heal(wanting: usize) -> String {
    if wanting == 0 {
        return "Nothing is missing or stale.".to_owned();
    }
    "Nothing can be healed: project-instructions.md, api.md and schema.md can be generated, where a requirement of the \
     venture says auto_generate."
        .to_owned()
}

/// The documents to list.
#[derive(Clone, Copy)]
enum AuditList<'a> {
    /// The first of every state.
    All,
    /// Those in one state, from a page on.
    State(DocState, &'a [AuditedDoc]),
}

/// The documents of a page and of all later pages.
fn from_cursor<'a>(
    state: DocState,
    cursor: Option<&RequirementId>,
    audit: &'a VentureAudit,
) -> Result<&'a [AuditedDoc], Trouble> {
    let docs = state.docs(audit).items.as_slice();
    let Some(cursor) = cursor else { return Ok(docs) };
    let last = docs.iter().position(|doc| doc.requirement_id == *cursor);
    let later = last.and_then(|last| docs.get(last + 1..));
    later.ok_or_else(|| {
        Trouble::Arguments(Violations::at(
            "/cursor",
            "names a document that is not in this state, or not any more; leave it out for the first page",
        ))
    })
}

fn facts(mut lines: Vec<String>, treated: &[HealedDoc], audit: &VentureAudit, list: AuditList) -> Facts {
    // Exact: a deployment has at most 500 requirements, and all of them are counted.
    let totals = [&audit.missing, &audit.stale, &audit.present, &audit.optional].map(|docs| Total::of(docs).count);
    let [missing, stale, present, optional] = totals;
    let mut next_cursor = None;
    lines.extend((!lines.is_empty()).then(String::new));
    if totals.iter().all(|total| *total == 0) && audit.unchecked.total == 0 {
        lines.push(format!("No document is required of venture {}.", audit.venture));
    } else {
        let fence = fence();
        lines.extend([WARNING.to_owned(), String::new()]);
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let room = LIMIT.saturating_sub(spent);
        match list {
            AuditList::All => lines.extend(doc_audit::part(audit, now(), &fence).fit(&fence, room).lines),
            AuditList::State(only, docs) => {
                let page = state_page(audit, only, docs, &fence, room);
                lines.extend(page.lines);
                let before_next = page.shown.checked_sub(1).filter(|_| page.goes_on).and_then(|index| docs.get(index));
                next_cursor = before_next.map(|doc| doc.requirement_id.clone());
            }
        }
    }
    let healed = treated.iter().map(|one| Healed { name: one.kind.file_name(), outcome: one.outcome.as_str() });
    Facts { report: lines.join("\n"), missing, stale, present, optional, next_cursor, healed: healed.collect() }
}

fn state_page(audit: &VentureAudit, state: DocState, docs: &[AuditedDoc], fence: &Fence, room: usize) -> ListPage {
    let part = doc_audit::page(audit, state, docs, now(), fence);
    ListPage::fit(part, fence, room, false, |shown| {
        let last = shown.checked_sub(1).and_then(|last| docs.get(last));
        let cursor = last.map_or(String::new(), |doc| format!(" and cursor \"{}\"", doc.requirement_id));
        format!("`doc_audit` with state \"{}\"{cursor}", state.as_str())
    })
}
