//! `context`: who and where the agent is, and who else works now.

use deckwatch_client::api::Api;
use deckwatch_client::checkout::{Checkout, CheckoutKind};
use deckwatch_protocol::{
    ActiveSession, Handoff, HandoffFilter, Health, Page, Session, SessionFilter, SessionId, SessionStatus, Timestamp,
    Violations,
};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints, now};
use crate::identity::{Me, Place};
use crate::render::age::ago;
use crate::render::budget::{clip, line_cost};
use crate::render::context::{Whereabouts, active_part, gone_line};
use crate::render::fence::{Fence, WARNING};
use crate::render::part::{Part, Total};
use crate::render::{handoff, outbox};
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The report's limit; the facts beside it stay below another 1,000.
const LIMIT: usize = 10_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
struct Facts {
    /// Where you are and who else works now, as text.
    report: String,
    agent: String,
    host: String,
    client: String,
    venture: String,
    repo: String,
    engine: String,
    /// Your live session; absent before `sod` and after the end of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    others_shown: usize,
    others_total: usize,
    /// True when there may be more others than the total says.
    others_total_is_minimum: bool,
}

pub(super) fn definition() -> Tool {
    let text = "Where you are: agent, venture, repository, branch, session, engine, and every other agent active now.";
    Tool::new("context", text, schema::of_arguments::<Arguments>())
        .with_title("Where am I")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

/// Where the agent is.
struct Here<'a> {
    me: &'a Me,
    place: &'a Place,
    api: &'a Api,
    checkout: Checkout,
    health: Health,
    session: Option<Session>,
    /// The last day that the agent has ended.
    last_day_began: Option<Timestamp>,
    /// The newest handoffs to this agent.
    handoffs: Page<Handoff>,
    /// What was healed since somebody asked last, and what waits in the outbox.
    news: Vec<String>,
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let Arguments {} = decode(arguments)?;
    let (me, place) = (keeper.identity.me().await?, keeper.identity.place().await?);
    let api = keeper.identity.api().await?;
    let checkout = keeper.identity.checkout().await?;
    let own = keeper.find().await?.map(|live| live.id);
    let sessions = SessionFilter {
        venture: Some(place.venture.code.clone()),
        status: Some(SessionStatus::Active),
        limit: 100.try_into().ok(),
        ..SessionFilter::default()
    };
    let mine = SessionFilter { agent: Some(me.agent.clone()), ..sessions.clone() };
    let to_me = HandoffFilter {
        venture: sessions.venture.clone(),
        to_agent: Some(me.agent.clone()),
        limit: 5.try_into().ok(),
        ..HandoffFilter::default()
    };
    let ended = SessionFilter { status: Some(SessionStatus::Ended), limit: 1.try_into().ok(), ..mine.clone() };
    let (health, sessions, mine, ended, handoffs) = tokio::try_join!(
        api.health(),
        api.list_sessions(&sessions),
        Box::pin(api.list_sessions(&mine)),
        Box::pin(api.list_sessions(&ended)),
        Box::pin(api.list_handoffs(&to_me))
    )?;
    let last_day_began = ended.items.first().map(|session| session.created_at);
    let mut news: Vec<String> =
        keeper.healing.news().into_iter().chain(outbox::lines(&keeper.waiting().await)).collect();
    let mut others = Others::among(sessions, &mine, me);
    let gone = keeper.without_ended(&mut others.sessions).await;
    others.total.count = others.total.count.saturating_sub(gone.len());
    news.extend(gone_line(&gone));
    let session = mine.items.into_iter().find(|session| Some(&session.id) == own.as_ref());
    let facts = facts(&Here { me, place, api, checkout, health, session, last_day_began, handoffs, news }, &others);
    Ok(answer(&facts, &facts.report))
}

/// Everyone else who is active: another session of the same agent is nobody else.
struct Others {
    sessions: Vec<ActiveSession>,
    total: Total,
}

impl Others {
    fn among(all: Page<Session>, mine: &Page<Session>, me: &Me) -> Self {
        let sessions: Vec<ActiveSession> =
            all.items.into_iter().filter(|session| session.agent != me.agent).map(active).collect();
        let count = usize::try_from(all.total.saturating_sub(mine.total)).unwrap_or(usize::MAX);
        let total = Total { count: count.max(sessions.len()), at_least: all.total_is_minimum };
        Self { sessions, total }
    }
}

