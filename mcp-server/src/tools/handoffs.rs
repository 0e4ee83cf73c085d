//! `handoffs`: lists handoffs, and reads one in pieces. `handoff` writes one.

use std::borrow::Cow;

use deckwatch_client::api::{Api, ClientError};
use deckwatch_client::outbox::Unsent;
use deckwatch_protocol::{Agent, Cursor, ErrorCode, Handoff, HandoffFilter, HandoffId, Timestamp, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now};
use crate::offline;
use crate::own_database::OwnHandoffs;
use crate::render::budget::{clip, line_cost};
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::outbox::not_read_line;
use crate::render::part::Total;
use crate::render::{handoff, next_page};
use crate::session::Keeper;
use crate::trouble::{Trouble, sentence};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 10_000;
/// The part of this limit for handoffs that the API does not have, above a list.
const UNSENT: usize = 2_500;
/// The least space for those in this machine's own database.
const OWN_MIN: usize = 500;
/// The page size. A whole page fits into the report, so that the cursor skips nothing.
const PAGE: u64 = 14;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    #[schemars(example = &"ho_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<HandoffId>,
    #[deserr(default)]
    offset: Option<u32>,
    #[deserr(default)]
    to_agent: Option<Agent>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The result, as text.
    pub(super) report: String,
    /// How many are queued on this machine, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent: Option<usize>,
    /// How many of this repository are in this machine's own database, which is not the API in use.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(skip)]
    in_own_database: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
    /// Where a long text continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct List {
    #[schemars(skip)]
    shown: usize,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Cursor>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
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
    Ok(facts)
}

async fn one(keeper: &Keeper, id: &HandoffId, offset: usize) -> Result<Facts, Trouble> {
    let read = keeper.identity.api().await?.get_handoff(id).await;
    if let Err(error) = &read
        && (error.is_outage() || error.code() == Some(ErrorCode::HandoffNotFound))
        && let Ok(Some(own)) = keeper.identity.own_handoff(id).await
    {
        return Ok(piece_of(&own, vec![handoff::OWN.to_owned()], offset));
    }
    let last = match &read {
        Err(error) if error.is_outage() => keeper.identity.last_snapshot().await?,
        _ => None,
    };
    let kept = last.as_ref().and_then(|snapshot| Some((offline::handoff_in(snapshot, id)?, snapshot.taken_at)));
    let (found, head) = match (&read, kept) {
        (Err(error), Some((kept, taken_at))) => (kept, vec![stale(error, taken_at)]),
        _ => (&read?, Vec::new()),
    };
    Ok(piece_of(found, head, offset))
}

/// The handoff from `offset`, below the lines of `head`.
fn piece_of(handoff: &Handoff, mut head: Vec<String>, offset: usize) -> Facts {
    head.extend([WARNING.to_owned(), String::new()]);
    let spent: usize = head.iter().map(|line| line_cost(line)).sum();
    let piece = handoff::piece(handoff, offset, now(), &fence(), LIMIT.saturating_sub(spent));
    let report = [head, piece.lines].concat().join("\n");
    Facts { report, next_offset: piece.next_offset, ..Facts::default() }
}

/// The line with the age of a saved answer.
fn stale(error: &ClientError, taken_at: Timestamp) -> String {
    let age = deckwatch_machine::clock::ago(taken_at, now());
    format!(
        "STALE: this is from the API's last answer, {age} ({taken_at}), because the API did not answer. {}",
        sentence(error)
    )
}

