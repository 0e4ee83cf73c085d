//! Finds the agent's session at the API after a restart of this server or of the agent.

use std::time::Duration;

use deckwatch_machine::agent::Worker;
use deckwatch_machine::clock::now;
use deckwatch_machine::variables;
use deckwatch_protocol::{EndReason, STALE_SECONDS, Session, SessionFilter, SessionStatus};

use crate::session::{Keeper, Live, State};
use crate::trouble::Trouble;

/// What a search for a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Searcher {
    /// A tool was called, so the agent works in this process.
    Tool,
    /// This process started, and no tool was called yet.
    Start,
}

impl Keeper {
    /// The live session: the one that this process holds, or else this agent's session at the API.
    pub(crate) async fn find(&self) -> Result<Option<Live>, Trouble> {
        match self.known() {
            State::Live(live) => return Ok(Some(live)),
            State::Ended(_) | State::Leaving(_) => return Ok(None),
            State::Unknown => {}
        }
        self.search(Searcher::Tool).await
    }

    /// The same before a tool was called. A CLI may start a server only to list its tools. Such a server must not keep
    /// a session alive, and must not bring one back.
    pub(crate) async fn find_at_startup(&self) -> Result<Option<Live>, Trouble> {
        match self.known() {
            State::Unknown => self.search(Searcher::Start).await,
            State::Live(live) => Ok(Some(live)),
            State::Ended(_) | State::Leaving(_) => Ok(None),
        }
    }

    /// Asks the API for this agent's session: an active one, or else the one that the agent left last.
    async fn search(&self, searcher: Searcher) -> Result<Option<Live>, Trouble> {
        let track = self.identity.environment().setting(variables::TRACK)?;
        for status in [SessionStatus::Active, SessionStatus::Abandoned] {
            let mut mine = Vec::new();
            for session in self.sessions_with(status).await? {
                if self.may_hold(&session, searcher).await {
                    mine.push(session);
                }
            }
            let of_track = mine.iter().find(|session| session.track == track);
            if let Some(session) = of_track.or(mine.first()) {
                return Ok(Some(self.hold(session)));
            }
        }
        Ok(None)
    }

    /// Holds the session that a search found. If another process of the agent goes on with it, this one does not hold it and
    /// speaks for it in its own epoch only: its handoff is recorded, and it ends and claims nothing.
    fn hold(&self, session: &Session) -> Live {
        let live = Live::of(session, Duration::ZERO);
        match self.epoch_of(&session.id) {
            Some(own) if own < session.epoch => Live { epoch: own, ..live },
            _ => {
                self.found(live.clone());
                live
            }
        }
    }

    async fn sessions_with(&self, status: SessionStatus) -> Result<Vec<Session>, Trouble> {
        let (me, place) = (self.identity.me().await?, self.identity.place().await?);
        let filter = SessionFilter {
            venture: Some(place.venture.code.clone()),
            repo: Some(place.repo.clone()),
            agent: Some(me.agent.clone()),
            status: Some(status),
            ..SessionFilter::default()
        };
        Ok(self.identity.api().await?.list_sessions(&filter).await?.items)
    }

    async fn may_hold(&self, session: &Session, searcher: Searcher) -> bool {
        let left = session.status == SessionStatus::Abandoned;
        if left && (session.end_reason != Some(EndReason::ProcessExit) || !may_be_continued(session)) {
            return false;
        }
        match (searcher, self.worker(&session.id).await) {
            (Searcher::Tool, _) | (Searcher::Start, Worker::ThisAgent) => true,
            (Searcher::Start, Worker::Unknown) => !left,
            (Searcher::Start, Worker::AnotherAgent) => false,
        }
    }
}

/// Whether a session that its agent left is not stale yet.
fn may_be_continued(session: &Session) -> bool {
    now().seconds_since(session.last_heartbeat_at) < STALE_SECONDS
}
