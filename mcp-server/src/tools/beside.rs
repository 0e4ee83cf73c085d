//! What a start of day shows beside the API's answer: P0 issues and the weekly plan.
//!
//! Each part is loaded at the same time as the day, in its own time, and never keeps the day from starting.

use std::time::Duration;

use super::plan::{missing, path, weekly_plan};
use super::status::repositories;
use crate::github::{Lane, Queue, Wanted};
use crate::identity::Identity;
use crate::plan::WeeklyPlan;
use crate::render::clean::clean_line;
use crate::render::sod::{Beside, Missing};
use crate::trouble::Trouble;

/// A part that takes longer says so in its place.
const PATIENCE: Duration = Duration::from_secs(2);
const P0_SHOWN: usize = 10;

/// Loads every part.
pub(super) async fn load(identity: &Identity) -> Beside {
    let (p0, plan) = tokio::join!(in_time("status", p0_issues(identity)), in_time("plan", weekly_plan(identity)));
    let plan = plan.map(|plan: Option<WeeklyPlan>| plan.ok_or_else(|| Missing(missing(&path(identity)))));
    Beside { p0, plan }
}

/// Those of all the venture's repositories.
async fn p0_issues(identity: &Identity) -> Result<Queue, Trouble> {
    let asked = repositories(identity, false).await?;
    let wanted = Wanted { repos: &asked.repos, lanes: &[Lane::P0], issues: P0_SHOWN };
    let queue = identity.github().queue(wanted).await?;
    Ok(Queue { gap: asked.gap, ..queue })
}

async fn in_time<T>(tool: &str, part: impl Future<Output = Result<T, Trouble>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, part).await {
        Ok(loaded) => loaded.map_err(|trouble| clean_line(&trouble.to_string())),
        Err(_) => Err(format!("This part took longer than {} s. Call `{tool}` to ask again.", PATIENCE.as_secs())),
    }
}
