//! Holds the agent's live session: starts it, finds it again after a restart, ends it.
//!
//! This module caches what the API said about the session. If the API says otherwise, the API is right.
//! [`crate::heartbeat`] sends the heartbeats.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::{DayToEnd, Delivery, LostResponse, Queued, SessionRequest};
use deckwatch_machine::variables;
use deckwatch_protocol::{
    Branch, CommitSha, DayEnded, DayStarted, EndDay, EndReason, ErrorCode, Handoff, HandoffDraft, HandoffFilter,
    HandoffPayload, IssueNumber, Meta, Session, SessionId, SessionStatus, StartDay, Timestamp, Track,
};
use tokio::sync::Notify;

use crate::healing::background::BackgroundHealing;
use crate::identity::{Identity, WorkContext, is_embedded};
use crate::pending::Pending;
use crate::rebuilt::Build;
use crate::trouble::Trouble;

/// Holds the agent's session and everything that the tools share.
pub(crate) struct Keeper {
    pub(crate) identity: Identity,
    state: Mutex<State>,
    /// Locked by a start or end of day, so that two calls at the same time do not start two days.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the heartbeat when the held session changes.
    changed: Notify,
    /// Locked while a heartbeat is sent. A heartbeat that arrived after [`Keeper::leave`] would make the session active
    /// again.
    pub(crate) beating: tokio::sync::Mutex<()>,
    /// The sessions that this process has joined, each with the last heartbeat that it sent.
    pub(crate) joined: Mutex<BTreeMap<SessionId, Timestamp>>,
    /// Work that waits for the API.
    pub(crate) pending: Pending,
    /// Healing of documents in the background.
    pub(crate) healing: BackgroundHealing,
    /// The build that this process runs.
    pub(crate) build: Build,
    /// A notice about this repository's earlier records that is not reported yet.
    pub(crate) followed: Mutex<Option<String>>,
}

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

/// The result of an end of day.
#[derive(Debug)]
pub(crate) enum EndOfDay {
    /// The API has answered.
    Answered(Box<Answered>),
    /// The handoff is recorded, but the API's answer was lost.
    ResponseLost(LostResponse),
    /// The handoff waits on this machine.
    Queued(Queued),
}

/// The API's answer to the end of a day.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) day: DayEnded,
    pub(crate) outcome: HandoffOutcome,
}

/// Which session a handoff is for.
enum Target {
    /// A live one.
    Session(SessionId),
    /// One that was started for it.
    NewSession(SessionId),
    /// Not known, because the API can't be reached.
    Unknown(Option<SessionId>),
    /// No session: the day had ended before, with this result.
    Ended(Box<DayEnded>),
}

/// Whether a call recorded its handoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoffOutcome {
    /// Recorded in the live session.
    Recorded,
    /// Recorded in a session that was started for it, because no session was active.
    RecordedInNewSession,
    /// Not recorded again: the day had ended with a handoff of the same content.
    AlreadyRecorded,
    /// Not recorded: the day had ended with another handoff, which remains the recorded one.
    NotRecorded,
}

impl EndOfDay {
    fn answered(day: DayEnded, outcome: HandoffOutcome) -> Self {
        Self::Answered(Box::new(Answered { day, outcome }))
    }
}

impl Keeper {
    pub(crate) fn new(identity: Identity) -> Self {
        let (state, turn, changed) = (Mutex::default(), tokio::sync::Mutex::default(), Notify::new());
        let (beating, joined) = (tokio::sync::Mutex::default(), Mutex::default());
        let (pending, healing) = (Pending::default(), BackgroundHealing::default());
        let (followed, build) = (Mutex::default(), Build::of_this_process());
        Self { identity, state, turn, changed, beating, joined, pending, healing, build, followed }
    }

    /// Starts the day, or continues the agent's live session. A queued end of day is sent first.
    pub(crate) async fn start(&self, track: Option<Track>, issue: Option<IssueNumber>) -> Result<DayStarted, Trouble> {
        let _turn = self.turn.lock().await;
        let work = async {
            self.replay_before_start().await?;
            self.start_in_turn(track, issue).await
        };
        let started = self.identity.while_launched(work).await;
        self.pending.started(&started, track, issue);
        started
    }

