//! Holds the agent's live session: starts it, finds it again after a restart, ends it.
//!
//! [`start`] and [`end`] are the start and the end of the day. [`state`] caches what the API said about the session. If the
//! API says otherwise, the API is right.
//! [`crate::heartbeat`] sends the heartbeats.

mod end;
mod start;
mod state;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use deckwatch_protocol::{Epoch, SessionId, Timestamp};
use tokio::sync::Notify;

pub(crate) use self::end::{Answered, EndOfDay, HandoffOutcome};
pub(crate) use self::state::{Live, State, is_gone};

use crate::healing::background::BackgroundHealing;
use crate::identity::Identity;
use crate::mail::Mail;
use crate::pending::Pending;
use crate::progress::Progress;
use crate::rebuilt::Build;

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
    /// The epoch in which this process spoke last for each session that it has held.
    epochs: Mutex<BTreeMap<SessionId, Epoch>>,
    /// Work that waits for the API.
    pub(crate) pending: Pending,
    /// The messages that this process has taken.
    pub(crate) mail: Mail,
    /// Healing of documents in the background.
    pub(crate) healing: BackgroundHealing,
    /// The build that this process runs.
    pub(crate) build: Build,
    /// What the calls show about the progress of the work.
    pub(crate) progress: Progress,
    /// A notice about this repository's earlier records that is not reported yet.
    pub(crate) followed: Mutex<Option<String>>,
    /// Wakes the heartbeat when the claims in the repository have changed, so that it copies them.
    pub(crate) claims_changed: Notify,
    /// Whether events say when the claims change.
    pub(crate) follows_claims: AtomicBool,
    /// Whether this process has started a day, so that its session has an epoch of its own, and the name that the launcher
    /// told it to take over is taken over.
    has_started: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(identity: Identity) -> Self {
        let (state, turn, changed) = (Mutex::default(), tokio::sync::Mutex::default(), Notify::new());
        let (beating, joined, epochs) = (tokio::sync::Mutex::default(), Mutex::default(), Mutex::default());
        let (pending, mail, healing) = (Pending::default(), Mail::default(), BackgroundHealing::default());
        let (followed, build, progress) = (Mutex::default(), Build::of_this_process(), Progress::default());
        let (claims_changed, follows_claims) = (Notify::new(), AtomicBool::new(false));
        let has_started = AtomicBool::new(false);
        Self {
            identity,
            state,
            turn,
            changed,
            beating,
            joined,
            epochs,
            pending,
            mail,
            healing,
            build,
            progress,
            followed,
            claims_changed,
            follows_claims,
            has_started,
        }
    }

    /// Whether this process has started a day, so that its session has an epoch of its own.
    pub(crate) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Relaxed)
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
}
