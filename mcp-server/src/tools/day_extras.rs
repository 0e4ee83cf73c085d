//! Loads the parts of a start of day that do not come from the API: P0 issues and the weekly plan.
//!
//! All parts load in parallel with the day, each with a time limit. A failure does not stop the day from starting.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_protocol::Track;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::plan::{missing, path, weekly_plan};
use super::status::repositories;
use crate::github::{Lane, Queue, QueueRequest};
use crate::own_database::OwnHandoffs;
use crate::plan::WeeklyPlan;
use crate::render::clean::clean_line;
use crate::render::sod::{DayExtras, NoPlan};
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The time limit of each part.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The time limit when the API did not answer: use only the parts that are loaded.
const GRACE: Duration = Duration::from_millis(50);
const P0_SHOWN: usize = 30;

/// The parts that are being loaded. Dropping this stops the loading.
pub(super) struct Loading {
    of_network: JoinHandle<OfNetwork>,
    own: JoinHandle<OwnPart>,
}

/// The P0 issues, which come from GitHub, and the weekly plan.
type OfNetwork = (Result<Queue, String>, Result<Result<WeeklyPlan, NoPlan>, String>);
/// The handoffs in this machine's own database.
type OwnPart = Result<Option<OwnHandoffs>, String>;

impl Loading {
    /// Starts to load all parts.
    pub(super) fn begin(keeper: &Arc<Keeper>, track: Option<Track>) -> Self {
        let (keeper, same) = (Arc::clone(keeper), Arc::clone(keeper));
        let of_network = tokio::spawn(async move { load(&keeper, track).await });
        Self { of_network, own: tokio::spawn(async move { same.identity.own_handoffs(None).await }) }
    }

    /// Waits for all parts.
    pub(super) async fn whole(mut self) -> Result<DayExtras, Trouble> {
        let (p0, plan) = (&mut self.of_network).await?;
        Ok(DayExtras { p0, plan, unsent: Vec::new(), own: (&mut self.own).await? })
    }

    /// Takes the parts that are loaded.
    pub(super) async fn so_far(self) -> DayExtras {
        self.within(GRACE).await
    }

    /// Takes the parts that are loaded within this time.
    pub(super) async fn within(mut self, limit: Duration) -> DayExtras {
        let late = |tool: &str| format!("This part is not loaded yet. Call `{tool}` to see it.");
        let (of_network, own) = tokio::join!(timeout(limit, &mut self.of_network), timeout(limit, &mut self.own));
        let (p0, plan) = match of_network {
            Ok(Ok(loaded)) => loaded,
            _ => (Err(late("status")), Err(late("plan"))),
        };
        let own =
            match own {
                Ok(Ok(own)) => own,
                _ => Err("The handoffs in this machine's own database are not read yet. Call `handoffs` to see them."
                    .to_owned()),
            };
        DayExtras { p0, plan, unsent: Vec::new(), own }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.of_network.abort();
        self.own.abort();
    }
}

/// Loads the parts that may need the network.
async fn load(keeper: &Keeper, track: Option<Track>) -> OfNetwork {
    let identity = &keeper.identity;
    let (p0, plan) = tokio::join!(in_time("status", p0_issues(keeper, track)), in_time("plan", weekly_plan(identity)));
    let plan = plan.map(|plan: Option<WeeklyPlan>| plan.ok_or_else(|| NoPlan(missing(&path(identity)))));
    (p0, plan)
}

/// The P0 issues of all repositories of the venture.
async fn p0_issues(keeper: &Keeper, track: Option<Track>) -> Result<Queue, Trouble> {
    let asked = repositories(&keeper.identity, false).await?;
    let wanted = QueueRequest {
        repos: &asked.repos,
        remote: asked.remote.as_deref(),
        lanes: &[Lane::P0],
        track: track.or(keeper.track()?),
        issues: P0_SHOWN,
        cursor: None,
    };
    let queue = keeper.identity.github().queue(wanted).await?;
    Ok(Queue { gap: asked.gap, ..queue })
}

async fn in_time<T>(tool: &str, part: impl Future<Output = Result<T, Trouble>>) -> Result<T, String> {
    match timeout(TIME_LIMIT, part).await {
        Ok(loaded) => loaded.map_err(|trouble| clean_line(&trouble.to_string())),
        Err(_) => Err(format!("This part took longer than {} s. Call `{tool}` to try again.", TIME_LIMIT.as_secs())),
    }
}