fn facts(here: &Here, others: &Others) -> Facts {
    let fence = fence();
    let (report, others_shown) = report(here, others, &fence);
    Facts {
        report,
        agent: here.me.agent.to_string(),
        host: here.me.host.to_string(),
        client: here.me.client.to_string(),
        venture: here.place.venture.code.to_string(),
        repo: here.place.repo.to_string(),
        engine: clip(&fence.line(&here.health.engine), 40),
        session_id: here.session.as_ref().map(|session| session.id.clone()),
        others_shown,
        others_total: others.total.count,
        others_total_is_minimum: others.total.at_least,
    }
}

fn report(here: &Here, others: &Others, fence: &Fence) -> (String, usize) {
    let (me, now, session) = (here.me, here.health.time, here.session.as_ref());
    let own = Whereabouts {
        repo: &here.place.repo,
        branch: here.checkout.branch.as_ref(),
        track: session.and_then(|session| session.track),
        issue: session.and_then(|session| session.issue_number),
    };
    let mut lines = vec![
        format!("agent    {} ({} on {})", me.agent, me.client, clip(me.host.as_str(), 80)),
        format!("venture  {}", here.place.venture.code),
        format!("work     {}{}", own.line(fence), commit(&here.checkout)),
        session_line(session, now),
        engine_line(here, fence),
    ];
    lines.extend(here.news.iter().cloned());
    lines.push(String::new());
    let handoffs = handoffs_to_you(here, now, fence);
    let nobody = others.total.count == 0;
    if nobody {
        lines.push("Other active agents: none".to_owned());
    }
    if !nobody || handoffs.is_some() {
        lines.extend([WARNING.to_owned(), String::new()]);
    }
    if let Some(part) = handoffs {
        lines.extend(part.fit(fence, LIMIT / 4).lines);
        lines.push(String::new());
    }
    if nobody {
        return (lines.join("\n").trim_end().to_owned(), 0);
    }
    let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
    let more = "The API lists them all: GET /v1/sessions.";
    let shown =
        active_part(&others.sessions, others.total, &own, now, fence, more).fit(fence, LIMIT.saturating_sub(spent));
    lines.extend(shown.lines);
    (lines.join("\n"), shown.counts.first().copied().unwrap_or(0))
}

/// What was handed to this agent and is not settled: a day shows it until the agent has ended one that began with it.
fn handoffs_to_you(here: &Here, now: Timestamp, fence: &Fence) -> Option<Part> {
    let Page { items, total, .. } = &here.handoffs;
    let is_new = |handoff: &&Handoff| here.last_day_began.is_none_or(|began| handoff.created_at >= began);
    let new: Vec<Handoff> = items.iter().filter(is_new).cloned().collect();
    let at_least = new.len() == items.len() && usize::try_from(*total).is_ok_and(|total| total > items.len());
    let count = Total { count: new.len(), at_least };
    (!new.is_empty()).then(|| handoff::to_you(&new, count, None, now, fence))
}

fn commit(checkout: &Checkout) -> String {
    if checkout.kind == CheckoutKind::NotARepository {
        return " (not a git repository)".to_owned();
    }
    checkout.commit_sha.as_ref().map_or(String::new(), |sha| format!(", commit {}", clip(sha.as_str(), 13)))
}

fn session_line(session: Option<&Session>, now: Timestamp) -> String {
    session.map_or("session  none; call `sod` to start your day".to_owned(), |session| {
        let (started, seen) = (ago(session.created_at, now), ago(session.last_heartbeat_at, now));
        format!("session  {} (started {started}, last heartbeat {seen})", session.id)
    })
}

fn engine_line(here: &Here, fence: &Fence) -> String {
    let engine = clip(&fence.line(&here.health.engine), 40);
    let endpoint = clip(&fence.line(&here.api.endpoint().to_string()), 200);
    let local = now();
    let skew = local.seconds_since(here.health.time).max(here.health.time.seconds_since(local));
    let clock = if skew > 60 { format!("; its clock and this one are {skew} s apart") } else { String::new() };
    let engine = if endpoint.contains(&engine) { String::new() } else { format!(" ({engine})") };
    format!("engine   {endpoint}{engine}{clock}")
}

fn active(session: Session) -> ActiveSession {
    ActiveSession {
        id: session.id,
        agent: session.agent,
        client: session.client,
        host: session.host,
        repo: session.repo,
        track: session.track,
        issue_number: session.issue_number,
        branch: session.branch,
        created_at: session.created_at,
        last_heartbeat_at: session.last_heartbeat_at,
    }
}
