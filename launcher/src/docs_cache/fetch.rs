//! Brings copies in step with the API: asks for what is another by its hash, takes away what is no more.

use deckwatch_client::{Api, ClientError, DocRead};
use deckwatch_protocol::{DocFilter, DocName};

use super::copies::Copies;
use super::report::{Outcome, Report};

const PAGE: u64 = 100;

/// All scopes, one after the other. An API that is gone for one is gone for the rest: their copies stay.
pub(super) async fn all(api: &Api, scopes: &[Copies]) -> Report {
    let mut report = Report::default();
    for copies in scopes {
        if report.trouble.is_none()
            && let Err(error) = scope(api, copies, &mut report).await
        {
            report.trouble = Some(error.to_string());
        }
        if report.trouble.is_some() {
            keep_the_rest(copies, &mut report);
        }
    }
    report
}

async fn scope(api: &Api, copies: &Copies, report: &mut Report) -> Result<(), ClientError> {
    let listed = listed(api, copies).await?;
    for (name, _) in &listed {
        let outcome = one(api, copies, name).await?;
        report.add(copies, name, outcome);
    }
    // Only a list that came whole says what is no more.
    for name in copies.names().into_iter().filter(|name| listed.iter().all(|(known, _)| known != name)) {
        let outcome =
            copies.remove(&name).map_or_else(|error| Outcome::Failed(error.to_string()), |()| Outcome::Removed);
        report.add(copies, &name, outcome);
    }
    Ok(())
}

/// Every document of the scope with the hash of its content.
async fn listed(api: &Api, copies: &Copies) -> Result<Vec<(DocName, String)>, ClientError> {
    let scope = Some(copies.scope.clone());
    let mut filter = DocFilter { scope, limit: PAGE.try_into().ok(), ..DocFilter::default() };
    let mut listed = Vec::new();
    loop {
        let page = api.list_docs(&filter).await?;
        let named = |doc: deckwatch_protocol::Doc| Some((doc.summary.name.parse().ok()?, doc.summary.content_hash));
        listed.extend(page.items.into_iter().filter_map(named));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return Ok(listed);
        }
    }
}

/// One document. Trouble with the API ends the run, trouble with the disk is told of this document.
async fn one(api: &Api, copies: &Copies, name: &DocName) -> Result<Outcome, ClientError> {
    let known = copies.hash(name);
    let read = match api.get_doc(&copies.scope, name, known.as_deref()).await {
        Err(ClientError::Refused(problem)) if problem.status == 404 => {
            return Ok(Outcome::Failed("deleted just now".into()));
        }
        read => read?,
    };
    let (done, outcome) = match read {
        DocRead::NotModified => (copies.confirm(name), Outcome::Unchanged),
        DocRead::Read(doc) => {
            (copies.write(name, &doc.content), if known.is_some() { Outcome::Updated } else { Outcome::Created })
        }
    };
    Ok(done.map_or_else(|error| Outcome::Failed(error.to_string()), |()| outcome))
}

/// What could not be asked about is told with its age.
fn keep_the_rest(copies: &Copies, report: &mut Report) {
    for name in copies.names() {
        if !report.has(copies, &name) {
            let age = copies.age(&name).unwrap_or_default();
            report.add(copies, &name, Outcome::Stale(age));
        }
    }
}
