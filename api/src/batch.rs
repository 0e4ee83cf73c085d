//! Runs a plan as one atomic batch: rate limit, idempotency claim, steps, response and log row.

use std::borrow::Cow;

use bytes::Bytes;
use deckwatch_protocol::{ErrorCode, Limit, Operation, cut};

use crate::call::Call;
use crate::cursor::CursorMark;
use crate::database::{Database, DatabaseError, Row, Statement, count, number, text};
use crate::error::{ApiError, is_replay};
use crate::middleware::admission::Admission;
use crate::middleware::idempotency::{Claim, Stored, stored};
use crate::middleware::rate_limit::RateLimitState;
use crate::middleware::token;
use crate::plan::{Computation, Explanation, Next, Plan, Selection};
use crate::response::SuccessResponse;
use crate::search::{EXCERPT_MAX_CHARS, ExcerptBudget};
use crate::store::count_limit;
use crate::store::indexed_list::{PageStatements, scan_limit};
use crate::summary_cut;

/// The result of a request after its batch.
pub(crate) struct Finished {
    pub(crate) result: Result<SuccessResponse, ApiError>,
    /// The rate limit state of the caller. It is set when the batch that counts the request was committed.
    pub(crate) rate_limit_state: Option<RateLimitState>,
    /// The batch of a write was committed: what runs after the answer. Otherwise the log row has to be written.
    pub(crate) logged: Option<Vec<Statement>>,
}

impl Finished {
    fn uncounted(admission: &Admission, error: ApiError) -> Self {
        let rate_limit_state = (error.code == ErrorCode::RateLimited).then(|| admission.window.used_up());
        Self { result: Err(error), rate_limit_state, logged: None }
    }
}

/// Counts a request that was refused before it had a plan. If the token is not valid, the result is that error
/// instead.
pub(crate) async fn refuse(database: &dyn Database, admission: &Admission, error: ApiError) -> Finished {
    match database.batch(&admission.statements(None)).await {
        Ok(rows) => Finished { result: Err(error), rate_limit_state: admission.rate_limit_state(&rows), logged: None },
        Err(failure) => Finished::uncounted(admission, failure.into()),
    }
}

/// Runs the plan of a read, or of a change that is safe to repeat, in one batch; in two if the first selects no row and the
/// plan says what happens otherwise.
pub(crate) async fn run(database: &dyn Database, admission: &Admission, mark: &CursorMark, plan: Plan) -> Finished {
    let mut statements = admission.statements(Some(&plan.access));
    statements.extend(plan.steps);
    let selection = AnswerLocation::push(plan.answer, mark, &mut statements);
    let rows = match database.batch(&statements).await {
        Ok(rows) => rows,
        Err(failure) => {
            return Finished::uncounted(admission, explained(database, plan.explanation, failure.into()).await);
        }
    };
    let result = match plan.otherwise {
        Some(otherwise) if selection.has_no_row(&rows) => run_otherwise(database, admission, mark, *otherwise).await,
        _ => selection.response(&rows),
    };
    Finished { rate_limit_state: admission.rate_limit_state(&rows), result, logged: None }
}

/// Runs [`Plan::otherwise`].
async fn run_otherwise(
    database: &dyn Database,
    admission: &Admission,
    mark: &CursorMark,
    plan: Plan,
) -> Result<SuccessResponse, ApiError> {
    let mut statements = admission.statements_again(&plan.access);
    statements.extend(plan.steps);
    let selection = AnswerLocation::push(plan.answer, mark, &mut statements);
    selection.response(&database.batch(&statements).await?)
}