async fn list(keeper: &Keeper, to_agent: Option<Agent>, cursor: Option<Cursor>) -> Result<Facts, Trouble> {
    let is_first_page = cursor.is_none();
    let mut unsent = if is_first_page { keeper.unsent().await? } else { Unsent::default() };
    unsent.handoffs.retain(|handoff| to_agent.is_none() || handoff.to_agent == to_agent);
    let own = if is_first_page { keeper.identity.own_handoffs(to_agent.as_ref()).await } else { Ok(None) };
    let only_here = OnlyHere { unsent, own };
    match from_api(keeper, keeper.identity.api().await?, to_agent.as_ref(), cursor).await {
        Err(Trouble::Api(error)) if error.is_outage() => {
            without_api(keeper, &only_here, to_agent.as_ref(), error).await
        }
        answered => {
            let page = answered?;
            let total =
                Total { count: usize::try_from(page.total).unwrap_or(usize::MAX), at_least: page.total_is_minimum };
            let more = next_page::note("handoffs", page.next_cursor.as_ref().map(Cursor::as_str));
            let handoffs: Vec<&Handoff> = page.items.iter().collect();
            let (report, shown) = report(keeper, &only_here, &handoffs, total, Vec::new(), more).await?;
            let list = List { shown, total: total.count, next_cursor: page.next_cursor };
            let facts = only_here.facts();
            // A later page does not read the queue.
            let unsent = facts.unsent.filter(|_| is_first_page);
            Ok(Facts { report, list: Some(list), unsent, ..facts })
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

/// The handoffs that only this machine has.
struct OnlyHere {
    /// Those that are queued.
    unsent: Unsent,
    /// Those of this repository in this machine's own database, or why they could not be read.
    own: Result<Option<OwnHandoffs>, String>,
}

impl OnlyHere {
    fn is_empty(&self) -> bool {
        self.unsent.handoffs.is_empty() && !matches!(self.own, Ok(Some(_)))
    }

    /// A line for each place on this machine that could not be read.
    fn not_read_lines(&self) -> Vec<String> {
        let unsent = self.unsent.not_read.as_ref().map(not_read_line);
        unsent.into_iter().chain(self.own.as_ref().err().map(|line| clip(line, OWN_MIN))).collect()
    }

    fn facts(&self) -> Facts {
        let in_own_database = self.own.as_ref().ok().and_then(Option::as_ref).map_or(0, |own| own.total.count);
        let unsent = self.unsent.not_read.is_none().then_some(self.unsent.handoffs.len());
        Facts { unsent, in_own_database, ..Facts::default() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The handoffs on this machine, while the API does not answer.
async fn without_api(
    keeper: &Keeper,
    only_here: &OnlyHere,
    to_agent: Option<&Agent>,
    error: ClientError,
) -> Result<Facts, Trouble> {
    let snapshot = keeper.identity.last_snapshot().await?;
    let mut handoffs = snapshot.as_ref().map(offline::handoffs_in).unwrap_or_default();
    handoffs.retain(|handoff| to_agent.is_none() || handoff.to_agent.as_ref() == to_agent);
    if only_here.is_empty() && only_here.unsent.not_read.is_none() && handoffs.is_empty() {
        return Err(error.into());
    }
    let stale_line = match &snapshot {
        Some(snapshot) => stale(&error, snapshot.taken_at),
        None => sentence(&error),
    };
    // The API's total is not known.
    let total = Total { count: handoffs.len(), at_least: true };
    let more = "Call `handoffs` again when the API answers.".into();
    let (report, _) = report(keeper, only_here, &handoffs, total, vec![stale_line], more).await?;
    Ok(Facts { report, ..only_here.facts() })
}

/// The text, and how many of the API's handoffs it shows.
async fn report(
    keeper: &Keeper,
    only_here: &OnlyHere,
    handoffs: &[&Handoff],
    total: Total,
    mut lines: Vec<String>,
    more: Cow<'static, str>,
) -> Result<(String, usize), Trouble> {
    let (fence, me): (Fence, _) = (fence(), keeper.identity.me().await?);
    let not_read = only_here.not_read_lines();
    if only_here.is_empty() && handoffs.is_empty() {
        let text = match total {
            Total { count: 1.., .. } => "There are no more handoffs.",
            Total { at_least: true, .. } => "No handoffs can be shown.",
            _ if only_here.unsent.not_read.is_some() => "The API has no such handoffs yet.",
            _ => "There are no such handoffs yet.",
        };
        return Ok(([lines, vec![text.to_owned()], not_read].concat().join("\n"), 0));
    }
    for line in not_read {
        lines.extend([line, String::new()]);
    }
    lines.extend([WARNING.to_owned(), String::new()]);
    let unsent = &only_here.unsent.handoffs;
    let mut room = if handoffs.is_empty() { LIMIT - UNSENT } else { UNSENT };
    if !unsent.is_empty() {
        let files = format!("Their files are in {}.", clean_line(&keeper.waiting().await.path.display().to_string()));
        let part = handoff::unsent(unsent, &me.agent, files.into(), now(), &fence).fit(&fence, room - OWN_MIN).lines;
        room = room.saturating_sub(part.iter().map(|line| line_cost(line)).sum());
        lines.extend(part);
        lines.push(String::new());
    }
    if let Ok(Some(own)) = &only_here.own {
        lines.extend(handoff::own_list(own, now(), &fence).fit(&fence, room).lines);
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
