//! Starts a day within a time limit: from the API, or else from the API's last answer.
//!
//! There are two limits. If the API is down (it accepts no connection, or it hung before), the last answer is shown
//! after 200 ms. If the API is only slow, it gets 2 s, like any part of a day, and the report does not call it
//! unreachable. In both cases the start of day continues in the background.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::api::{Api, ClientError, Contact};
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::clock::ago;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{ActiveSession, DayStarted, Excerpt, IssueNumber, SessionId, Timestamp, Track};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::render::budget::clip;
use crate::render::clean::clean_line;
use crate::render::fence::Fence;
use crate::render::sod::{DayExtras, Rendered, render_last};
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The time limit to detect that the API is down. The whole tool then answers within 300 ms.
const CONNECT_LIMIT: Duration = Duration::from_millis(200);
/// The time limit for an API that accepts connections. The same as for any part of a day.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// For how long an API that hung counts as hanging. While a start of day waits, it tries the API more often than this.
const HANG_VALID_FOR: Duration = Duration::from_mins(1);
/// An answer within this time shows that the API is up, even if a new connection takes long.
const RECENT: Duration = Duration::from_secs(10);

const UNREACHABLE: &str = "# Deckwatch: the Context API can't be reached";
const SILENT: &str = "# Deckwatch: the Context API has not answered within 2 s";
const STILL_SILENT: &str = "# Deckwatch: the Context API still does not answer";
const LATE: &str = "# Deckwatch: your day has not started within 2 s";
const FOREIGN: &str = "# Deckwatch: the answer did not come from the Context API";
const FAILS: &str = "# Deckwatch: the Context API fails";

/// The result of a start of day.
pub(super) enum Start {
    /// The API answered.
    Day(Box<DayStarted>),
    /// The API did not answer; this is its last answer.
    Last(Box<LastAnswer>),
}

impl Start {
    /// The other active agents.
    pub(super) fn active_sessions(&mut self) -> &mut Excerpt<ActiveSession> {
        match self {
            Self::Day(day) => &mut day.active_sessions,
            Self::Last(last) => &mut last.snapshot.day.active_sessions,
        }
    }
}

/// The API's last answer.
pub(super) struct LastAnswer {
    pub(super) snapshot: Snapshot,
    pub(super) now: Timestamp,
    why: NoAnswer,
    endpoint: String,
    /// The session that this process holds.
    session: Option<SessionId>,
}

/// Why there is no current answer.
struct NoAnswer {
    title: &'static str,
    cause: String,
}

/// Starts the day. Without a last answer to show, it waits for the API as long as any other call.
pub(super) async fn start(
    keeper: &Arc<Keeper>,
    track: Option<Track>,
    issue: Option<IssueNumber>,
) -> Result<Start, Trouble> {
    let begun = Instant::now();
    keeper.pending.set_background_start(None);
    let mut starting = tokio::spawn({
        let keeper = Arc::clone(keeper);
        async move { keeper.start(track, issue).await }
    });
    let Some(snapshot) = keeper.identity.last_snapshot().await? else { return Ok(day(starting.await??)) };
    match wait(keeper.identity.api().await?, begun, &mut starting).await? {
        Ok(started) => finished(keeper, snapshot, started).await,
        Err(why) => {
            keeper.pending.set_background_start(Some(starting.abort_handle()));
            last(keeper, snapshot, why).await
        }
    }
}

type Started = Result<DayStarted, Trouble>;

/// The result of the start, or the reason to stop waiting for it.
async fn wait(
    api: &Api,
    begun: Instant,
    starting: &mut JoinHandle<Started>,
) -> Result<Result<Started, NoAnswer>, Trouble> {
    let connects = tokio::spawn({
        let api = api.clone();
        async move { api.takes_connections().await }
    });
    if let Ok(started) = timeout_at(begun + CONNECT_LIMIT, &mut *starting).await {
        return Ok(Ok(started?));
    }
    let connects = if connects.is_finished() {
        Some(connects.await?)
    } else {
        connects.abort();
        None
    };
    if let Some(why) = outage_reason(&api.contact(), connects, begun) {
        return Ok(Err(why));
    }
    if let Ok(started) = timeout_at(begun + ANSWER_LIMIT, starting).await {
        return Ok(Ok(started?));
    }
    Ok(Err(slow_reason(api, begun)))
}

