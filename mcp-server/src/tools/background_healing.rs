//! Heals documents in the background of `sod`, which does not wait for it.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_generator::Kind;
use deckwatch_protocol::{DocAudit, VentureCode};

use crate::healing::outcome::HealingOutcome;
use crate::healing::{Healer, healable};
use crate::render::doc_heal;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The time limit for all documents of a venture.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Heals the missing and stale documents of a start of day in the background. A later answer reports the result.
pub(super) fn heal(keeper: &Arc<Keeper>, venture: &VentureCode, audit: &DocAudit) {
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
