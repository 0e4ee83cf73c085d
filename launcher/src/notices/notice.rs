//! A notice: what a person is told about one event.

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{ActivityState, Event, EventKind, HandoffId, Session, Timestamp, VentureCode, cut};
use serde::Serialize;

/// The maximum number of characters of the text.
const MAX_TEXT: usize = 240;

/// What a person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    /// The number of the event. The last one, if the notice is about several events.
    pub(super) seq: u64,
    pub(super) kind: EventKind,
    pub(super) venture: Option<VentureCode>,
    pub(super) agent: Option<String>,
    /// Made of names and of words of Deckwatch.
    pub(super) title: String,
    /// At most one line of what the agent has written, without control characters.
    pub(super) text: String,
    pub(super) at: Timestamp,
}

impl Notice {
    /// The notice about an event. `None` if the agent no longer waits or is no longer blocked.
    pub(super) async fn about(event: &Event, api: &Api) -> Result<Option<Self>, ClientError> {
        let said = match event.kind {
            EventKind::AgentWaiting => match session(event, api).await? {
                Some(session) if !is_in(&session, ActivityState::Waiting) => return Ok(None),
                session => session.and_then(|session| said(&session)),
            },
            EventKind::AgentBlocked if event.subject.starts_with("ho_") => summary(event, api).await?,
            EventKind::AgentBlocked => match session(event, api).await? {
                Some(session) if !is_in(&session, ActivityState::Blocked) => return Ok(None),
                session => session.and_then(|session| said(&session)),
            },
            EventKind::WorkDone => summary(event, api).await?,
            _ => None,
        };
        Ok(Some(Self::of(event, said.as_deref())))
    }

    fn of(event: &Event, said: Option<&str>) -> Self {
        let agent = event.agent.as_ref().map(ToString::to_string);
        let who = agent.as_deref().unwrap_or("Deckwatch");
        let title = match event.kind {
            EventKind::AgentWaiting => format!("{who} waits for you"),
            EventKind::AgentBlocked => format!("{who} is blocked"),
            EventKind::WorkDone => format!("{who} has finished its work"),
            EventKind::PullRequestOpened => "A pull request was opened".to_owned(),
            kind => format!("{who}: {}", kind.as_str().replace('_', " ")),
        };
        let venture = event.venture.as_ref().map(ToString::to_string);
        let issue =
            event.data.get("issue_number").and_then(serde_json::Value::as_u64).map(|number| format!("#{number}"));
        let subject = (event.kind == EventKind::PullRequestOpened).then(|| event.subject.clone());
        let place = [venture, issue, subject].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let text = said.map_or_else(|| place.clone(), |said| format!("{place}: {said}"));
        Self {
            seq: event.seq,
            kind: event.kind,
            venture: event.venture.clone(),
            agent: agent.clone(),
            title: clean_line(&title),
            text: cut::with_ellipsis(&clean_line(&text), MAX_TEXT).into_owned(),
            at: event.at,
        }
    }

    /// One notice in the place of several, because no more may be sent in this minute.
    pub(super) fn of_several(notices: &[Self]) -> Option<Self> {
        let last = notices.last()?;
        if notices.len() == 1 {
            return Some(last.clone());
        }
        let titles: Vec<&str> = notices.iter().map(|notice| notice.title.as_str()).collect();
        Some(Self {
            title: format!("Deckwatch: {} changes", notices.len()),
            text: cut::with_ellipsis(&titles.join("; "), MAX_TEXT).into_owned(),
            agent: None,
            ..last.clone()
        })
    }

    /// A notice that shows whether notices arrive.
    pub(super) fn test(now: Timestamp) -> Self {
        Self {
            seq: 0,
            kind: EventKind::AgentWaiting,
            venture: None,
            agent: None,
            title: "Deckwatch: this is a test".to_owned(),
            text: "Notices arrive here.".to_owned(),
            at: now,
        }
    }
}

async fn session(event: &Event, api: &Api) -> Result<Option<Session>, ClientError> {
    match &event.session_id {
        Some(id) => api.get_session(id).await.map(Some).or_else(unless_passing),
        None => Ok(None),
    }
}

async fn summary(event: &Event, api: &Api) -> Result<Option<String>, ClientError> {
    match event.subject.parse::<HandoffId>() {
        Ok(id) => api.get_handoff(&id).await.map(|handoff| Some(handoff.summary.to_string())).or_else(unless_passing),
        Err(_) => Ok(None),
    }
}

/// A record that this key may not read, or that is gone, makes a notice without its text.
fn unless_passing<T>(error: ClientError) -> Result<Option<T>, ClientError> {
    if error.is_passing() { Err(error) } else { Ok(None) }
}

fn is_in(session: &Session, state: ActivityState) -> bool {
    session.presence.as_ref().is_some_and(|said| said.state == state)
}

fn said(session: &Session) -> Option<String> {
    let said = session.presence.as_ref()?;
    said.detail.as_ref().or(said.summary.as_ref()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, subject: &str) -> Event {
        serde_json::from_value(json!({
            "seq": 7, "venture": "alpha", "kind": kind, "subject": subject, "agent": "mac1-claude-1", "session_id": null,
            "at": "2026-11-21T08:00:00.000Z", "data": { "issue_number": 87 },
        }))
        .unwrap()
    }

    #[test]
    fn a_notice_has_at_most_one_cleaned_line_of_others() {
        let said = format!("may I?\n\u{1b}[31mred{}", "x".repeat(500));
        let notice = Notice::of(&event("agent_waiting", "sess_1"), Some(&said));
        assert_eq!(notice.title, "mac1-claude-1 waits for you");
        assert!(notice.text.starts_with("alpha #87: may I? red"), "{}", notice.text);
        assert!(notice.text.chars().count() == MAX_TEXT && !notice.text.contains(char::is_control), "{}", notice.text);
        let opened = Notice::of(&event("pull_request_opened", "example-org/alpha#12"), None);
        assert_eq!(opened.title, "A pull request was opened");
        assert_eq!(opened.text, "alpha #87 example-org/alpha#12");
    }

    #[test]
    fn several_notices_become_one() {
        let of = |kind| Notice::of(&event(kind, "x"), None);
        assert_eq!(Notice::of_several(&[]), None);
        assert_eq!(Notice::of_several(&[of("work_done")]), Some(of("work_done")));
        let all = Notice::of_several(&[of("work_done"), of("agent_waiting")]).unwrap();
        assert_eq!(all.title, "Deckwatch: 2 changes");
        assert_eq!(all.text, "mac1-claude-1 has finished its work; mac1-claude-1 waits for you");
    }
}
