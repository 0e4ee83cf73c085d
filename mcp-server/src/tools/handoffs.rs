//! `handoffs`: lists handoffs, and reads one in pieces. `handoff` writes one.

use deckwatch_client::api::{Api, ClientError};
use deckwatch_client::outbox::UnsentHandoff;
use deckwatch_protocol::{Agent, Cursor, Handoff, HandoffFilter, HandoffId, Timestamp, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints, now};
use crate::offline;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::handoff;
use crate::render::part::Total;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::{Trouble, sentence};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 10_000;
/// The part of this limit for queued handoffs above a list.
const UNSENT: usize = 2_500;
/// The page size. A whole page fits into the report, so that the cursor skips nothing.
const PAGE: u64 = 14;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {
    /// Read this handoff instead of the list.
    #[deserr(default)]
    id: Option<HandoffId>,
    /// With `id`: where to continue, from the previous answer.
    #[deserr(default)]
    offset: Option<u32>,
    /// Only handoffs to this agent.
    #[deserr(default)]
    to_agent: Option<Agent>,
    /// The next page: `next_cursor` of the previous answer.
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Facts {
    /// The result, as text.
    report: String,
    /// How many are queued on this machine.
    unsent: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
    /// Where a long text continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct List {
    shown: usize,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Cursor>,
}

pub(super) fn definition() -> Tool {
    let text = "List the handoffs of your venture, newest first, or read one by its id. Handoffs that are queued on this \
                machine come first.";
    Tool::new("handoffs", text, schema::of_arguments::<Arguments>())
        .with_title("List and read handoffs")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let arguments: Arguments = decode(arguments)?;
    let facts = match arguments {
        Arguments { id: Some(_), to_agent, cursor, .. } if to_agent.is_some() || cursor.is_some() => {
            return Err(Trouble::Arguments(Violations::at(
                "/id",
                "reads one handoff and can be combined only with offset",
            )));
        }
        Arguments { id: None, offset: Some(_), .. } => {
            return Err(Trouble::Arguments(Violations::at("/offset", "needs id")));
        }
        Arguments { id: Some(id), offset, .. } => {
            one(keeper, &id, offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX))).await?
        }
        Arguments { to_agent, cursor, .. } => list(keeper, to_agent, cursor).await?,
    };
    Ok(answer(&facts, &facts.report))
}

async fn one(keeper: &Keeper, id: &HandoffId, offset: usize) -> Result<Facts, Trouble> {
    let read = keeper.identity.api().await?.get_handoff(id).await;
    let last = match &read {
        Err(error) if error.is_outage() => keeper.identity.last_snapshot().await?,
        _ => None,
    };
    let kept = last.as_ref().and_then(|snapshot| Some((offline::handoff_in(snapshot, id)?, snapshot.taken_at)));
    let (found, head) = match (&read, kept) {
        (Err(error), Some((kept, taken_at))) => (kept, vec![stale(error, taken_at)]),
        _ => (&read?, Vec::new()),
    };
    let mut head: Vec<String> = head;
    head.extend([WARNING.to_owned(), String::new()]);
    let spent: usize = head.iter().map(|line| line_cost(line)).sum();
    let piece = handoff::piece(found, offset, now(), &fence(), LIMIT.saturating_sub(spent));
    let report = [head, piece.lines].concat().join("\n");
    Ok(Facts { report, next_offset: piece.next_offset, ..Facts::default() })
}

/// The line with the age of a saved answer.
fn stale(error: &ClientError, taken_at: Timestamp) -> String {
    let age = crate::render::age::ago(taken_at, now());
    format!(
        "STALE: this is from the API's last answer, {age} ({taken_at}), because the API did not answer. {}",
        sentence(error)
    )
}

