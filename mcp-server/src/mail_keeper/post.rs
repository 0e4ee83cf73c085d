//! Decides when this server takes messages: while it has the lock, and while the session is its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use deckwatch_client::api::ClientError;
use deckwatch_client::mailbox::{Mailbox, Received};
use deckwatch_machine::agent_folder::{AgentFolder, ServerLock, Taker};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{ErrorCode, Fence};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{FolderTrouble, Reachable, in_folder, incoming};
use crate::session::{Keeper, Live, is_gone};
use crate::trouble::Trouble;
use crate::wake::{Door, keep_awake};

/// How often the folder is looked at.
const TICK: Duration = Duration::from_millis(250);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// A server that is started only to list its tools has ended before this age.
const NO_PROBE_AFTER: Duration = Duration::from_secs(5);

/// Why this server no longer takes messages.
pub(super) enum Stopped {
    /// The session is another one, or there is none.
    SessionChanged,
    /// Another process of the agent has the session.
    Superseded,
    /// Something failed. It is tried again.
    Failed(String),
}

/// Runs until the process ends.
pub(super) async fn run(keeper: Arc<Keeper>, folder: AgentFolder, mut reachable: watch::Receiver<Reachable>) {
    let begun = Instant::now();
    let mut superseded = None;
    loop {
        sleep(TICK).await;
        let Some(live) = joined(&keeper) else { continue };
        if superseded.as_ref() == Some(&taker(&live)) || !keeper.has_started() && begun.elapsed() < NO_PROBE_AFTER {
            continue;
        }
        let lock = match in_folder(&folder, |folder| folder.create().and_then(|()| folder.lock_server())).await {
            Ok(Some(lock)) => lock,
            // Another server of this agent takes.
            Ok(None) => continue,
            Err(trouble) => {
                log::warn!("messages can't be kept on this machine: {trouble}");
                sleep(PAUSE).await;
                continue;
            }
        };
        match with_lock(&keeper, &folder, lock, &mut reachable).await {
            Stopped::SessionChanged => {}
            Stopped::Superseded => {
                log::info!("another process of this agent takes its messages");
                superseded = joined(&keeper).as_ref().map(taker);
            }
            Stopped::Failed(cause) => {
                log::warn!("messages are taken again in {} s: {cause}", PAUSE.as_secs());
                sleep(PAUSE).await;
            }
        }
    }
}

/// The session on which the agent works in this process.
fn joined(keeper: &Keeper) -> Option<Live> {
    keeper.held().filter(|live| keeper.has_joined(&live.id))
}

fn taker(live: &Live) -> Taker {
    Taker { session_id: live.id.clone(), epoch: live.epoch }
}

/// Takes messages until the session changes. A server that has found the session of an earlier one starts its day again, so
/// that it has an epoch of its own.
async fn with_lock(
    keeper: &Keeper,
    folder: &AgentFolder,
    lock: ServerLock,
    reachable: &mut watch::Receiver<Reachable>,
) -> Stopped {
    if !keeper.has_started()
        && let Err(trouble) = keeper.start(None, None).await
    {
        return Stopped::of(&trouble);
    }
    let Some(live) = joined(keeper) else { return Stopped::SessionChanged };
    let taker = taker(&live);
    let said = in_folder(folder, {
        let taker = taker.clone();
        move |_| lock.speaks_for(&taker).map(|()| lock)
    });
    let _lock = match said.await {
        Ok(lock) => lock,
        Err(trouble) => return trouble.into(),
    };
    let doors = Door::all_of(|name| keeper.identity.environment().var(name));
    let stopped = tokio::select! {
        stopped = taking(keeper, folder, &taker, reachable) => match stopped {
            Ok(stopped) | Err(stopped) => stopped,
        },
        never = keep_awake(folder, doors) => match never {},
    };
    keeper.follows_claims.store(false, Ordering::Relaxed);
    stopped
}

async fn taking(
    keeper: &Keeper,
    folder: &AgentFolder,
    taker: &Taker,
    reachable: &mut watch::Receiver<Reachable>,
) -> Result<Stopped, Stopped> {
    let fence = Fence { session_id: taker.session_id.clone(), epoch: taker.epoch };
    // What an earlier process has shown is not taken again.
    keeper.report_shown(folder, &fence).await?;
    let identity = &keeper.identity;
    let (api, me) = (identity.api().await?, identity.me().await?);
    let place = identity.place().await?;
    let mailbox = Mailbox::new(api.clone(), place.venture.code.clone(), me.agent.clone(), fence.clone());
    let waker = mailbox.waker();
    let mut receiving = Receiving::start(mailbox);
    let mut incoming = incoming::Incoming::new(folder, taker);
    // The last time without disturbance after which this server has taken.
    let mut quiet_until = None;
    loop {
        tokio::select! {
            received = receiving.received.recv() => match received {
                Some(Ok(Received::Mail(answer))) => {
                    // From the first take on, events are followed. What has changed before is copied now.
                    if !keeper.follows_claims.swap(true, Ordering::Relaxed) {
                        keeper.claims_changed.notify_one();
                    }
                    incoming.put_mail(keeper, answer).await?;
                }
                Some(Ok(Received::Events(events))) => incoming.put_events(keeper, &me.agent, &events).await?,
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(Stopped::Failed("the mailbox was closed".to_owned())),
            },
            Ok(()) = reachable.changed() => waker.notify_one(),
            () = sleep(TICK) => {
                if joined(keeper).as_ref().map(self::taker).as_ref() != Some(taker) {
                    return Ok(Stopped::SessionChanged);
                }
                let until = reachable.borrow().and_then(|(_, dnd_until)| dnd_until);
                if until != quiet_until && until.is_some_and(|until| until <= now()) {
                    quiet_until = until;
                    waker.notify_one();
                }
                if keeper.report_shown(folder, &fence).await? > 0 && incoming.has_more() {
                    waker.notify_one();
                }
            }
        }
    }
}

/// A mailbox in a task of its own, because a take must not be interrupted. Dropping this ends it.
struct Receiving {
    received: mpsc::Receiver<Result<Received, ClientError>>,
    task: JoinHandle<()>,
}

impl Receiving {
    fn start(mut mailbox: Mailbox) -> Self {
        let (sender, received) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let one = mailbox.receive().await;
                let has_failed = one.is_err();
                if sender.send(one).await.is_err() || has_failed {
                    return;
                }
            }
        });
        Self { received, task }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stopped {
    fn of(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Api(ClientError::Refused(problem)) if problem.code == ErrorCode::Superseded => Self::Superseded,
            Trouble::Api(ClientError::Refused(problem)) if is_gone(problem.code) => Self::SessionChanged,
            trouble => Self::Failed(trouble.to_string()),
        }
    }
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::of(&trouble)
    }
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::of(&error.into())
    }
}

impl From<FolderTrouble> for Stopped {
    fn from(trouble: FolderTrouble) -> Self {
        match trouble {
            FolderTrouble::Other(trouble) => Self::of(&trouble),
            trouble @ FolderTrouble::Disk { .. } => Self::Failed(trouble.to_string()),
        }
    }
}