    /// Records a handoff, and ends the day unless `keep_open`.
    ///
    /// 1. This process ended the day before: the API repeats the first result.
    /// 2. A session is active, here or at the API: the handoff is for that session.
    /// 3. No session is active, but the last handoff has the same content: its answer was lost, so it is returned.
    /// 4. No session is active: a session is started for the handoff, so that the work is not lost.
    /// 5. The API can't be reached: the handoff waits in the outbox. The session, and the venture if this machine does
    ///    not know it, is looked up when the handoff is sent.
    pub(crate) async fn end(&self, handoff: HandoffDraft, keep_open: bool) -> Result<EndOfDay, Trouble> {
        let api = self.identity.api().await?;
        api.refuse_secrets_of(&handoff)?;
        self.pending.set_background_start(None);
        let _turn = self.turn.lock().await;
        self.pending.forget_start();
        let (session, is_new) = match self.target(&handoff, keep_open).await? {
            Target::Ended(day) => {
                let same = same_content(&handoff, &day.handoff);
                let outcome = if same { HandoffOutcome::AlreadyRecorded } else { HandoffOutcome::NotRecorded };
                return Ok(EndOfDay::answered(*day, outcome));
            }
            Target::Session(id) => (Some(id), false),
            Target::NewSession(id) => (Some(id), true),
            Target::Unknown(id) => (id, false),
        };
        let start = self.session_request(None, None, self.identity.place_without_api().await?.as_ref()).await?;
        let day = DayToEnd { session: session.clone(), start, keep_open, handoff: handoff.clone() };
        match api.deliver_day(&day).await? {
            Delivery::Delivered(day) => {
                let in_another_session = session.is_some_and(|id| id != day.session.id);
                Ok(self.ended(day, &handoff, is_new || in_another_session))
            }
            Delivery::ResponseLost(lost) => {
                if !keep_open {
                    self.set(session.map_or(State::Leaving(None), State::Ended));
                }
                Ok(EndOfDay::ResponseLost(lost))
            }
            Delivery::Queued(queued) => {
                if !keep_open {
                    self.set(State::Leaving(session));
                }
                self.pending.notify();
                Ok(EndOfDay::Queued(queued))
            }
        }
    }

    /// Finds the session that the handoff is for.
    async fn target(&self, handoff: &HandoffDraft, keep_open: bool) -> Result<Target, Trouble> {
        let (ended, asked) = match self.known() {
            State::Live(live) => return Ok(Target::Session(live.id)),
            // The same handoff again is the same write, as long as it is for the same session.
            State::Leaving(session) => return Ok(Target::Unknown(session)),
            State::Ended(id) => {
                let day = self.end_day(id.clone(), handoff.clone(), keep_open).await;
                (Some(id), day.map(|day| Target::Ended(Box::new(day))))
            }
            // The API did not answer just now, so do not ask it. The session is looked up when the handoff is sent.
            State::Unknown if self.identity.api().await?.trouble().is_some() => return Ok(Target::Unknown(None)),
            State::Unknown => (None, self.target_at_the_api(handoff).await),
        };
        match asked {
            Err(Trouble::Api(error)) if error.is_passing() => Ok(Target::Unknown(ended)),
            asked => asked,
        }
    }

    async fn target_at_the_api(&self, handoff: &HandoffDraft) -> Result<Target, Trouble> {
        if let Some(live) = self.find().await? {
            return Ok(Target::Session(live.id));
        }
        if let Some(day) = self.recorded_handoff(handoff).await? {
            return Ok(Target::Ended(Box::new(day)));
        }
        Ok(Target::NewSession(self.start_in_turn(None, None).await?.session.id))
    }

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
            *live = Live { last_heartbeat_at, ..beaten };
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

    /// Waits until no start or end of day is running.
    pub(crate) async fn idle(&self) {
        let _turn = self.turn().await;
    }

