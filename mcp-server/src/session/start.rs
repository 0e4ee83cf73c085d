//! Starts the day, or continues the agent's live session.

use std::sync::atomic::Ordering;
use std::time::Duration;

use deckwatch_client::api::ClientError;
use deckwatch_machine::variables;
use deckwatch_protocol::{DayStarted, ErrorCode, IssueNumber, SessionRequest, StartDay, Track};

use super::{Keeper, Live, State};
use crate::identity::{WorkContext, is_embedded};
use crate::trouble::Trouble;

impl Keeper {
    /// Starts the day, or continues the agent's live session. A queued end of day is sent first.
    pub(crate) async fn start(&self, track: Option<Track>, issue: Option<IssueNumber>) -> Result<DayStarted, Trouble> {
        let _turn = self.turn.lock().await;
        // On the heap, because the records of a start of day make it large.
        let work = Box::pin(async {
            self.replay_before_start().await?;
            self.start_in_turn(track, issue).await
        });
        let started = self.identity.while_launched(work).await;
        self.pending.started(&started, track, issue);
        started
    }

    pub(super) async fn start_in_turn(
        &self,
        track: Option<Track>,
        issue: Option<IssueNumber>,
    ) -> Result<DayStarted, Trouble> {
        self.follow_records().await?;
        let request = self.request(track, issue).await?;
        let day = self.start_day(&request).await?;
        // If another machine takes the name from this one later, it keeps the name.
        self.has_started.store(true, Ordering::Relaxed);
        let interval = Duration::from_secs(u64::from(day.heartbeat_interval_seconds));
        self.set(State::Live(Live::of(&day.session, interval)));
        if let Err(error) = self.identity.client().await?.keep_snapshot(day.clone()).await {
            log::warn!("could not save this start of day for times when the API can't be reached: {error}");
        }
        self.identity.remember(&day.session).await;
        Ok(day)
    }

    async fn request(&self, track: Option<Track>, issue: Option<IssueNumber>) -> Result<StartDay, Trouble> {
        let place = self.identity.place().await?;
        Ok(self.session_request(track, issue, Some(place)).await?.start_day_on(place.venture.code.clone()))
    }

    /// The track of the session that this process holds, or else of the environment.
    pub(crate) fn track(&self) -> Result<Option<Track>, Trouble> {
        let held = self.held().and_then(|live| live.track);
        Ok(held.or(self.identity.environment().setting(variables::TRACK)?))
    }

    /// The agent, its repository and its branch, as a start of day sends them. Without `place`, the venture is not
    /// known.
    pub(super) async fn session_request(
        &self,
        track: Option<Track>,
        issue: Option<IssueNumber>,
        place: Option<&WorkContext>,
    ) -> Result<SessionRequest, Trouble> {
        let me = self.identity.me().await?.clone();
        let client_session_id = self.identity.client_session_id(&me);
        let checkout = self.identity.checkout().await?;
        let environment = self.identity.environment();
        let own = self.track()?;
        let repo = place.map_or(checkout.repo, |place| place.repo.clone());
        Ok(SessionRequest {
            client_version: me.client_version,
            client_session_id,
            venture: place.map(|place| place.venture.code.clone()),
            track: track.or(own),
            issue_number: issue.or(environment.setting(variables::ISSUE)?),
            branch: checkout.branch,
            commit_sha: checkout.commit_sha,
            start_id: self.identity.start_id(),
            machine_id: self.identity.machine_id().await,
            groups: environment.setting(variables::GROUPS)?,
            public_key: self.identity.public_key().await,
            take_over: if self.has_started() { None } else { environment.setting(variables::TAKE_OVER)? },
            ..SessionRequest::new(me.agent, me.client, me.host, repo)
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
}
