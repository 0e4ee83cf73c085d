//! `context`: the agent, its place and session, and the other active agents.

use deckwatch_client::api::{Api, ClientError};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    ActiveSession, Handoff, HandoffFilter, Health, Page, Session, SessionFilter, SessionId, SessionStatus, Timestamp,
    Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now};
use crate::identity::Me;
use crate::render::budget::clip;
use crate::render::claims::Claims;
use crate::render::clean::clean_line;
use crate::render::context::{AgentsCursor, gone_line};
use crate::render::context_report::{ContextReport, ContextText, SessionKnown};
use crate::render::fence::Fence;
use crate::render::outbox;
use crate::render::part::Total;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report. The other fields need less than 1,000 characters.
const LIMIT: usize = 10_000;
/// How many pages of 100 sessions are read. A venture has far fewer agents.
const MAX_PAGES: usize = 20;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    #[schemars(example = &"start")]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The whole report, as text.
    pub(super) report: String,
    agent: String,
    #[schemars(skip)]
    host: String,
    #[schemars(skip)]
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    venture: Option<String>,
    repo: String,
    /// Absent when the API does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    engine: Option<String>,
    /// Your active session; absent before `sod` and after the end of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    #[schemars(skip)]
    others_shown: usize,
    others_total: usize,
    #[schemars(skip)]
    others_total_is_minimum: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn call(keeper: &Keeper, Arguments { cursor }: Arguments) -> Result<Facts, Trouble> {
    let wrong = "must be next_cursor of an earlier answer; leave it out for the first page";
    let parsed =
        |text: String| AgentsCursor::parse(&text).ok_or_else(|| Trouble::Arguments(Violations::at("/cursor", wrong)));
    let cursor = cursor.map(parsed).transpose()?;
    let facts = match from_api(keeper, cursor.clone()).await {
        Err(Trouble::Api(error)) if error.is_outage() => without_api(keeper, cursor, error).await?,
        asked => asked?,
    };
    Ok(facts)
}

/// The report from the API.
async fn from_api(keeper: &Keeper, cursor: Option<AgentsCursor>) -> Result<Facts, Trouble> {
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
    let claims = async { Ok(Claims::of(api, &place.venture.code).await) };
    let mail = async { Ok(keeper.mail_line().await) };
    let (health, sessions, mine, ended, handoffs, claims, mail) = tokio::try_join!(
        api.health(),
        all_sessions(api, &sessions),
        Box::pin(api.list_sessions(&mine)),
        Box::pin(api.list_sessions(&ended)),
        Box::pin(api.list_handoffs(&to_me)),
        Box::pin(claims),
        Box::pin(mail)
    )?;
    let (to_you, to_you_total) = open_handoffs(handoffs, ended.items.first().map(|session| session.created_at));
    let unsent = keeper.unsent().await?;
    let mut notices: Vec<String> = Vec::new();
    // Later pages do not show notices, and a report of healed documents is given only once.
    if cursor.is_none() {
        notices.extend(mail);
        notices.extend(keeper.healing.take_report());
        notices.extend(outbox::lines_with(&keeper.waiting().await, &unsent));
    }
    notices.extend(
        sessions
            .next_cursor
            .is_some()
            .then(|| format!("Only the newest {} sessions are listed.", sessions.items.len())),
    );
    let mut others = Others::among(sessions, &mine, me);
    let gone = keeper.without_ended(&mut others.sessions).await;
    others.total.count = others.total.count.saturating_sub(gone.len());
    notices.extend(gone_line(&gone));
    let session = mine.items.into_iter().find(|session| Some(&session.id) == own.as_ref());
    let fence = fence();
    let here = ContextReport {
        me,
        venture: Some(place.venture.code.to_string()),
        repo: place.repo.clone(),
        checkout,
        track: session.as_ref().and_then(|session| session.track),
        issue: session.as_ref().and_then(|session| session.issue_number),
        session: known(session, own),
        engine: engine(&health, api, &fence),
        stale: None,
        notices,
        unsent: unsent.handoffs,
        to_you,
        to_you_total,
        others: Some((others.sessions, others.total)),
        claims,
        cursor,
    };
    let engine = Some(clip(&fence.line(&health.engine), 40));
    Ok(Facts { engine, ..facts(&here, health.time, &fence) })
}

/// The sessions on all pages of the API, because those on the same issue or branch come first. Reads at most
/// [`MAX_PAGES`] pages.
async fn all_sessions(api: &Api, filter: &SessionFilter) -> Result<Page<Session>, ClientError> {
    let mut all = api.list_sessions(filter).await?;
    for _ in 1..MAX_PAGES {
        let Some(cursor) = all.next_cursor.take() else { break };
        let page = api.list_sessions(&SessionFilter { cursor: Some(cursor), ..filter.clone() }).await?;
        all.next_cursor = page.next_cursor;
        all.items.extend(page.items);
    }
    Ok(all)
}

