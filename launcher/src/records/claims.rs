//! `launcher claims`: the claims of a venture.

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::claims_file::ClaimsFile;
use deckwatch_machine::clock::{ago, duration, now};
use deckwatch_protocol::{Claim, ClaimFilter, Page, Timestamp};

use super::Claims;
use super::log::pages;
use super::source::{Answer, Source, Subject};
use super::text::Text;
use crate::error::LaunchError;
use crate::output;
use crate::pager;
use crate::process_env::ProcessEnv;
use crate::{claims_guard, json_output, table};

const HEADS: [&str; 6] = ["SUBJECT", "REPOSITORY", "HOLDER", "SINCE", "STATE", "CLAIM"];
/// The column that gets the remaining width.
const SUBJECT: usize = 0;
const MAX_CLAIMS: usize = 1_000;

/// Shows the claims, or does something about the hooks.
pub(crate) fn show(claims: &Claims, env: &ProcessEnv) -> Result<(), LaunchError> {
    if let Some(super::ClaimsCommand::Guard(guard)) = &claims.command {
        return claims_guard::run(guard, env);
    }
    let named = claims.selection.venture.as_ref();
    let source = Source::open(claims.selection.local, named, env)?;
    let subject = source.subject(named, claims.all)?;
    let Some(client) = &source.client else {
        source.must_exist(named)?;
        return print(claims, &source, &subject, &none());
    };
    match source.ask(&subject, client, read(client.api(), &subject))? {
        Answer::Current(found) => {
            if found.items.is_empty() {
                source.must_exist(named)?;
            }
            keep(&found, &subject, env);
            print(claims, &source, &subject, &found)
        }
        Answer::Offline(offline) => {
            print_kept(claims, &subject, env)?;
            Err(offline.error())
        }
    }
}

async fn read(api: &Api, subject: &Subject) -> Result<Page<Claim>, ClientError> {
    // The repository is named only if its venture is not known: the claims of a venture are shown together.
    let repo = if subject.venture.is_none() { subject.repo.clone() } else { None };
    let mut filter = ClaimFilter { venture: subject.venture.clone(), repo, ..ClaimFilter::default() };
    let mut last = none();
    let (items, _) = pages(MAX_CLAIMS, async |limit, cursor| {
        (filter.limit, filter.cursor) = (limit, cursor);
        let page = api.list_claims(&filter).await?;
        last = Page { items: Vec::new(), ..page.clone() };
        Ok(page)
    })
    .await?;
    Ok(Page { items, ..last })
}

fn none() -> Page<Claim> {
    Page { items: Vec::new(), total: 0, total_is_minimum: false, next_cursor: None }
}

/// Keeps the claims of the repository for its git hooks.
fn keep(found: &Page<Claim>, subject: &Subject, env: &ProcessEnv) {
    let Some(repo) = &subject.repo else { return };
    let is_here = |claim: &&Claim| claim.repo.as_str().eq_ignore_ascii_case(repo.as_str());
    let file = ClaimsFile { written_at: now(), claims: found.items.iter().filter(is_here).cloned().collect() };
    if let Err(error) = file.write(&env.dirs, repo) {
        output::warn(&format!("the claims could not be kept for the git hooks: {error}"));
    }
}

fn print(claims: &Claims, source: &Source, subject: &Subject, found: &Page<Claim>) -> Result<(), LaunchError> {
    if claims.selection.json {
        return json_output::print(found);
    }
    let mut text = drawn(&found.items, now());
    text.line(&summary(source, subject, found));
    pager::show(&text.into_string(), source.env)
}

fn drawn(claims: &[Claim], now: Timestamp) -> Text {
    let width = table::terminal_width();
    let row = |claim: &Claim| {
        let state = if claim.is_stale(now) {
            format!("silent, free since {}", duration(now.seconds_since(claim.until)))
        } else {
            format!("held for {} more", duration(claim.until.seconds_since(now)))
        };
        let since = ago(claim.since, now);
        let [subject, repo, agent] =
            [claim.subject.as_str(), claim.repo.as_str(), claim.agent.as_str()].map(str::to_owned);
        [subject, repo, agent, since, state, claim.id.to_string()].map(|cell| clean_line(&cell))
    };
    let rows: Vec<[String; 6]> = claims.iter().map(row).collect();
    let mut text = Text::new(width);
    if !rows.is_empty() {
        text.drawn(&table::draw(HEADS, &rows, SUBJECT, width));
    }
    text
}

/// One sentence: how many claims are shown, of how many, and where they are stored.
fn summary(source: &Source, subject: &Subject, found: &Page<Claim>) -> String {
    let (place, about) = (source.describe(), subject.describe());
    let total = if found.total_is_minimum { format!("at least {}", found.total) } else { found.total.to_string() };
    match found.items.len() {
        0 => format!("There are no claims of {about} in {place}."),
        1 => format!("1 of {total} claims of {about} in {place}."),
        n => format!("{n} of {total} claims of {about} in {place}."),
    }
}

/// The claims that this machine keeps, while the API can't be reached.
fn print_kept(claims: &Claims, subject: &Subject, env: &ProcessEnv) -> Result<(), LaunchError> {
    let Some(kept) = subject.repo.as_ref().and_then(|repo| ClaimsFile::read(&env.dirs, repo)) else { return Ok(()) };
    if claims.selection.json {
        return json_output::print(&kept);
    }
    let now = now();
    let mut text = drawn(&kept.claims, now);
    text.line(&format!(
        "STALE: these are the {} claims in this repository, read {}.",
        kept.claims.len(),
        ago(kept.written_at, now)
    ));
    pager::show(&text.into_string(), env)
}
