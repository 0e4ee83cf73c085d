//! `plan`: the weekly plan of the repository, with its age.

use std::path::PathBuf;

use deckwatch_client::variables;
use deckwatch_protocol::{Timestamp, VentureCode, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints, now};
use crate::identity::Identity;
use crate::plan::{DEFAULT_PATH, WeeklyPlan};
use crate::render;
use crate::render::budget::{clip, line_cost};
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The report's limit; the facts beside it stay below another 500.
const LIMIT: usize = 8_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
struct Facts {
    /// The plan, as text.
    report: String,
    /// False: there is none yet.
    exists: bool,
    /// Older than 7 days.
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_venture: Option<VentureCode>,
}

pub(super) fn definition() -> Tool {
    let text = "The weekly plan of this repository: which venture comes first, what is planned, and how old the plan is. \
                After 7 days it is stale.";
    Tool::new("plan", text, schema::of_arguments::<Arguments>())
        .with_title("Weekly plan")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let Arguments {} = decode(arguments)?;
    let facts = match weekly_plan(&keeper.identity).await? {
        Some(plan) => facts(&plan, now()),
        None => Facts {
            report: missing(&path(&keeper.identity)),
            exists: false,
            stale: false,
            changed_at: None,
            priority_venture: None,
        },
    };
    Ok(answer(&facts, &facts.report))
}

/// The plan of the repository in hand.
pub(super) async fn weekly_plan(identity: &Identity) -> Result<Option<WeeklyPlan>, Trouble> {
    let (checkout, path) = (identity.checkout().await?, path(identity));
    Ok(blocking(move || WeeklyPlan::read(&checkout, &path)).await??)
}

/// Where the plan is looked for.
pub(super) fn path(identity: &Identity) -> PathBuf {
    identity.surroundings().var(variables::PLAN).unwrap_or_else(|| DEFAULT_PATH.to_owned()).into()
}

/// What to do where there is no plan.
pub(super) fn missing(path: &std::path::Path) -> String {
    let path = clip(&clean_line(&path.display().to_string()), 200);
    format!("No weekly plan: {path} is not in this repository. Write one that begins with `Priority venture: CODE`.")
}

fn facts(plan: &WeeklyPlan, now: Timestamp) -> Facts {
    let fence = fence();
    let path = clip(&clean_line(&plan.path.display().to_string()), 200);
    let mut report = vec![WARNING.to_owned(), String::new()];
    let spent: usize = report.iter().map(|line| line_cost(line)).sum();
    let part = render::plan::part(plan, now, &fence, "The file has the rest.");
    report.extend(part.fit(&fence, LIMIT.saturating_sub(spent + line_cost(&path) + 8)).lines);
    report.push(format!("File: {path}"));
    Facts {
        report: report.join("\n"),
        exists: true,
        stale: plan.is_stale(now),
        changed_at: Some(plan.changed_at),
        priority_venture: plan.priority.clone(),
    }
}
