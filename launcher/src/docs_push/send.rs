//! Carries out the steps one by one. The client repeats a request with the same idempotency key.

use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{Doc, DocFilter, DocScope, ErrorCode};

use super::comparison::{Action, Step};
use super::mapping::DocKey;
use super::report::{PushOutcome, Report};
use crate::wait_budget::WaitBudget;

const PAGE: u64 = 100;

/// Lists every document of the scopes.
pub(super) async fn listed(api: &Api, scopes: &[DocScope], budget: &mut WaitBudget) -> Result<Vec<Doc>, ClientError> {
    let mut listed = Vec::new();
    for scope in scopes {
        let scope = Some(scope.clone());
        let mut filter = DocFilter { scope, limit: PAGE.try_into().ok(), ..DocFilter::default() };
        loop {
            let page = budget.ask(async || api.list_docs(&filter).await).await?;
            listed.extend(page.items);
            filter.cursor = page.next_cursor;
            if filter.cursor.is_none() {
                break;
            }
        }
    }
    Ok(listed)
}

/// Carries out the steps. After an error that every later request would meet too, the rest is not tried.
pub(super) async fn all(api: &Api, steps: Vec<Step>, budget: &mut WaitBudget) -> Report {
    let mut report = Report::default();
    let mut is_over = false;
    for step in steps {
        let outcome = match (&step.key, &step.action) {
            (_, Action::Fail(why)) => PushOutcome::Failed(why.clone()),
            (_, Action::Keep(why)) => PushOutcome::Kept(why.clone()),
            (_, Action::Unchanged) => PushOutcome::Unchanged,
            (Some(_), _) if is_over => PushOutcome::NotTried,
            (Some(key), action) => match change(api, key, action, budget).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    is_over = ends_the_run(&error);
                    PushOutcome::Failed(error.to_string())
                }
            },
            (None, _) => PushOutcome::NotTried,
        };
        report.add(step, outcome);
    }
    report
}

async fn change(api: &Api, key: &DocKey, action: &Action, budget: &mut WaitBudget) -> Result<PushOutcome, ClientError> {
    let DocKey { scope, name } = key;
    match action {
        Action::Create(put) => {
            budget.ask(async || api.put_doc(scope, name, put).await).await?;
            Ok(PushOutcome::Created)
        }
        Action::Update { known, put } => {
            budget.ask(async || api.replace_doc(scope, name, known, put).await).await?;
            Ok(PushOutcome::Updated)
        }
        Action::Delete { known } => match budget.ask(async || api.delete_known_doc(scope, name, known).await).await {
            Err(error) if error.code() == Some(ErrorCode::DocNotFound) => Ok(PushOutcome::Deleted),
            deleted => deleted.map(|_| PushOutcome::Deleted),
        },
        Action::Unchanged | Action::Keep(_) | Action::Fail(_) => Ok(PushOutcome::Unchanged),
    }
}

fn ends_the_run(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. } | ClientError::NotTheApi { .. })
        || error.code() == Some(ErrorCode::Unauthorized)
        || error.asks_to_wait().is_some()
}
