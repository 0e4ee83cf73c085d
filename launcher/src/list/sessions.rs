//! Reads the active sessions and the newest sessions from the API, with at most two requests.

use std::time::Duration;

use deckwatch_client::{Api, ClientError};
use deckwatch_machine::agent::{AgentProcess, SessionProcesses};
use deckwatch_protocol::{EndReason, LeaveSession, Page, Session, SessionFilter, SessionStatus};

/// A person waits for the list.
const TIMEOUT: Duration = Duration::from_secs(2);
const PAGE: u64 = 100;

/// The sessions, or why they are not known.
pub(super) type Answer = Result<Sessions, String>;

/// The active sessions, and the newest sessions of any status.
pub(super) struct Sessions {
    pub(super) active: FirstPage,
    pub(super) newest: FirstPage,
}

/// The first page of a list.
#[derive(Default)]
pub(super) struct FirstPage {
    pub(super) sessions: Vec<Session>,
    /// Whether the list has more sessions than the first page.
    pub(super) cut_short: bool,
}

/// Sends both requests at the same time. Without an API, there are no sessions. Reports to the API the agents whose
/// process on this machine has ended.
pub(super) async fn ask(api: Option<Api>, processes: &SessionProcesses) -> Answer {
    let Some(api) = api else { return Ok(Sessions { active: FirstPage::default(), newest: FirstPage::default() }) };
    let both = async {
        let other = api.clone();
        let newest = tokio::spawn(async move { list(&other, None).await });
        let active = list(&api, Some(SessionStatus::Active)).await.map_err(|error| error.to_string())?;
        let newest = newest.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let mut known = Sessions { active, newest };
        mark_ended(&mut known.newest.sessions, processes);
        for session in mark_ended(&mut known.active.sessions, processes) {
            let leave = LeaveSession { last_heartbeat_at: session.last_heartbeat_at };
            // An error is ignored: the list is correct anyway, and the next list tries again.
            let _ = api.leave_session(&session.id, &leave).await;
        }
        Ok(known)
    };
    let answer = tokio::time::timeout(TIMEOUT, both).await;
    answer.unwrap_or_else(|_| Err(format!("the Context API did not answer within {} s", TIMEOUT.as_secs())))
}

/// Marks the sessions whose process has ended as left, and returns them.
fn mark_ended<'a>(sessions: &'a mut [Session], processes: &SessionProcesses) -> Vec<&'a Session> {
    let active = sessions.iter_mut().filter(|session| session.status == SessionStatus::Active);
    let ended = active.filter(|session| processes.agent_of(&session.id) == AgentProcess::Ended);
    let marked = ended.map(|session| {
        session.status = SessionStatus::Abandoned;
        session.end_reason = Some(EndReason::ProcessExit);
        &*session
    });
    marked.collect()
}

async fn list(api: &Api, status: Option<SessionStatus>) -> Result<FirstPage, ClientError> {
    let filter = SessionFilter { status, limit: PAGE.try_into().ok(), ..SessionFilter::default() };
    let Page { items, next_cursor, .. } = api.list_sessions(&filter).await?;
    Ok(FirstPage { sessions: items, cut_short: next_cursor.is_some() })
}
