//! Ends the day: records the handoff, once, in the session that it is for.

use std::time::Duration;

use deckwatch_client::outbox::{DayToEnd, Delivery, LostResponse, Queued};
use deckwatch_client::secret_scan::ScannedHandoff;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{DayEnded, HandoffContent, HandoffDraft, SessionId, SessionStatus, WrittenHandoff};

use super::{Keeper, Live, State};
use crate::trouble::Trouble;

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
    /// Records a handoff, and ends the day unless `keep_open`.
    ///
    /// 1. This process ended the day before: the API repeats the first result.
    /// 2. A session is active, here or at the API: the handoff is for that session.
    /// 3. No session is active, but the handoff is recorded already and its answer was lost
    ///    ([`WrittenHandoff::was_recorded_as`]): the record is returned.
    /// 4. No session is active: a session is started for the handoff, so that the work is not lost.
    /// 5. The API can't be reached: the handoff waits in the outbox. The session, and the venture if this machine does
    ///    not know it, is looked up when the handoff is sent.
    pub(crate) async fn end(&self, handoff: HandoffDraft, keep_open: bool) -> Result<EndOfDay, Trouble> {
        let client = self.identity.client().await?;
        let handoff = client.scan_handoff(handoff)?;
        self.pending.set_background_start(None);
        let _turn = self.turn.lock().await;
        self.pending.forget_start();
        let (session, epoch, is_new) = match self.target(&handoff, keep_open).await? {
            Target::Ended(day) => {
                let same = content(&handoff).is_recorded_as(&day.handoff);
                let outcome = if same { HandoffOutcome::AlreadyRecorded } else { HandoffOutcome::NotRecorded };
                return Ok(EndOfDay::answered(*day, outcome));
            }
            Target::Session(id) => (Some(id.clone()), self.epoch_of(&id), false),
            Target::NewSession(id) => (Some(id.clone()), self.epoch_of(&id), true),
            Target::Unknown(id) => (id, None, false),
        };
        let start = self.session_request(None, None, self.identity.place_without_api().await?.as_ref()).await?;
        let day = DayToEnd { session: session.clone(), epoch, start, keep_open, handoff: handoff.clone() };
        match client.deliver_day(&day).await? {
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
    async fn target(&self, handoff: &ScannedHandoff, keep_open: bool) -> Result<Target, Trouble> {
        let (ended, asked) = match self.known() {
            State::Live(live) => return Ok(Target::Session(live.id)),
            // The same handoff again is the same write, as long as it is for the same session.
            State::Leaving(session) => return Ok(Target::Unknown(session)),
            State::Ended(id) => {
                let day = self.end_day_again(id.clone(), handoff, keep_open).await;
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

    async fn target_at_the_api(&self, handoff: &ScannedHandoff) -> Result<Target, Trouble> {
        if let Some(live) = self.find().await? {
            return Ok(Target::Session(live.id));
        }
        if let Some(day) = self.recorded_day(handoff).await? {
            return Ok(Target::Ended(Box::new(day)));
        }
        Ok(Target::NewSession(self.start_in_turn(None, None).await?.session.id))
    }

    async fn end_day_again(
        &self,
        session: SessionId,
        handoff: &ScannedHandoff,
        keep_open: bool,
    ) -> Result<DayEnded, Trouble> {
        Ok(self.identity.client().await?.end_day_again(session, handoff, keep_open).await?)
    }

    fn ended(&self, day: DayEnded, sent: &ScannedHandoff, in_another: bool) -> EndOfDay {
        if day.session.status == SessionStatus::Active {
            let held = self.held().is_some_and(|live| live.id == day.session.id);
            if !held {
                self.set(State::Live(Live::of(&day.session, Duration::ZERO)));
            }
        } else {
            self.set(State::Ended(day.session.id.clone()));
        }
        let outcome = match (content(sent).is_recorded_as(&day.handoff), in_another) {
            (true, false) => HandoffOutcome::Recorded,
            (true, true) => HandoffOutcome::RecordedInNewSession,
            (false, _) => HandoffOutcome::NotRecorded,
        };
        EndOfDay::answered(day, outcome)
    }

    /// The end of day that recorded this handoff, if its answer was lost.
    async fn recorded_day(&self, handoff: &ScannedHandoff) -> Result<Option<DayEnded>, Trouble> {
        let (me, place) = (self.identity.me().await?, self.identity.place().await?);
        let written = WrittenHandoff {
            agent: me.agent.clone(),
            venture: place.venture.code.clone(),
            repo: place.repo.clone(),
            written_at: now(),
            content: content(handoff),
        };
        Ok(self.identity.client().await?.recorded_day(&written).await?)
    }
}

fn content(handoff: &ScannedHandoff) -> HandoffContent {
    HandoffContent::from(handoff.draft())
}
