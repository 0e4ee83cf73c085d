//! `launcher log`: the sessions and handoffs of a venture in one list, the newest first.

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError, ContextClient};
use deckwatch_machine::clock::ago;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{
    ActiveSession, Agent, Handoff, HandoffFilter, IssueNumber, Limit, Page, RepoName, Session, SessionFilter,
    Timestamp, Track,
};
use serde::Serialize;
use serde_json::json;

use super::offline::Offline;
use super::since::Since;
use super::source::{Answer, Source, Subject};
use super::text::Text;
use super::{Log, unsent};
use crate::error::LaunchError;
use crate::pager;
use crate::process_env::ProcessEnv;
use crate::venture_cache;
use crate::{json_output, table};

const HEADS: [&str; 5] = ["WHEN", "AGENT", "RECORD", "ABOUT", "HANDOFF"];
/// The column that gets the remaining width.
const ABOUT: usize = 3;
/// The largest number of records that one request asks for.
const PAGE: usize = 100;

/// A line of the log. In JSON, it is the API's record with an additional field for its kind.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Record {
    Session(Box<Session>),
    /// An active session as `sod` reports it.
    #[serde(rename = "session")]
    Active(Box<ActiveSession>),
    Handoff(Box<Handoff>),
}

/// The records to show, and whether there are more.
#[derive(Debug, Default)]
struct Records {
    records: Vec<Record>,
    more: bool,
}

/// Prints the log.
pub(crate) fn show(log: &Log, env: &ProcessEnv) -> Result<(), LaunchError> {
    let named = log.selection.venture.as_ref();
    let source = Source::open(log.selection.local, named, env)?;
    let subject = source.subject(named, log.all)?;
    let Some(client) = &source.client else {
        source.must_exist(named)?;
        return print(log, &source, &subject, &Records::default(), None);
    };
    match source.ask(&subject, client, records(client.api(), log, &subject))? {
        Answer::Current(records) => {
            if records.records.is_empty() {
                source.must_exist(named)?;
                must_have_records(log, &source, client, &subject)?;
            }
            venture_cache::remember_agents(records.records.iter().map(Record::agent), &source.endpoint, env);
            print(log, &source, &subject, &records, None)
        }
        Answer::Offline(offline) => {
            print(log, &source, &subject, &kept(&offline, log), Some(&offline))?;
            Err(offline.error())
        }
    }
}

/// Reads both lists up to the limit and merges them.
async fn records(api: &Api, log: &Log, subject: &Subject) -> Result<Records, ClientError> {
    let limit = usize::from(log.limit);
    let venture = subject.venture.clone();
    let repo = subject.repo.clone().filter(|_| venture.is_none());
    let mut sessions = SessionFilter {
        venture: venture.clone(),
        repo: repo.clone(),
        agent: log.agent.clone(),
        active_since: log.since.map(|Since(time)| time),
        ..SessionFilter::default()
    };
    let mut handoffs = HandoffFilter { venture, repo, from_agent: log.agent.clone(), ..HandoffFilter::default() };
    let sessions = pages(limit, async |limit, cursor| {
        (sessions.limit, sessions.cursor) = (limit, cursor);
        api.list_sessions(&sessions).await
    });
    let handoffs = pages(limit, async |limit, cursor| {
        (handoffs.limit, handoffs.cursor) = (limit, cursor);
        api.list_handoffs(&handoffs).await
    });
    let (sessions, handoffs) = tokio::join!(sessions, handoffs);
    let ((sessions, more_sessions), (handoffs, more_handoffs)) = (sessions?, handoffs?);
    let sessions = sessions.into_iter().map(|session| Record::Session(Box::new(session)));
    let handoffs = handoffs.into_iter().map(|handoff| Record::Handoff(Box::new(handoff)));
    let of_both = sessions.chain(handoffs).collect();
    let merged = Records::merged(of_both, log);
    Ok(Records { more: merged.more || more_sessions || more_handoffs, ..merged })
}

/// Reads pages of a list until there are enough items. Also returns whether there are more.
pub(crate) async fn pages<T>(
    enough: usize,
    mut list: impl AsyncFnMut(Option<Limit>, Option<deckwatch_protocol::Cursor>) -> Result<Page<T>, ClientError>,
) -> Result<(Vec<T>, bool), ClientError> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let limit = (enough - items.len()).min(PAGE);
        let page = list(u64::try_from(limit).ok().and_then(|limit| limit.try_into().ok()), cursor).await?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if items.len() >= enough || cursor.is_none() {
            return Ok((items, cursor.is_some()));
        }
    }
}

/// The records that this machine keeps.
fn kept(offline: &Offline, log: &Log) -> Records {
    let mut records: Vec<Record> = Vec::new();
    for day in offline.days() {
        records.push(Record::Session(Box::new(day.day.session.clone())));
        records.extend(day.day.active_sessions.items.iter().map(|session| Record::Active(Box::new(session.clone()))));
    }
    records.extend(offline.handoffs().into_iter().map(|handoff| Record::Handoff(Box::new(handoff.clone()))));
    let wanted = |record: &Record| log.agent.as_ref().is_none_or(|agent| record.agent() == agent);
    records.retain(wanted);
    Records::merged(records, log)
}

