//! Heals documents: generates those that are missing or stale, if a requirement allows it and this repository has
//! their sources.
//!
//! It never overwrites a person's text. It replaces a document only if its `source_path` says that it was generated,
//! with the hash of its content, and its `source_repo` names this repository. A document that a person changed has
//! another hash. It replaces with `If-Match`, so a change by somebody else in between is kept. It uses only a
//! repository of the venture.

pub(crate) mod background;
mod healer;
pub(crate) mod outcome;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_protocol::{AuditedDoc, DocAudit, VentureCode};

pub(crate) use self::healer::Healer;
use self::outcome::HealingOutcome;
use crate::render::doc_heal;
use crate::session::Keeper;
use crate::trouble::Trouble;
use deckwatch_generator::Kind;

/// The time limit in the background for all documents of a venture.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The documents of these requirements that can be healed: `auto_generate` is set, and the generator knows the name.
pub(crate) fn healable<'a>(scope: &str, audited: impl IntoIterator<Item = &'a AuditedDoc>) -> Vec<Kind> {
    let may_be = |doc: &&AuditedDoc| doc.auto_generate && doc.scope == scope;
    let names: HashSet<&str> = audited.into_iter().filter(may_be).map(|doc| doc.name.as_str()).collect();
    Kind::ALL.into_iter().filter(|kind| names.contains(kind.file_name().as_str())).collect()
}

/// Heals the missing and stale documents of a start of day in the background. A later answer reports the result.
pub(crate) fn in_background(keeper: &Arc<Keeper>, venture: &VentureCode, audit: &DocAudit) {
    let kinds = healable(venture.as_str(), audit.missing.iter().chain(&audit.stale));
    if kinds.is_empty() {
        return;
    }
    let (keeper, venture) = (Arc::clone(keeper), venture.clone());
    tokio::spawn(async move {
        match tokio::time::timeout(TIME_LIMIT, once(&keeper, venture, &kinds)).await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => log::info!("documents were not healed: {trouble}"),
            Err(_) => keeper.healing.report(doc_heal::too_slow(TIME_LIMIT)),
        }
    });
}

async fn once(keeper: &Keeper, venture: VentureCode, kinds: &[Kind]) -> Result<(), Trouble> {
    let Ok(healer) = Healer::of(&keeper.identity).await? else { return Ok(()) };
    let run = (venture, healer.commit.clone());
    if keeper.healing.begin(&run) {
        let results = healer.heal(kinds).await;
        if results.iter().any(|one| matches!(one.outcome, HealingOutcome::Unreachable(_))) {
            keeper.healing.forget(&run);
        }
        keeper.healing.report(doc_heal::summary(&results));
    }
    Ok(())
}
