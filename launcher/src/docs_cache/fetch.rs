//! Updates the copies from the API: fetches the documents whose hash differs, and removes the copies of documents that
//! no longer exist.
//!
//! A copy whose hash equals the listed one is not fetched. If the rate limit of the API ends a run, the next run
//! therefore continues where it stopped.

use deckwatch_client::{Api, ClientError, DocRead};
use deckwatch_protocol::{Doc, DocFilter, DocName};

use super::copies::Copies;
use super::report::{DocOutcome, Report};
use crate::wait_budget::WaitBudget;

const PAGE: u64 = 100;

/// A document in the API: its name and the hash of its content.
type DocHash = (DocName, String);

/// Updates all scopes. If the API can't be reached for one document, the rest is not tried and the copies stay.
pub(super) async fn all(api: &Api, scopes: &[Copies]) -> Report {
    let mut report = Report::default();
    if let Err(error) = update_all(api, scopes, &mut report).await {
        report.trouble = Some(error.to_string());
        report_not_compared(scopes, &mut report);
    }
    report.sort(scopes);
    report
}

/// 1. Lists the documents of every scope, so that the report can name the missing ones.
/// 2. Handles the documents that need no further request.
/// 3. Fetches the documents that are new or changed.
async fn update_all(api: &Api, scopes: &[Copies], report: &mut Report) -> Result<(), ClientError> {
    let mut budget = WaitBudget::default();
    let mut wanted = Vec::new();
    for copies in scopes {
        let listed = listed(api, copies, &mut budget).await?;
        remove_deleted(copies, &listed, report);
        for (name, hash) in listed {
            if copies.hash(&name).as_ref() == Some(&hash) {
                report.add(copies, &name, outcome_of(copies.confirm(&name), DocOutcome::Unchanged));
            } else {
                wanted.push((copies, name));
            }
        }
    }
    for (at, (copies, name)) in wanted.iter().enumerate() {
        match fetch_doc(api, copies, name, &mut budget).await {
            Ok(outcome) => report.add(copies, name, outcome),
            Err(error) => {
                wanted.iter().skip(at).for_each(|(copies, name)| report_not_fetched(copies, name, report));
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Lists every document of the scope.
async fn listed(api: &Api, copies: &Copies, budget: &mut WaitBudget) -> Result<Vec<DocHash>, ClientError> {
    let scope = Some(copies.scope.clone());
    let mut filter = DocFilter { scope, limit: PAGE.try_into().ok(), ..DocFilter::default() };
    let mut listed = Vec::new();
    loop {
        let page = budget.ask(async || api.list_docs(&filter).await).await?;
        let named = |doc: Doc| Some((doc.summary.name.parse().ok()?, doc.summary.content_hash));
        listed.extend(page.items.into_iter().filter_map(named));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return Ok(listed);
        }
    }
}

/// Removes the copies of documents that no longer exist. `listed` must be the complete list.
fn remove_deleted(copies: &Copies, listed: &[DocHash], report: &mut Report) {
    for name in copies.names().into_iter().filter(|name| listed.iter().all(|(known, _)| known != name)) {
        report.add(copies, &name, outcome_of(copies.remove(&name), DocOutcome::Removed));
    }
}

/// Fetches one document. An error of the API ends the run; an error of the disk is reported for this document.
async fn fetch_doc(
    api: &Api,
    copies: &Copies,
    name: &DocName,
    budget: &mut WaitBudget,
) -> Result<DocOutcome, ClientError> {
    let known = copies.hash(name);
    let read = match budget.ask(async || api.get_doc(&copies.scope, name, known.as_deref()).await).await {
        Err(ClientError::Refused(problem)) if problem.status == 404 => {
            return Ok(DocOutcome::Failed("deleted just now".into()));
        }
        read => read?,
    };
    Ok(match read {
        DocRead::NotModified => outcome_of(copies.confirm(name), DocOutcome::Unchanged),
        DocRead::Read(doc) => {
            let outcome = if known.is_some() { DocOutcome::Updated } else { DocOutcome::Created };
            outcome_of(copies.write(name, &doc.content), outcome)
        }
    })
}

fn outcome_of(work: std::io::Result<()>, outcome: DocOutcome) -> DocOutcome {
    work.map_or_else(|error| DocOutcome::Failed(error.to_string()), |()| outcome)
}

/// Reports a document that could not be fetched: the copy is stale, or there is no copy.
fn report_not_fetched(copies: &Copies, name: &DocName, report: &mut Report) {
    report.add(copies, name, copies.age(name).map_or(DocOutcome::Missing, DocOutcome::Stale));
}

/// Reports the copies that could not be compared, with their age.
fn report_not_compared(scopes: &[Copies], report: &mut Report) {
    for copies in scopes {
        for name in copies.names().into_iter().filter(|name| !report.has(copies, name)).collect::<Vec<_>>() {
            report_not_fetched(copies, &name, report);
        }
    }
}