/// Runs the plan of a read in two batches, for a database that runs reads and writes separately. The first batch
/// authenticates and counts the caller and runs the steps, which can only refuse. The second batch reads. It may
/// take long.
pub(crate) async fn run_separate_read(
    database: &dyn Database,
    admission: &Admission,
    mark: &CursorMark,
    plan: Plan,
) -> Finished {
    let mut admission_statements = admission.statements(Some(&plan.access));
    admission_statements.extend(plan.steps);
    let mut reads = Vec::new();
    let selection = AnswerLocation::push(plan.answer, mark, &mut reads);
    let rate_limit_state = match database.batch(&admission_statements).await {
        Ok(rows) => admission.rate_limit_state(&rows),
        Err(failure) => {
            return Finished::uncounted(admission, explained(database, plan.explanation, failure.into()).await);
        }
    };
    let result = match database.batch(&reads).await {
        Ok(rows) => selection.response(&rows),
        Err(failure) => Err(failure.into()),
    };
    Finished { result, rate_limit_state, logged: None }
}

/// Runs the plan of a public operation. A public operation has no caller and no rate limit.
pub(crate) async fn run_public(database: &dyn Database, plan: Plan) -> Result<SuccessResponse, ApiError> {
    let mut statements = plan.steps;
    let mark = CursorMark::of("", "");
    let selection = AnswerLocation::push(plan.answer, &mark, &mut statements);
    let rows = if statements.is_empty() { Vec::new() } else { database.batch(&statements).await? };
    selection.response(&rows)
}

/// Runs the plan of a write exactly once: in one batch, or in two batches if the idempotency key was used before.
pub(crate) async fn run_once(
    database: &dyn Database,
    admission: &Admission,
    call: &Call<'_>,
    claim: &Claim,
    plan: Plan,
) -> Finished {
    let Selection::Stored(answer) = plan.answer else {
        return Finished::uncounted(admission, ApiError::internal("a write must select a response that can be stored"));
    };
    let admission_statements = admission.statements(Some(&plan.access));
    if let Some(refusal) = call.secrets.get() {
        return refuse_unless_done(database, admission, call, claim, &admission_statements, refusal).await;
    }
    let mut statements = admission_statements.clone();
    statements.push(claim.unless_taken(plan.registered.as_ref()));
    statements.extend(plan.steps);
    statements.push(claim.store_response(answer));
    let answer_at = statements.len() - 1;
    let mut after = plan.after;
    let log = claim.log(call.correlation_id.as_str());
    if after.is_empty() {
        statements.extend(admission.touch().into_iter().chain([log]));
    } else {
        // Statements that run after the answer take the log row with them. Like other log rows, it waits for no disk then.
        after.extend(admission.touch().into_iter().chain([log.non_durable()]));
    }
    // The key can expire between the failed check and the lookup. Then the second check succeeds.
    for _ in 0..2 {
        match database.batch(&statements).await {
            Ok(rows) => return done(admission, call, claim, (&rows, answer_at), after),
            Err(failure) if is_replay(&failure) => {
                if let Ok(finished) = replay(database, admission, call, claim, &admission_statements).await {
                    return finished;
                }
            }
            Err(failure) => {
                return Finished::uncounted(admission, explained(database, plan.explanation, failure.into()).await);
            }
        }
    }
    let conflict = DatabaseError::Unavailable("the idempotency key is in use but has no stored response".to_owned());
    Finished::uncounted(admission, conflict.into())
}

/// Completes a refusal with what a second batch finds. If that fails, the refusal stays as it is.
async fn explained(database: &dyn Database, explanation: Option<Explanation>, error: ApiError) -> ApiError {
    let Some(explanation) = explanation.filter(|explanation| explanation.code == error.code) else { return error };
    match database.batch(&[explanation.select]).await {
        Ok(rows) => (explanation.complete)(error, rows.first().map(Vec::as_slice).unwrap_or_default()),
        Err(failure) => {
            log::warn!("could not read what explains a refusal ({}): {failure}", error.code.as_str());
            error
        }
    }
}

/// The result of a write whose batch was committed. `rows` are those of its statements, the response those at `answer_at`.
fn done(
    admission: &Admission,
    call: &Call<'_>,
    claim: &Claim,
    (rows, answer_at): (&[Vec<Row>], usize),
    after: Vec<Statement>,
) -> Finished {
    let stored_rows = rows.get(answer_at).map(Vec::as_slice).unwrap_or_default();
    let result = stored(stored_rows).and_then(|answer| response_from_stored(answer, call, claim, false));
    Finished { logged: result.is_ok().then_some(after), result, rate_limit_state: admission.rate_limit_state(rows) }
}

