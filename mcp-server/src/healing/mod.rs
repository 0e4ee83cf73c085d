//! Heals documents: what is missing or stale, may be generated, and can be from this repository, is written anew.
//!
//! It never overwrites what a person wrote: a document that it may replace says in its `source_path` that it was
//! generated, with the hash of what was, and in `source_repo` from which repository. One that a person changed and put
//! back with that mark has another hash. It asks for what it replaces with `If-Match`, so that a change in between
//! stands. Only a repository of the venture is used.

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

/// How long the background may take for all documents of a venture.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which of these requirements of a venture can be healed: those that may be, under a name that the generator knows.
pub(crate) fn healable<'a>(scope: &str, audited: impl IntoIterator<Item = &'a AuditedDoc>) -> Vec<Kind> {
    let may_be = |doc: &&AuditedDoc| doc.auto_generate && doc.scope == scope;
    let names: HashSet<&str> = audited.into_iter().filter(may_be).map(|doc| doc.name.as_str()).collect();
    Kind::ALL.into_iter().filter(|kind| names.contains(kind.file_name().as_str())).collect()
}

/// Heals what a day found missing or stale, while the agent works. Nobody waits for it; what it did is told later.
pub(crate) fn in_background(keeper: &Arc<Keeper>, venture: &VentureCode, audit: &DocAudit) {
    let kinds = healable(venture.as_str(), audit.missing.iter().chain(&audit.stale));
    if kinds.is_empty() {
        return;
    }
    let (keeper, venture) = (Arc::clone(keeper), venture.clone());
    tokio::spawn(async move {
        match tokio::time::timeout(PATIENCE, once(&keeper, venture, &kinds)).await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => log::info!("documents were not healed: {trouble}"),
            Err(_) => keeper.healing.report(doc_heal::too_slow(PATIENCE)),
        }
    });
}

async fn once(keeper: &Keeper, venture: VentureCode, kinds: &[Kind]) -> Result<(), Trouble> {
    let Ok(healer) = Healer::of(&keeper.identity).await? else { return Ok(()) };
    let run = (venture, healer.commit.clone());
    if keeper.healing.begin(&run) {
        let healed = healer.heal(kinds).await;
        if healed.iter().any(|one| matches!(one.outcome, HealingOutcome::Unreachable(_))) {
            keeper.healing.forget(&run);
        }
        keeper.healing.report(doc_heal::summary(&healed));
    }
    Ok(())
}
