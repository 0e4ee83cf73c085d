//! Keeps a copy of the claims in the repository on this machine, for its git hooks.

use std::time::Duration;

use deckwatch_machine::claims_file::ClaimsFile;
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Claim, ClaimFilter, RepoName};

use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// No heartbeat waits longer for the copy.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How many pages of 100 claims are read.
const MAX_PAGES: usize = 10;

/// Writes the copy. A failure is logged: the hooks say how old their copy is.
pub(crate) async fn refresh(keeper: &Keeper) {
    match tokio::time::timeout(TIME_LIMIT, written(keeper)).await {
        Ok(Ok(())) => {}
        Ok(Err(trouble)) => log::warn!("could not keep the claims for the git hooks: {trouble}"),
        Err(_) => log::warn!("could not keep the claims for the git hooks within {} s", TIME_LIMIT.as_secs()),
    }
}

async fn written(keeper: &Keeper) -> Result<(), Trouble> {
    let place = keeper.identity.place().await?;
    let filter = ClaimFilter {
        venture: Some(place.venture.code.clone()),
        repo: Some(place.repo.clone()),
        limit: 100.try_into().ok(),
        ..ClaimFilter::default()
    };
    let claims = all(keeper, filter).await?;
    let (file, repo) = (ClaimsFile { written_at: now(), claims }, place.repo.clone());
    if let Err(why) = blocking(move || write(&file, &repo)).await? {
        log::warn!("could not write the claims: {why}");
    }
    Ok(())
}

fn write(file: &ClaimsFile, repo: &RepoName) -> Result<(), String> {
    let dirs = Dirs::from_env().map_err(|error| error.to_string())?;
    file.write(&dirs, repo).map_err(|error| error.to_string())
}

async fn all(keeper: &Keeper, mut filter: ClaimFilter) -> Result<Vec<Claim>, Trouble> {
    let api = keeper.identity.api().await?;
    let mut claims = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = api.list_claims(&filter).await?;
        claims.extend(page.items);
        let Some(cursor) = page.next_cursor else { break };
        filter.cursor = Some(cursor);
    }
    Ok(claims)
}