/// Refuses a write whose body must not be stored. If the same key completed a request before, the stored response is
/// returned instead.
async fn refuse_unless_done(
    database: &dyn Database,
    admission: &Admission,
    call: &Call<'_>,
    claim: &Claim,
    admission_statements: &[Statement],
    refusal: &ApiError,
) -> Finished {
    match replay(database, admission, call, claim, admission_statements).await {
        Ok(finished) => finished,
        Err(rate_limit_state) => Finished { result: Err(refusal.clone()), rate_limit_state, logged: None },
    }
}

/// Returns the stored response of a key that was used before. If there is none, returns the rate limit state of the
/// caller.
async fn replay(
    database: &dyn Database,
    admission: &Admission,
    call: &Call<'_>,
    claim: &Claim,
    admission_statements: &[Statement],
) -> Result<Finished, Option<RateLimitState>> {
    let mut statements = admission_statements.to_vec();
    statements.push(claim.stored_response());
    let rows = match database.batch(&statements).await {
        Ok(rows) => rows,
        Err(failure) => return Ok(Finished::uncounted(admission, failure.into())),
    };
    let found = rows.last().map(Vec::as_slice).unwrap_or_default();
    let result = match claim.replay(found) {
        Ok(None) => return Err(admission.rate_limit_state(&rows)),
        Ok(Some(answer)) => response_from_stored(answer, call, claim, true),
        Err(error) => Err(error),
    };
    Ok(Finished { result, rate_limit_state: admission.rate_limit_state(&rows), logged: None })
}

/// Builds the response from a stored one. A seal in the stored body is replaced with its token, and a summary that SQL
/// cut ends with a paragraph.
fn response_from_stored(
    answer: Stored,
    call: &Call<'_>,
    claim: &Claim,
    replayed: bool,
) -> Result<SuccessResponse, ApiError> {
    let body = match claim.operation() {
        Operation::CreateToken | Operation::CreateAgentToken => token::unseal(&answer.body, &call.caller)?,
        Operation::StartDay => summary_cut::complete(answer.body)
            .map_err(|error| ApiError::internal(format!("the stored response can't be completed: {error}")))?,
        _ => answer.body,
    };
    Ok(SuccessResponse { status: answer.status, body: body.into(), replayed })
}

/// Where the rows of the batch hold the response.
enum AnswerLocation {
    Record { at: usize, missing: ErrorCode },
    Page { at: usize, has_total: bool, limit: Limit, next: Next, mark: CursorMark },
    Computed { at: usize, reads: usize, body: Computation },
    Fixed(Cow<'static, str>),
    Stored,
}

impl AnswerLocation {
    fn push(selection: Selection, mark: &CursorMark, statements: &mut Vec<Statement>) -> Self {
        let at = statements.len();
        match selection {
            Selection::Record { select, missing } => {
                statements.push(select);
                Self::Record { at, missing }
            }
            Selection::Page { page: PageStatements { items, total }, limit, next } => {
                let has_total = total.is_some();
                statements.push(items);
                statements.extend(total);
                Self::Page { at, has_total, limit, next, mark: mark.clone() }
            }
            Selection::Computed { reads, body } => {
                let count = reads.len();
                statements.extend(reads);
                Self::Computed { at, reads: count, body }
            }
            Selection::Fixed(body) => Self::Fixed(body),
            Selection::Stored(_) => Self::Stored,
        }
    }

    fn has_no_row(&self, rows: &[Vec<Row>]) -> bool {
        matches!(self, Self::Record { at, .. } if rows.get(*at).is_none_or(Vec::is_empty))
    }

