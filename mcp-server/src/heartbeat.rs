//! Sends heartbeats while this process runs, at the interval that the API asks for.
//!
//! It also finds the session again after a restart of this server, and reports a new branch or
//! commit. A failure is logged and retried. No tool call waits for a heartbeat.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use deckwatch_client::api::ClientError;
use deckwatch_protocol::{Change, SessionStatus, UpdateSession};

use crate::claims_copy;
use crate::session::{Keeper, Live, is_gone};
use crate::trouble::Trouble;

/// The longest sleep. After a suspend of the machine, a heartbeat is late by at most this.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The pause after a copy of the claims. Changes in the meantime cost one more copy.
const BETWEEN_COPIES: Duration = Duration::from_secs(2);
/// The pause after a failed heartbeat.
const RETRY: Duration = Duration::from_mins(1);

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    look_for_session(&keeper).await;
    let (mut claims_kept_for, mut copied) = (None, false);
    loop {
        let Some(live) = keeper.held() else {
            keeper.changed().await;
            continue;
        };
        if claims_kept_for.as_ref() != Some(&live.id) {
            copied = claims_copy::refresh(&keeper).await;
            claims_kept_for = Some(live.id.clone());
        }
        let wait = live.due.duration_since(SystemTime::now()).unwrap_or_default();
        if wait.is_zero() {
            let is_heard = send_heartbeat(&keeper, live).await;
            // The API answers, so the copy that was made after the last event is that of now.
            let is_current = is_heard && copied && keeper.follows_claims.load(Ordering::Relaxed);
            if !(is_current && claims_copy::confirm(&keeper).await) {
                copied = claims_copy::refresh(&keeper).await;
            }
        } else {
            // A change of session ends the sleep early.
            tokio::select! {
                _ = tokio::time::timeout(wait.min(LONGEST_SLEEP), keeper.changed()) => {}
                () = keeper.claims_changed.notified() => {
                    copied = claims_copy::refresh(&keeper).await;
                    tokio::time::sleep(BETWEEN_COPIES).await;
                }
            }
        }
    }
}

/// Finds the session of the previous process. Retries until the API answers.
async fn look_for_session(keeper: &Keeper) {
    while let Err(Trouble::Api(error)) = keeper.find_at_startup().await {
        log::info!("could not look for a live session: {error}");
        // A start of day in the meantime ends the search.
        let _ = tokio::time::timeout(RETRY, keeper.changed()).await;
    }
}

/// Whether the API has accepted it.
async fn send_heartbeat(keeper: &Keeper, live: Live) -> bool {
    let _beating = keeper.beating.lock().await;
    keeper.join_again().await;
    match report(keeper, &live).await {
        Ok(Some(next)) => {
            keeper.record_heartbeat(next);
            return true;
        }
        Ok(None) => forget(keeper, &live, "its heartbeats stopped for too long"),
        Err(Trouble::Api(ClientError::Refused(problem))) if is_gone(problem.code) => {
            forget(keeper, &live, &problem.detail);
        }
        Err(trouble) => {
            log::warn!("the heartbeat of session {} failed: {trouble}", live.id);
            keeper.record_heartbeat(Live { due: SystemTime::now() + RETRY, ..live });
        }
    }
    false
}

/// Logs nothing if an end of day came before the heartbeat.
fn forget(keeper: &Keeper, live: &Live, why: &str) {
    if keeper.forget(&live.id) {
        log::warn!("session {} is no longer alive: {why}", live.id);
    }
}

/// Reports that the agent is alive, with its branch and commit. `None` when the session is no longer active.
async fn report(keeper: &Keeper, live: &Live) -> Result<Option<Live>, Trouble> {
    keeper.identity.of_this_launch().await?;
    let api = keeper.identity.api().await?;
    let mut next = live.clone();
    let changes = moved(keeper, &mut next).await;
    if let Some(changes) = changes {
        next.last_heartbeat_at = api.update_session(&live.id, &changes).await?.last_heartbeat_at;
        next.due = SystemTime::now() + live.interval;
        if !live.interval.is_zero() {
            return Ok(Some(next));
        }
    }
    let heartbeat = api.heartbeat(&live.id).await?;
    next.last_heartbeat_at = heartbeat.last_heartbeat_at;
    next.interval = Duration::from_secs(u64::from(heartbeat.heartbeat_interval_seconds.max(1)));
    next.due = SystemTime::now() + next.interval;
    Ok((heartbeat.status == SessionStatus::Active).then_some(next))
}

/// What changed in the checkout since the last report. If git fails, the heartbeat is sent without a change.
async fn moved(keeper: &Keeper, live: &mut Live) -> Option<UpdateSession> {
    let checkout = keeper.identity.checkout().await.ok()?;
    if checkout.branch == live.branch && checkout.commit_sha == live.commit_sha {
        return None;
    }
    live.branch.clone_from(&checkout.branch);
    live.commit_sha.clone_from(&checkout.commit_sha);
    Some(UpdateSession {
        branch: checkout.branch.map_or(Change::Clear, Change::Set),
        commit_sha: checkout.commit_sha.map_or(Change::Clear, Change::Set),
        epoch: Some(live.epoch),
        ..UpdateSession::default()
    })
}
