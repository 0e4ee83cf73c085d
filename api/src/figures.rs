//! Counts the sessions and handoffs of a window for `session_analytics`.
//!
//! The statements select at most [`MAX_ROWS`] sessions and handoffs. If there are more, only the part of the window after
//! the newest record that is over the limit is counted, and the answer says when that part begins.

use std::collections::{BTreeMap, HashMap, HashSet};

use deckwatch_protocol::{
    Analytics, EscalationReason, Escalations, Excerpt, Figures, FiguresOf, Timestamp, VentureCode, cut,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::database::{Row, text};
use crate::error::ApiError;
use crate::store::analytics::MAX_ROWS;

/// The maximum number of ventures, agents or days in the answer.
const MAX_GROUPS: usize = 100;

/// The window of a request.
pub(crate) struct Window {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) stale_before: Timestamp,
    pub(crate) venture: Option<VentureCode>,
}

#[derive(Deserialize)]
struct Session {
    venture: String,
    agent: String,
    status: String,
    created_at: Timestamp,
    last_heartbeat_at: Timestamp,
    ended_at: Option<Timestamp>,
    has_handoff: bool,
}

#[derive(Deserialize)]
struct Handoff {
    session_id: String,
    venture: String,
    repo: String,
    track: Option<i64>,
    agent: String,
    status: String,
    created_at: Timestamp,
    /// The beginning of `extra.escalation`, if the status is `blocked`.
    escalation: Option<String>,
}

impl Handoff {
    fn is_blocked(&self) -> bool {
        self.status == "blocked"
    }

    /// Why the agent escalated. Handoffs of earlier versions can have any value in this field; they are no escalations.
    fn escalation(&self) -> Option<EscalationReason> {
        self.escalation.as_deref().and_then(EscalationReason::of)
    }
}

/// A record with its id and the time in its id, which gives the order of all sessions and handoffs.
struct Recorded<T> {
    id: String,
    time: String,
    record: T,
}

/// The records that a statement selected, newest first, and the newest one that is over the limit.
struct Selected<T> {
    records: Vec<Recorded<T>>,
    over: Option<Recorded<T>>,
}

impl<T: DeserializeOwned> Selected<T> {
    fn of(rows: &[Row]) -> Result<Self, ApiError> {
        let mut records = rows.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(MAX_ROWS).unwrap_or(usize::MAX);
        let over = if records.len() > limit { records.drain(limit..).next() } else { None };
        Ok(Self { records, over })
    }
}

fn recorded<T: DeserializeOwned>(row: &Row) -> Result<Recorded<T>, ApiError> {
    let unreadable = |cause: String| ApiError::internal(format!("a record of the analytics can't be read: {cause}"));
    let (id, item) = text(row, "key").zip(text(row, "item")).ok_or_else(|| unreadable("it has no key".to_owned()))?;
    let time = id.split_once('_').and_then(|(_, ulid)| ulid.get(..10)).unwrap_or_default().to_owned();
    let record = serde_json::from_str(item).map_err(|error| unreadable(error.to_string()))?;
    Ok(Recorded { id: id.to_owned(), time, record })
}

/// The response, from the rows of the sessions, of the handoffs, and, if the first two are those of one agent, of the
/// handoffs of all agents.
pub(crate) fn body(window: &Window, rows: &[Vec<Row>]) -> Result<String, ApiError> {
    let rows_of = |n: usize| rows.get(n).map(Vec::as_slice).unwrap_or_default();
    let sessions = Selected::<Session>::of(rows_of(0))?;
    let handoffs = Selected::<Handoff>::of(rows_of(1))?;
    let of_all = rows.get(2).map(|rows| Selected::<Handoff>::of(rows)).transpose()?;
    let cut_of = |time: &str, created_at: Timestamp| (time.to_owned(), created_at);
    let cuts = [
        sessions.over.as_ref().map(|over| cut_of(&over.time, over.record.created_at)),
        handoffs.over.as_ref().map(|over| cut_of(&over.time, over.record.created_at)),
    ];
    let cut = cuts.into_iter().flatten().max();
    let is_counted = |time: &str, venture: &str, created_at: Timestamp| {
        cut.as_ref().is_none_or(|(cut, _)| time > cut.as_str())
            && window.venture.as_ref().is_none_or(|of| of.as_str() == venture)
            && created_at >= window.since
            && created_at < window.until
    };
    let resolutions = resolutions(of_all.as_ref().unwrap_or(&handoffs), window);
    let of_sessions: HashSet<&str> =
        handoffs.records.iter().map(|handoff| handoff.record.session_id.as_str()).collect();
    let mut groups = Groups::default();
    for Recorded { id, time, record } in &sessions.records {
        if is_counted(time, &record.venture, record.created_at) {
            let has_handoff = record.has_handoff || of_sessions.contains(id.as_str());
            groups.add(&record.venture, &record.agent, record.created_at, |sums| {
                sums.add_session(record, has_handoff, window.stale_before);
            });
        }
    }
    for Recorded { id, time, record } in &handoffs.records {
        if is_counted(time, &record.venture, record.created_at) {
            let resolution = resolutions.get(id.as_str()).copied();
            groups.add(&record.venture, &record.agent, record.created_at, |sums| sums.add_handoff(record, resolution));
        }
    }
    let analytics = Analytics {
        since: cut.as_ref().map_or(window.since, |(_, at)| Timestamp::from_millis(at.as_millis() + 1)),
        until: window.until,
        shortened: cut.is_some(),
        totals: groups.all.figures(),
        by_venture: busiest(groups.by_venture),
        by_agent: busiest(groups.by_agent),
        by_day: excerpt(groups.by_day.into_iter().rev()),
    };
    serde_json::to_string(&analytics).map_err(|error| ApiError::internal(error.to_string()))
}