/// Whether the API is down, from the contact since `begun` and shortly before. `connects` is `None` while the
/// connection is not accepted yet.
fn outage_reason(contact: &Contact, connects: Option<Result<(), String>>, begun: Instant) -> Option<NoAnswer> {
    if let Some((at, cause)) = &contact.unanswered
        && *at >= begun
    {
        return Some(NoAnswer { title: UNREACHABLE, cause: cause.clone() });
    }
    if contact.answered.is_some_and(|(at, _)| at >= begun) {
        return None;
    }
    match connects {
        Some(Err(cause)) => return Some(NoAnswer { title: UNREACHABLE, cause }),
        None if contact.answered.is_none_or(|(at, _)| at.elapsed() > RECENT) => {
            return Some(NoAnswer {
                title: UNREACHABLE,
                cause: format!("no connection within {} ms", CONNECT_LIMIT.as_millis()),
            });
        }
        None | Some(Ok(())) => {}
    }
    let hangs = contact.silent.filter(|at| at.elapsed() < HANG_VALID_FOR);
    hangs.map(|_| NoAnswer {
        title: STILL_SILENT,
        cause: format!("no answer within {} ms, and no answer to an earlier request", CONNECT_LIMIT.as_millis()),
    })
}

/// The reason why the day did not start in time, for an API that is up.
fn slow_reason(api: &Api, begun: Instant) -> NoAnswer {
    let Contact { answered, unanswered, .. } = api.contact();
    if let Some((_, cause)) = unanswered.filter(|(at, _)| *at >= begun) {
        return NoAnswer { title: UNREACHABLE, cause };
    }
    match answered {
        Some((at, status)) if at >= begun && !status.is_success() => {
            let cause = format!("it answered {status}; Deckwatch tries again");
            return NoAnswer { title: FAILS, cause };
        }
        Some((at, _)) if at >= begun => return NoAnswer { title: LATE, cause: "it answers, but slowly".to_owned() },
        _ => {}
    }
    api.fell_silent();
    NoAnswer { title: SILENT, cause: "it accepts the connection, but it is slow or hangs".to_owned() }
}

async fn finished(keeper: &Keeper, snapshot: Snapshot, started: Started) -> Result<Start, Trouble> {
    match started {
        Err(Trouble::Api(ClientError::Unreachable { cause, .. })) => {
            last(keeper, snapshot, NoAnswer { title: UNREACHABLE, cause }).await
        }
        Err(Trouble::Api(error)) if error.is_outage() => {
            let title = if matches!(error, ClientError::NotTheApi { .. }) { FOREIGN } else { FAILS };
            last(keeper, snapshot, NoAnswer { title, cause: error.to_string() }).await
        }
        started => Ok(day(started?)),
    }
}

fn day(day: DayStarted) -> Start {
    Start::Day(Box::new(day))
}

async fn last(keeper: &Keeper, snapshot: Snapshot, why: NoAnswer) -> Result<Start, Trouble> {
    let endpoint = keeper.identity.api().await?.endpoint().to_string();
    let session = keeper.held().map(|live| live.id);
    Ok(Start::Last(Box::new(LastAnswer { snapshot, now: now(), why, endpoint, session })))
}

impl LastAnswer {
    /// Renders the whole report, with ages as of now.
    pub(super) fn render(&self, extras: &DayExtras, remarks: &[String], fence: &Fence, limit: usize) -> Rendered {
        render_last(&self.snapshot.day, extras, self.now, self.heading(), remarks, fence, limit)
    }

    fn heading(&self) -> Vec<String> {
        let (endpoint, cause) = (clip(&clean_line(&self.endpoint), 200), clip(&clean_line(&self.why.cause), 200));
        let (age, at) = (ago(self.snapshot.taken_at, self.now), self.snapshot.taken_at);
        let venture = &self.snapshot.day.venture.code;
        let session = match &self.session {
            Some(id) => format!("session  {id}, from an earlier answer; this call did not reach the API."),
            None => {
                "session  not started. It starts automatically when the API answers. You can also call `sod` again."
                    .to_owned()
            }
        };
        vec![
            self.why.title.to_owned(),
            format!("{endpoint}: {cause}."),
            format!(
                "STALE: the API's records are from its last answer, {age} ({at}). Others may have changed them since."
            ),
            format!("venture  {venture}"),
            session,
            "`handoff` works: it keeps your handoff on this machine and sends it once, when the API answers."
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::golden::assert_in_step;
    use crate::render::samples::NOW;
    use crate::render::team::{self, BUSY, busy_day, busy_extras};

    #[test]
    fn a_day_without_the_api_is_in_step() {
        let taken_at = NOW.parse().unwrap();
        let last = LastAnswer {
            snapshot: Snapshot { taken_at, day: busy_day(BUSY) },
            now: taken_at.plus_seconds(7_200),
            why: NoAnswer { title: UNREACHABLE, cause: "Connection refused (os error 111)".to_owned() },
            endpoint: "https://context.example.com/".to_owned(),
            session: None,
        };
        let extras = DayExtras { unsent: vec![team::unsent()], ..busy_extras() };
        let text = last.render(&extras, &[], &team::fence(), 5_300).text;
        assert_in_step("sod-offline", &text);
    }
}
