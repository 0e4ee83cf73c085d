//! What this process knows about the agent's session.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use deckwatch_protocol::{
    Branch, CommitSha, Epoch, ErrorCode, IssueNumber, RepoName, Session, SessionId, Timestamp, Track,
};

use super::Keeper;

/// What this process knows about the agent's session.
#[derive(Debug, Clone, Default)]
pub(crate) enum State {
    /// Not known: the API was not asked, or has no session.
    #[default]
    Unknown,
    /// A live session.
    Live(Live),
    /// This process ended the day.
    Ended(SessionId),
    /// This process ended the day while the API could not be reached; with the session, if it was known.
    Leaving(Option<SessionId>),
}

/// A live session.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) id: SessionId,
    /// The epoch in which this process speaks for the session.
    pub(crate) epoch: Epoch,
    pub(crate) repo: RepoName,
    pub(crate) issue: Option<IssueNumber>,
    pub(crate) track: Option<Track>,
    pub(crate) branch: Option<Branch>,
    pub(crate) commit_sha: Option<CommitSha>,
    /// When the API last heard from this process.
    pub(crate) last_heartbeat_at: Timestamp,
    /// The heartbeat interval that the API asks for; zero until it has answered.
    pub(crate) interval: Duration,
    /// When the next heartbeat is due. Wall-clock time, because it advances while the machine sleeps.
    pub(crate) due: SystemTime,
}

impl Keeper {
    /// Holds a session that a search found, unless a start or end of day came first.
    pub(crate) fn found(&self, live: Live) {
        let unknown = matches!(&*self.state(), State::Unknown);
        if unknown {
            self.set(State::Live(live));
        }
    }

    /// The session that this process holds. Does not ask the API.
    pub(crate) fn held(&self) -> Option<Live> {
        match self.known() {
            State::Live(live) => Some(live),
            State::Unknown | State::Ended(_) | State::Leaving(_) => None,
        }
    }

    /// Records a heartbeat, unless another session is held by now.
    pub(crate) fn record_heartbeat(&self, beaten: Live) {
        let mut state = self.state();
        if let State::Live(live) = &mut *state
            && live.id == beaten.id
        {
            let last_heartbeat_at = live.last_heartbeat_at.max(beaten.last_heartbeat_at);
            // A start of day in the meantime may have taken the next epoch.
            let epoch = live.epoch.max(beaten.epoch);
            *live = Live { epoch, last_heartbeat_at, ..beaten };
        }
    }

    /// Records when the API last heard from this process, unless another session is held by now.
    pub(crate) fn heard(&self, session: &SessionId, at: Timestamp) {
        if let State::Live(live) = &mut *self.state()
            && live.id == *session
        {
            live.last_heartbeat_at = live.last_heartbeat_at.max(at);
        }
    }

    /// Drops a session that is no longer active, so that the next search asks the API. False if another session is
    /// held.
    pub(crate) fn forget(&self, gone: &SessionId) -> bool {
        let held = matches!(&*self.state(), State::Live(live) if live.id == *gone);
        if held {
            self.set(State::Unknown);
        }
        held
    }

    pub(crate) fn known(&self) -> State {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, mut state: State) {
        let mut known = self.state();
        // Answers may arrive in another order than the API sent them.
        if let (State::Live(before), State::Live(live)) = (&*known, &mut state)
            && before.id == live.id
        {
            live.last_heartbeat_at = live.last_heartbeat_at.max(before.last_heartbeat_at);
        }
        *known = state;
        drop(known);
        self.changed.notify_one();
    }
}

impl Live {
    pub(crate) fn of(session: &Session, interval: Duration) -> Self {
        Self {
            id: session.id.clone(),
            epoch: session.epoch,
            repo: session.repo.clone(),
            issue: session.issue_number,
            track: session.track,
            branch: session.branch.clone(),
            commit_sha: session.commit_sha.clone(),
            last_heartbeat_at: session.last_heartbeat_at,
            interval,
            due: SystemTime::now() + interval,
        }
    }
}

/// Whether a refusal means that the session no longer accepts heartbeats, or belongs to another process of the agent.
pub(crate) fn is_gone(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SessionEnded | ErrorCode::SessionNotFound | ErrorCode::Superseded)
}