    fn response(self, rows: &[Vec<Row>]) -> Result<SuccessResponse, ApiError> {
        let found = |at: usize| rows.get(at).map(Vec::as_slice).unwrap_or_default();
        let body = match self {
            Self::Fixed(Cow::Borrowed(body)) => Bytes::from_static(body.as_bytes()),
            Self::Fixed(Cow::Owned(body)) => Bytes::from(body),
            Self::Record { at, missing } => {
                let row = found(at).first().ok_or_else(|| ApiError::not_found(missing))?;
                record(row).ok_or_else(|| match (text(row, "refused"), number(row, "more")) {
                    (Some(reason), _) => ApiError::refused(reason),
                    (None, Some(1)) => ApiError::not_found_so_far(missing, scan_limit!()),
                    (None, _) => ApiError::not_found(missing),
                })?
            }
            Self::Page { at, has_total, limit, next, mark } => {
                page(found(at), found(at + usize::from(has_total)), limit, next, &mark)
            }
            Self::Computed { at, reads, body } => {
                body(rows.get(at..at + reads).ok_or_else(|| ApiError::internal("the batch has too few rows"))?)?.into()
            }
            Self::Stored => return Err(ApiError::internal("a stored response needs an idempotency key")),
        };
        Ok(SuccessResponse { status: 200, body, replayed: false })
    }
}

/// The body of a row. If the row has a `content`, it becomes the last member of the body.
fn record(row: &Row) -> Option<Bytes> {
    let body = text(row, "body")?;
    let Some(content) = text(row, "content") else { return Some(body.to_owned().into()) };
    let content = serde_json::Value::from(content);
    Some(format!("{},\"content\":{content}}}", body.strip_suffix('}')?).into())
}

/// An item of a page. If the row has the `opening` of a text, the item gets an excerpt of it as the last member.
fn item<'a>(row: &'a Row, next: &Next, budget: &mut ExcerptBudget) -> Option<Cow<'a, str>> {
    let item = text(row, "item")?;
    let Some(opening) = text(row, "opening") else { return Some(item.into()) };
    let excerpt = match next {
        Next::Key => serde_json::Value::from(cut::to_chars(opening, EXCERPT_MAX_CHARS)),
        Next::Shown(_, query) => {
            let is_truncated = number(row, "bytes").is_some_and(|bytes| bytes > opening.len() as u64);
            query.excerpt(opening, is_truncated, budget).into()
        }
    };
    Some(format!("{},\"excerpt\":{excerpt}}}", item.strip_suffix('}')?).into())
}

/// Builds a page from its rendered items: `{"items", "total", "next_cursor"}`. `total` has the total in its first row,
/// which may be the first row of `items`.
fn page(items: &[Row], total: &[Row], limit: Limit, next: Next, mark: &CursorMark) -> Bytes {
    /// The largest exact count.
    const MAX_COUNT: u32 = count_limit!();
    let size = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    let unread = items.first().filter(|row| number(row, "more") == Some(1)).and_then(|row| text(row, "last"));
    // A list without a match has one row without a key.
    let items = if items.iter().all(|row| text(row, "key").is_none()) { &[] } else { items };
    let shown = items.get(..size).unwrap_or(items);
    let mut budget = ExcerptBudget::of(shown.len());
    let rendered: Vec<Cow<'_, str>> = shown.iter().filter_map(|row| item(row, &next, &mut budget)).collect();
    let counted = total.first().and_then(|row| count(row, "total")).unwrap_or_default();
    let more = match next {
        _ if items.len() <= size => unread.map(str::to_owned),
        Next::Key => shown.last().and_then(|row| text(row, "key")).map(str::to_owned),
        Next::Shown(search_cursor, _) => search_cursor.next(shown).map(|cursor| cursor.to_string()),
    };
    let is_set = |column| total.first().and_then(|row| number(row, column)).is_some_and(|n| n > 0);
    let minimum = if counted > MAX_COUNT || is_set("unindexed") || is_set("total_is_minimum") {
        r#","total_is_minimum":true"#
    } else {
        ""
    };
    let cursor = serde_json::Value::from(more.map(|place| mark.cursor(&place)));
    let total = counted.min(MAX_COUNT);
    format!(r#"{{"items":[{}],"total":{total}{minimum},"next_cursor":{cursor}}}"#, rendered.join(",")).into()
}
