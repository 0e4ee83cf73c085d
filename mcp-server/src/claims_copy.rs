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

/// Writes the copy. A failure is logged: the hooks say how old their copy is. True if it was written.
pub(crate) async fn refresh(keeper: &Keeper) -> bool {
    match tokio::time::timeout(TIME_LIMIT, written(keeper)).await {
        Ok(Ok(is_written)) => return is_written,
        Ok(Err(trouble)) => log::warn!("could not keep the claims for the git hooks: {trouble}"),
        Err(_) => log::warn!("could not keep the claims for the git hooks within {} s", TIME_LIMIT.as_secs()),
    }
    false
}

/// Records that the copy is that of now. False if it could not be recorded.
pub(crate) async fn confirm(keeper: &Keeper) -> bool {
    let Ok(place) = keeper.identity.place().await else { return false };
    let repo = place.repo.clone();
    let again = blocking(move || {
        let dirs = Dirs::from_env().ok()?;
        let file = ClaimsFile::read(&dirs, &repo)?;
        ClaimsFile { written_at: now(), ..file }.write(&dirs, &repo).ok()
    });
    matches!(again.await, Ok(Some(())))
}

async fn written(keeper: &Keeper) -> Result<bool, Trouble> {
    let place = keeper.identity.place().await?;
    let filter = ClaimFilter {
        venture: Some(place.venture.code.clone()),
        repo: Some(place.repo.clone()),
        limit: 100.try_into().ok(),
        ..ClaimFilter::default()
    };
    let claims = all(keeper, filter).await?;
    let (file, repo) = (ClaimsFile { written_at: now(), claims }, place.repo.clone());
    let written = blocking(move || write(&file, &repo)).await?;
    if let Err(why) = &written {
        log::warn!("could not write the claims: {why}");
    }
    Ok(written.is_ok())
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