/// The seconds from each blocked handoff to the next one of the same venture, repository and track that is not blocked.
fn resolutions<'a>(handoffs: &'a Selected<Handoff>, window: &Window) -> HashMap<&'a str, f64> {
    let mut next: HashMap<(&str, &str, Option<i64>), Timestamp> = HashMap::new();
    let mut resolutions = HashMap::new();
    // From the newest to the oldest.
    for Recorded { id, record, .. } in &handoffs.records {
        let place = (record.venture.as_str(), record.repo.as_str(), record.track);
        if !record.is_blocked() {
            if record.created_at < window.until {
                next.insert(place, record.created_at);
            }
        } else if let Some(resolved) = next.get(&place) {
            resolutions.insert(id.as_str(), seconds_between(record.created_at, *resolved));
        }
    }
    resolutions
}

/// The seconds between two times; 0 if the clock went back between them.
fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    let milliseconds = to.as_millis().saturating_sub(from.as_millis()).max(0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double represents every duration of the last 285,000 years exactly"
    )]
    let milliseconds = milliseconds as f64;
    milliseconds / 1000.0
}

#[derive(Default)]
struct Groups {
    all: Sums,
    by_venture: BTreeMap<String, Sums>,
    by_agent: BTreeMap<String, Sums>,
    by_day: BTreeMap<String, Sums>,
}

impl Groups {
    fn add(&mut self, venture: &str, agent: &str, at: Timestamp, mut add: impl FnMut(&mut Sums)) {
        let day = cut::to_chars(&at.to_string(), 10).to_owned();
        add(&mut self.all);
        add(self.by_venture.entry(venture.to_owned()).or_default());
        add(self.by_agent.entry(agent.to_owned()).or_default());
        add(self.by_day.entry(day).or_default());
    }
}

/// A sum and the number of its values.
#[derive(Default)]
struct Average(f64, u32);

impl Average {
    fn add(&mut self, value: f64) {
        self.0 += value;
        self.1 += 1;
    }

    /// The average with three decimal places.
    fn rounded(&self) -> Option<f64> {
        (self.1 > 0).then(|| rounded(self.0 / f64::from(self.1)))
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[derive(Default)]
struct Sums {
    sessions: u32,
    active: u32,
    ended: u32,
    duration: Average,
    without_handoff: Average,
    handoffs: u32,
    blocked: Average,
    escalations: Escalations,
    resolution: Average,
}

impl Sums {
    fn add_session(&mut self, session: &Session, has_handoff: bool, stale_before: Timestamp) {
        self.sessions += 1;
        let is_ended = session.status == "ended";
        self.ended += u32::from(is_ended);
        if session.status == "active" && session.last_heartbeat_at >= stale_before {
            self.active += 1;
            return;
        }
        let end = session.ended_at.filter(|_| is_ended).unwrap_or(session.last_heartbeat_at);
        self.duration.add(seconds_between(session.created_at, end));
        self.without_handoff.add(f64::from(u8::from(!has_handoff)));
    }

    fn add_handoff(&mut self, handoff: &Handoff, resolution: Option<f64>) {
        self.handoffs += 1;
        self.blocked.add(f64::from(u8::from(handoff.is_blocked())));
        if let Some(reason) = handoff.escalation() {
            self.escalations.add(reason);
        }
        if let Some(seconds) = resolution {
            self.resolution.add(seconds);
        }
    }

    fn figures(&self) -> Figures {
        let per_session = f64::from(self.handoffs) / f64::from(self.sessions);
        Figures {
            sessions: self.sessions,
            active: self.active,
            ended: self.ended,
            abandoned: self.sessions - self.active - self.ended,
            average_duration_seconds: self.duration.rounded(),
            share_without_handoff: self.without_handoff.rounded(),
            handoffs: self.handoffs,
            handoffs_per_session: (self.sessions > 0).then(|| rounded(per_session)),
            blocked_ratio: self.blocked.rounded(),
            escalations: self.escalations,
            average_resolution_seconds: self.resolution.rounded(),
        }
    }
}

/// The groups with the most sessions, then with the most handoffs.
fn busiest(groups: BTreeMap<String, Sums>) -> Excerpt<FiguresOf> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.sessions, sums.handoffs)));
    excerpt(groups.into_iter())
}

fn excerpt(groups: impl Iterator<Item = (String, Sums)>) -> Excerpt<FiguresOf> {
    let groups: Vec<_> = groups.map(|(key, sums)| FiguresOf { key, figures: sums.figures() }).collect();
    let total = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    let items: Vec<_> = groups.into_iter().take(MAX_GROUPS).collect();
    Excerpt { total, total_is_minimum: false, shown: u32::try_from(items.len()).unwrap_or(u32::MAX), items }
}