/// The report from this machine's data, while the API does not answer.
async fn without_api(keeper: &Keeper, cursor: Option<AgentsCursor>, error: ClientError) -> Result<Facts, Trouble> {
    let (last, unsent) = (keeper.identity.last_snapshot().await?, keeper.unsent().await?);
    if last.is_none() && unsent.handoffs.is_empty() && unsent.not_read.is_none() {
        return Err(error.into());
    }
    let (me, place) = (keeper.identity.me().await?, keeper.identity.place_without_api().await?);
    let (checkout, held) = (keeper.identity.checkout().await?, keeper.held().map(|live| live.id));
    let stale = match &last {
        Some(last) => {
            let (age, at) = (ago(last.taken_at, now()), last.taken_at);
            format!("STALE: the other agents and handoffs below are from the API's last answer, {age} ({at}).")
        }
        None => "The API did not answer, and this machine has no earlier answer for this repository.".to_owned(),
    };
    let day = last.map(|last| last.day);
    let to_you = day.as_ref().map(|day| day.handoffs_to_you.clone()).unwrap_or_default();
    let here = ContextReport {
        me,
        venture: place.as_ref().map(|place| place.venture.code.to_string()),
        repo: place.as_ref().map_or(checkout.repo.clone(), |place| place.repo.clone()),
        checkout,
        track: day.as_ref().and_then(|day| day.session.track),
        issue: day.as_ref().and_then(|day| day.session.issue_number),
        session: held.map_or(SessionKnown::Unknown, SessionKnown::Held),
        engine: clip(&clean_line(&error.to_string()), 300),
        stale: Some(stale),
        notices: outbox::lines_with(&keeper.waiting().await, &unsent),
        unsent: unsent.handoffs,
        to_you_total: Total::of(&to_you),
        to_you: to_you.items,
        claims: day.as_ref().map_or_else(
            || Claims::Unknown("the API did not answer".to_owned()),
            |day| Claims::Known { items: day.claims.items.clone(), total: Total::of(&day.claims) },
        ),
        others: day
            .map(|day| (Total::of(&day.active_sessions), day.active_sessions.items))
            .map(|(total, items)| (items, total)),
        cursor,
    };
    Ok(facts(&here, now(), &fence()))
}

fn known(session: Option<Session>, held: Option<SessionId>) -> SessionKnown {
    match (session, held) {
        (Some(Session { id, created_at: started_at, last_heartbeat_at, .. }), _) => {
            SessionKnown::Active { id, started_at, last_heartbeat_at }
        }
        (None, Some(id)) => SessionKnown::Held(id),
        (None, None) => SessionKnown::None,
    }
}

/// The other active agents. Other sessions of this agent do not count.
struct Others {
    sessions: Vec<ActiveSession>,
    total: Total,
}

impl Others {
    fn among(all: Page<Session>, mine: &Page<Session>, me: &Me) -> Self {
        let others = all.items.into_iter().filter(|session| session.agent != me.agent);
        let sessions: Vec<ActiveSession> = others.map(active).collect();
        if all.next_cursor.is_none() {
            return Self { total: Total::exactly(sessions.len()), sessions };
        }
        let count = usize::try_from(all.total.saturating_sub(mine.total)).unwrap_or(usize::MAX);
        let total = Total { count: count.max(sessions.len()), at_least: all.total_is_minimum };
        Self { sessions, total }
    }
}

fn facts(here: &ContextReport, now: Timestamp, fence: &Fence) -> Facts {
    let ContextText { text: report, others_shown, next } = here.report(now, fence, LIMIT);
    let total = here.others.as_ref().map_or(Total { count: 0, at_least: true }, |(_, total)| *total);
    Facts {
        report,
        agent: here.me.agent.to_string(),
        host: here.me.host.to_string(),
        client: here.me.client.to_string(),
        venture: here.venture.clone(),
        repo: here.repo.to_string(),
        engine: None,
        session_id: match &here.session {
            SessionKnown::Active { id, .. } | SessionKnown::Held(id) => Some(id.clone()),
            SessionKnown::None | SessionKnown::Unknown => None,
        },
        others_shown,
        others_total: total.count,
        others_total_is_minimum: total.at_least || here.stale.is_some(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }
}

/// The handoffs to this agent that are still open. A handoff is open until the agent has ended a session that started
/// after the handoff.
fn open_handoffs(handoffs: Page<Handoff>, last_day_began: Option<Timestamp>) -> (Vec<Handoff>, Total) {
    let Page { items, total, .. } = handoffs;
    let shown = items.len();
    let is_new = |handoff: &Handoff| last_day_began.is_none_or(|began| handoff.created_at >= began);
    let new: Vec<Handoff> = items.into_iter().filter(is_new).collect();
    let at_least = new.len() == shown && usize::try_from(total).is_ok_and(|total| total > shown);
    let count = Total { count: new.len(), at_least };
    (new, count)
}

fn engine(health: &Health, api: &Api, fence: &Fence) -> String {
    let engine = clip(&fence.line(&health.engine), 40);
    let endpoint = clip(&fence.line(&api.endpoint().to_string()), 200);
    let local = now();
    let skew = local.seconds_since(health.time).max(health.time.seconds_since(local));
    let clock =
        if skew > 60 { format!("; its clock and this machine's clock differ by {skew} s") } else { String::new() };
    let engine = if endpoint.contains(&engine) { String::new() } else { format!(" ({engine})") };
    format!("{endpoint}{engine}{clock}")
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
        presence: session.presence,
        groups: session.groups,
        take_over_reason: session.take_over_reason,
    }
}