/// Returns an error if the named agent has no records, because the name may have a typing error.
fn must_have_records(log: &Log, source: &Source, client: &ContextClient, subject: &Subject) -> Result<(), LaunchError> {
    let Some(agent) = &log.agent else { return Ok(()) };
    let filter = SessionFilter {
        venture: subject.venture.clone(),
        limit: u64::try_from(PAGE).ok().and_then(|limit| limit.try_into().ok()),
        ..SessionFilter::default()
    };
    let Answer::Current(sessions) = source.ask(subject, client, client.api().list_sessions(&filter))? else {
        return Ok(());
    };
    let mut known: Vec<Agent> = Vec::new();
    for session in sessions.items {
        if !known.contains(&session.agent) {
            known.push(session.agent);
        }
    }
    if known.contains(agent) { Ok(()) } else { Err(LaunchError::NoSuchAgent { agent: agent.clone(), known }) }
}

fn print(
    log: &Log,
    source: &Source,
    subject: &Subject,
    records: &Records,
    offline: Option<&Offline>,
) -> Result<(), LaunchError> {
    if log.selection.json {
        let offline = offline.map(Offline::json);
        return json_output::print(&json!({ "items": records.records, "more": records.more, "offline": offline }));
    }
    let width = table::terminal_width();
    let mut text = Text::new(width);
    if let Some(offline) = offline {
        offline.introduce(&mut text, "the last start of day of each repository");
        let mut unsent = offline.unsent_handoffs();
        unsent.retain(|handoff| log.agent.as_ref().is_none_or(|agent| handoff.from_agent == *agent));
        unsent::write_handoffs(&mut text, &unsent, width);
    }
    let now = now();
    let rows: Vec<[String; 5]> = records.records.iter().map(|record| record.row(subject, now)).collect();
    if !rows.is_empty() {
        text.drawn(&table::draw(HEADS, &rows, ABOUT, width));
    }
    if offline.is_none() {
        text.line(&summary(log, source, subject, records));
    }
    pager::show(&text.into_string(), source.env)
}

/// One sentence: how many records are shown, of what, and where they are stored.
fn summary(log: &Log, source: &Source, subject: &Subject, records: &Records) -> String {
    let (about, place) = (subject.describe(), source.describe());
    if source.client.is_none() {
        return format!("There are no records yet: {place} does not exist. The first launch creates it.");
    }
    let matching = if log.agent.is_some() || log.since.is_some() { "matching " } else { "" };
    match (records.records.len(), records.more) {
        (0, _) => format!("There are no {matching}records of {about} in {place}."),
        (1, false) => format!("The only {matching}record of {about}, from {place}."),
        (1, true) => format!("The newest {matching}record of {about}, from {place}. There are more: raise --limit."),
        (count, false) => format!("All {count} {matching}records of {about}, from {place}."),
        (count, true) => {
            format!("The newest {count} {matching}records of {about}, from {place}. There are more: raise --limit.")
        }
    }
}

impl Records {
    /// The newest records up to the limit.
    fn merged(mut records: Vec<Record>, log: &Log) -> Self {
        if let Some(Since(since)) = log.since {
            records.retain(|record| record.last_at() >= since);
        }
        records.sort_by_key(|record| std::cmp::Reverse(record.at()));
        let limit = usize::from(log.limit);
        let more = records.len() > limit;
        records.truncate(limit);
        Self { records, more }
    }
}

impl Record {
    /// The time of the record, by which the list is sorted.
    fn at(&self) -> Timestamp {
        match self {
            Self::Session(session) => session.created_at,
            Self::Active(session) => session.created_at,
            Self::Handoff(handoff) => handoff.created_at,
        }
    }

    /// The time of the last change or heartbeat.
    fn last_at(&self) -> Timestamp {
        match self {
            Self::Session(session) => session.last_heartbeat_at,
            Self::Active(session) => session.last_heartbeat_at,
            Self::Handoff(handoff) => handoff.created_at,
        }
    }

    fn agent(&self) -> &Agent {
        match self {
            Self::Session(session) => &session.agent,
            Self::Active(session) => &session.agent,
            Self::Handoff(handoff) => &handoff.from_agent,
        }
    }

    fn row(&self, subject: &Subject, now: Timestamp) -> [String; 5] {
        let (record, about, id) = match self {
            Self::Session(session) => {
                let venture = subject.venture.is_none().then(|| session.venture.to_string());
                let branch = session.branch.as_ref().map(ToString::to_string);
                let about = place(venture, &session.repo, session.track, session.issue_number, branch);
                (format!("session {}", session.status.as_str()), about, String::new())
            }
            Self::Active(session) => {
                let branch = session.branch.as_ref().map(ToString::to_string);
                let about = place(None, &session.repo, session.track, session.issue_number, branch);
                ("session active".to_owned(), about, String::new())
            }
            Self::Handoff(handoff) => {
                let to = handoff.to_agent.as_ref().map(|agent| format!("to {agent}: ")).unwrap_or_default();
                let about = format!("{to}{}", handoff.summary);
                (format!("handoff {}", handoff.status.as_str()), about, handoff.id.to_string())
            }
        };
        [ago(self.at(), now), self.agent().to_string(), record, about, id].map(|cell| clean_line(&cell))
    }
}

/// A short description of where a session works.
fn place(
    venture: Option<String>,
    repo: &RepoName,
    track: Option<Track>,
    issue: Option<IssueNumber>,
    branch: Option<String>,
) -> String {
    let track = track.map(|track| format!("track {track}"));
    let issue = issue.map(|issue| format!("issue {issue}"));
    let parts = [venture, Some(repo.to_string()), branch, issue, track];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