async fn list(keeper: &Keeper, to_agent: Option<Agent>, cursor: Option<Cursor>) -> Result<Facts, Trouble> {
    let is_first_page = cursor.is_none();
    let mut unsent = if is_first_page { keeper.unsent_handoffs().await } else { Vec::new() };
    unsent.retain(|handoff| to_agent.is_none() || handoff.to_agent == to_agent);
    match from_api(keeper, keeper.identity.api().await?, to_agent.as_ref(), cursor).await {
        Err(Trouble::Api(error)) if error.is_outage() => without_api(keeper, &unsent, to_agent.as_ref(), error).await,
        answered => {
            let page = answered?;
            let total =
                Total { count: usize::try_from(page.total).unwrap_or(usize::MAX), at_least: page.total_is_minimum };
            let more = if page.next_cursor.is_some() {
                "Call `handoffs` with `cursor` set to next_cursor to see the next ones."
            } else {
                "This is the last page."
            };
            let handoffs: Vec<&Handoff> = page.items.iter().collect();
            let (report, shown) = report(keeper, &unsent, &handoffs, total, Vec::new(), more).await?;
            let list = List { shown, total: total.count, next_cursor: page.next_cursor };
            Ok(Facts { report, unsent: unsent.len(), list: Some(list), next_offset: None })
        }
    }
}

async fn from_api(
    keeper: &Keeper,
    api: &Api,
    to_agent: Option<&Agent>,
    cursor: Option<Cursor>,
) -> Result<deckwatch_protocol::Page<Handoff>, Trouble> {
    let venture = Some(keeper.identity.place().await?.venture.code.clone());
    let (to_agent, limit) = (to_agent.cloned(), PAGE.try_into().ok());
    Ok(api.list_handoffs(&HandoffFilter { venture, to_agent, limit, cursor, ..HandoffFilter::default() }).await?)
}

/// The handoffs on this machine, while the API does not answer.
async fn without_api(
    keeper: &Keeper,
    unsent: &[UnsentHandoff],
    to_agent: Option<&Agent>,
    error: ClientError,
) -> Result<Facts, Trouble> {
    let snapshot = keeper.identity.last_snapshot().await?;
    let mut handoffs = snapshot.as_ref().map(offline::handoffs_in).unwrap_or_default();
    handoffs.retain(|handoff| to_agent.is_none() || handoff.to_agent.as_ref() == to_agent);
    if unsent.is_empty() && handoffs.is_empty() {
        return Err(error.into());
    }
    let stale_line = match &snapshot {
        Some(snapshot) => stale(&error, snapshot.taken_at),
        None => sentence(&error),
    };
    // The API's total is not known.
    let total = Total { count: handoffs.len(), at_least: true };
    let more = "Call `handoffs` again when the API answers.";
    let (report, _) = report(keeper, unsent, &handoffs, total, vec![stale_line], more).await?;
    Ok(Facts { report, unsent: unsent.len(), ..Facts::default() })
}

/// The text, and how many of the API's handoffs it shows.
async fn report(
    keeper: &Keeper,
    unsent: &[UnsentHandoff],
    handoffs: &[&Handoff],
    total: Total,
    mut lines: Vec<String>,
    more: &'static str,
) -> Result<(String, usize), Trouble> {
    let (fence, me): (Fence, _) = (fence(), keeper.identity.me().await?);
    if unsent.is_empty() && handoffs.is_empty() {
        let text = if total.count > 0 { "There are no more handoffs." } else { "There are no such handoffs yet." };
        return Ok((text.to_owned(), 0));
    }
    lines.extend([WARNING.to_owned(), String::new()]);
    if !unsent.is_empty() {
        let room = if handoffs.is_empty() { LIMIT - UNSENT } else { UNSENT };
        let files = format!("Their files are in {}.", clean_line(&keeper.waiting().await.path.display().to_string()));
        lines.extend(handoff::unsent(unsent, &me.agent, files.into(), now(), &fence).fit(&fence, room).lines);
        lines.push(String::new());
    }
    let mut shown = 0;
    if !handoffs.is_empty() {
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let part = handoff::list_part(handoffs, total, more, now(), &fence).fit(&fence, LIMIT.saturating_sub(spent));
        shown = part.count;
        lines.extend(part.lines);
    }
    Ok((lines.join("\n").trim_end().to_owned(), shown))
}
