//! Finds the venture of a queued write when it is sent, if the venture was unknown when it was queued.
//!
//! The venture is never guessed. A write waits until its repository belongs to a venture.

use deckwatch_protocol::{ListVentures, RepoName, Venture, VentureCode};

use super::entry::Entry;
use crate::api::{Api, ClientError};

/// Returns the entry with its venture filled in, and with the venture's spelling of the repository.
pub(super) async fn with_venture(api: &Api, entry: &Entry, repo: &RepoName) -> Result<Entry, ClientError> {
    let (venture, own) = owner(api, repo).await?.ok_or_else(|| ClientError::NoVenture { repo: repo.clone() })?;
    entry.with_venture(&venture, &own)
}

async fn owner(api: &Api, repo: &RepoName) -> Result<Option<(VentureCode, RepoName)>, ClientError> {
    let mut page = ListVentures { limit: 100.try_into().ok(), cursor: None };
    // Git hosts ignore case in names.
    let own = |venture: Venture| {
        let own = venture.repos.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(repo.as_str()))?;
        Some((venture.code, own))
    };
    loop {
        let answer = api.list_ventures(&page).await?;
        let found = answer.items.into_iter().find_map(own);
        if found.is_some() || answer.next_cursor.is_none() {
            return Ok(found);
        }
        page.cursor = answer.next_cursor;
    }
}