    /// Waits until no start or end of day is running, and blocks others until the guard is dropped.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Waits until the held session changes.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn start_in_turn(&self, track: Option<Track>, issue: Option<IssueNumber>) -> Result<DayStarted, Trouble> {
        self.follow_records().await?;
        let request = self.request(track, issue).await?;
        let day = self.start_day(&request).await?;
        let interval = Duration::from_secs(u64::from(day.heartbeat_interval_seconds));
        self.set(State::Live(Live::of(&day.session, interval)));
        if let Err(error) = self.identity.api().await?.keep_snapshot(day.clone()).await {
            log::warn!("could not save this start of day for times when the API can't be reached: {error}");
        }
        self.identity.remember(&day.session).await;
        Ok(day)
    }

    async fn request(&self, track: Option<Track>, issue: Option<IssueNumber>) -> Result<StartDay, Trouble> {
        let place = self.identity.place().await?;
        Ok(self.session_request(track, issue, Some(place)).await?.start_day_on(place.venture.code.clone()))
    }

    /// The agent, its repository and its branch, as a start of day sends them. Without `place`, the venture is not
    /// known.
    async fn session_request(
        &self,
        track: Option<Track>,
        issue: Option<IssueNumber>,
        place: Option<&WorkContext>,
    ) -> Result<SessionRequest, Trouble> {
        let me = self.identity.me().await?.clone();
        let client_session_id = self.identity.client_session_id(&me);
        let checkout = self.identity.checkout().await?;
        let environment = self.identity.environment();
        let held = self.held().and_then(|live| live.track);
        Ok(SessionRequest {
            agent: me.agent,
            client: me.client,
            client_version: me.client_version,
            client_session_id,
            host: me.host,
            venture: place.map(|place| place.venture.code.clone()),
            repo: place.map_or(checkout.repo, |place| place.repo.clone()),
            track: track.or(held).or(environment.setting(variables::TRACK)?),
            issue_number: issue.or(environment.setting(variables::ISSUE)?),
            branch: checkout.branch,
            commit_sha: checkout.commit_sha,
            meta: Meta::default(),
        })
    }

    /// Starts the day. On the embedded engine the first start of day registers the venture, because there is no admin.
    async fn start_day(&self, request: &StartDay) -> Result<DayStarted, Trouble> {
        let api = self.identity.api().await?;
        match api.start_day(request).await {
            Err(ClientError::Refused(problem))
                if problem.code == ErrorCode::VentureNotRegistered && is_embedded(api) =>
            {
                let venture = &self.identity.place().await?.venture;
                api.put_venture(&venture.code, &venture.registration()).await?;
                Ok(api.start_day(request).await?)
            }
            answer => Ok(answer?),
        }
    }

    async fn end_day(
        &self,
        session_id: SessionId,
        handoff: HandoffDraft,
        keep_open: bool,
    ) -> Result<DayEnded, Trouble> {
        let request = EndDay { session_id, end_reason: EndReason::Manual, keep_open, handoff };
        Ok(self.identity.api().await?.end_day(&request).await?)
    }

    fn ended(&self, day: DayEnded, sent: &HandoffDraft, in_another: bool) -> EndOfDay {
        if day.session.status == SessionStatus::Active {
            let held = self.held().is_some_and(|live| live.id == day.session.id);
            if !held {
                self.set(State::Live(Live::of(&day.session, Duration::ZERO)));
            }
        } else {
            self.set(State::Ended(day.session.id.clone()));
        }
        let outcome = match (same_content(sent, &day.handoff), in_another) {
            (true, false) => HandoffOutcome::Recorded,
            (true, true) => HandoffOutcome::RecordedInNewSession,
            (false, _) => HandoffOutcome::NotRecorded,
        };
        EndOfDay::answered(day, outcome)
    }

    /// An earlier end of day whose answer was lost: the agent's newest handoff, if it ended its session and has the
    /// same content as `sent`.
    async fn recorded_handoff(&self, sent: &HandoffDraft) -> Result<Option<DayEnded>, Trouble> {
        let (me, place) = (self.identity.me().await?, self.identity.place().await?);
        let api = self.identity.api().await?;
        let filter = HandoffFilter {
            venture: Some(place.venture.code.clone()),
            repo: Some(place.repo.clone()),
            from_agent: Some(me.agent.clone()),
            limit: 1.try_into().ok(),
            ..HandoffFilter::default()
        };
        let Some(newest) = api.list_handoffs(&filter).await?.items.into_iter().next() else { return Ok(None) };
        if newest.summary != sent.summary {
            return Ok(None);
        }
        let handoff = api.get_handoff(&newest.id).await?;
        let session = api.get_session(&handoff.session_id).await?;
        let ended_by_it = session.final_handoff_id.as_ref() == Some(&handoff.id);
        let correlation_id = handoff.creation_correlation_id.clone();
        let lost = ended_by_it && same_content(sent, &handoff);
        Ok(lost.then_some(DayEnded { session, handoff, correlation_id }))
    }

    pub(crate) fn known(&self) -> State {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mut state: State) {
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
            track: session.track,
            branch: session.branch.clone(),
            commit_sha: session.commit_sha.clone(),
            last_heartbeat_at: session.last_heartbeat_at,
            interval,
            due: SystemTime::now() + interval,
        }
    }
}

/// Whether a refusal means that the session no longer accepts heartbeats.
pub(crate) fn is_gone(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SessionEnded | ErrorCode::SessionNotFound)
}

/// Whether a stored handoff has the content of the draft.
fn same_content(draft: &HandoffDraft, stored: &Handoff) -> bool {
    let texts = |items: &[deckwatch_protocol::HandoffItem]| items.iter().map(ToString::to_string).collect();
    let payload = HandoffPayload {
        accomplished: texts(&draft.accomplished),
        in_progress: texts(&draft.in_progress),
        blocked: texts(&draft.blocked),
        next_steps: texts(&draft.next_steps),
        links: draft.links.iter().map(ToString::to_string).collect(),
        extra: draft.extra.clone(),
    };
    let same_payload = stored.payload.as_ref().is_none_or(|stored| *stored == payload);
    draft.summary == stored.summary
        && draft.status == stored.status
        && draft.to_agent == stored.to_agent
        && same_payload
}
