//! `plan`: the weekly plan of the repository, with its age.

use std::path::PathBuf;

use deckwatch_machine::variables;
use deckwatch_protocol::{Timestamp, VentureCode, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now};
use crate::identity::Identity;
use crate::plan::{DEFAULT_PATH, WeeklyPlan};
use crate::render;
use crate::render::budget::{clip, line_cost};
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 8_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    offset: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The plan, as text.
    pub(super) report: String,
    /// Whether a plan exists.
    exists: bool,
    /// Older than 7 days.
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    changed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_venture: Option<VentureCode>,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

pub(super) async fn call(keeper: &Keeper, Arguments { offset }: Arguments) -> Result<Facts, Trouble> {
    let offset = offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX));
    let facts = match weekly_plan(&keeper.identity).await? {
        Some(plan) => facts(&plan, offset, now()),
        None => Facts {
            report: missing(&path(&keeper.identity)),
            exists: false,
            stale: false,
            changed_at: None,
            priority_venture: None,
            next_offset: None,
        },
    };
    Ok(facts)
}

/// Reads the plan of the agent's repository.
pub(super) async fn weekly_plan(identity: &Identity) -> Result<Option<WeeklyPlan>, Trouble> {
    let (checkout, path) = (identity.checkout().await?, path(identity));
    Ok(blocking(move || WeeklyPlan::read(&checkout, &path)).await??)
}

/// The path of the plan.
pub(super) fn path(identity: &Identity) -> PathBuf {
    identity.environment().var(variables::PLAN).unwrap_or_else(|| DEFAULT_PATH.to_owned()).into()
}

/// The text for a missing plan, with what to do.
pub(super) fn missing(path: &std::path::Path) -> String {
    let path = clip(&clean_line(&path.display().to_string()), 200);
    format!(
        "{path} does not exist in this repository. Write the plan there, and begin it with `Priority venture: CODE`."
    )
}

fn facts(plan: &WeeklyPlan, offset: usize, now: Timestamp) -> Facts {
    let path = clip(&clean_line(&plan.path.display().to_string()), 200);
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2 + line_cost(&path) + 8);
    let piece = render::plan::piece(plan, offset, now, &fence(), room);
    Facts {
        report: format!("{WARNING}\n\n{}\nFile: {path}", piece.lines.join("\n")),
        exists: true,
        stale: plan.is_stale(now),
        changed_at: Some(plan.changed_at),
        priority_venture: plan.priority.clone(),
        next_offset: piece.next_offset,
    }
}
