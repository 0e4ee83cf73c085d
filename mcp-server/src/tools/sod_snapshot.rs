//! The start of a day within a short time: from the API, or else from its last answer.
//!
//! An API that does not answer is not waited for while there is something to show. The day goes on
//! starting in the background.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::api::ClientError;
use deckwatch_client::clock::now;
use deckwatch_client::snapshot::Snapshot;
use deckwatch_protocol::{DayStarted, IssueNumber, Timestamp, Track};
use tokio::time::Instant;

use crate::render::age::ago;
use crate::render::budget::clip;
use crate::render::clean::clean_line;
use crate::render::fence::Fence;
use crate::render::sod::{Beside, Rendered, render_last};
use crate::session::Keeper;
use crate::trouble::Trouble;

/// How long the API may take while its last answer is at hand: the whole tool answers within 300 ms.
const PATIENCE: Duration = Duration::from_millis(200);

const UNREACHABLE: &str = "# Deckwatch: the Context API can't be reached";
const FAILS: &str = "# Deckwatch: the Context API does not work now";

/// How the day started.
pub(super) enum Start {
    /// The API has answered.
    Day(Box<DayStarted>),
    /// It has not; this is what it said last.
    Last(Box<Last>),
}

/// The API's last answer.
pub(super) struct Last {
    pub(super) snapshot: Snapshot,
    pub(super) now: Timestamp,
    title: &'static str,
    endpoint: String,
    cause: String,
}

/// Starts the day. Without a last answer to show, it waits for the API as long as any call.
pub(super) async fn start(
    keeper: &Arc<Keeper>,
    track: Option<Track>,
    issue: Option<IssueNumber>,
) -> Result<Start, Trouble> {
    let until = Instant::now() + PATIENCE;
    keeper.pending.leave_behind(None);
    let mut starting = tokio::spawn({
        let keeper = Arc::clone(keeper);
        async move { keeper.start(track, issue).await }
    });
    let Some(snapshot) = keeper.identity.last_snapshot().await? else { return Ok(day(starting.await??)) };
    let Ok(started) = tokio::time::timeout_at(until, &mut starting).await else {
        keeper.pending.leave_behind(Some(starting.abort_handle()));
        let cause = keeper.identity.api().await?.trouble();
        let cause = cause.unwrap_or_else(|| format!("no answer within {} ms", PATIENCE.as_millis()));
        return last(keeper, snapshot, UNREACHABLE, cause).await;
    };
    match started? {
        Err(Trouble::Api(ClientError::Unreachable { cause, .. })) => last(keeper, snapshot, UNREACHABLE, cause).await,
        Err(Trouble::Api(error)) if error.is_outage() => last(keeper, snapshot, FAILS, error.to_string()).await,
        started => Ok(day(started?)),
    }
}

fn day(day: DayStarted) -> Start {
    Start::Day(Box::new(day))
}

async fn last(keeper: &Keeper, snapshot: Snapshot, title: &'static str, cause: String) -> Result<Start, Trouble> {
    let endpoint = keeper.identity.api().await?.endpoint().to_string();
    Ok(Start::Last(Box::new(Last { snapshot, now: now(), title, endpoint, cause })))
}

impl Last {
    /// The whole answer as it is seen now.
    pub(super) fn render(&self, beside: &Beside, remarks: &[String], fence: &Fence, limit: usize) -> Rendered {
        render_last(&self.snapshot.day, beside, self.now, self.heading(), remarks, fence, limit)
    }

    fn heading(&self) -> Vec<String> {
        let (endpoint, cause) = (clip(&clean_line(&self.endpoint), 200), clip(&clean_line(&self.cause), 200));
        let (age, at) = (ago(self.snapshot.taken_at, self.now), self.snapshot.taken_at);
        let venture = &self.snapshot.day.venture.code;
        vec![
            self.title.to_owned(),
            format!("{endpoint}: {cause}."),
            format!("STALE: everything below is its last answer, from {age} ({at}). Others may have worked since."),
            format!("venture  {venture}"),
            "session  not started; it starts by itself when the API is back, or call `sod` again.".to_owned(),
            "`handoff` works: it waits on this machine and is sent, once, when the API is back.".to_owned(),
        ]
    }
}
