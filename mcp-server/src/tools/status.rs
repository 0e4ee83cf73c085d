//! `status`: the work queue from the GitHub issues of the venture's repositories.

use std::time::Duration;

use deckwatch_protocol::{RepoName, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints, now};
use crate::github::{Lane, Queue, QueueRequest};
use crate::identity::Identity;
use crate::render::budget::line_cost;
use crate::render::fence::WARNING;
use crate::render::queue;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 8_000;
/// The number of issues for each lane and repository: for all lanes, and for one lane.
const OVERVIEW: usize = 10;
const ONE_LANE: usize = 50;
/// The time limit to find the venture's repositories. The agent's own repository is known without them.
const TIME_LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {
    /// Only this lane, with more of its issues.
    #[deserr(default)]
    lane: Option<Lane>,
    /// Only this repository, not all of the venture.
    #[deserr(default)]
    #[schemars(default)]
    this_repository: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Facts {
    /// The queue, as text.
    report: String,
    /// The total of each requested lane.
    totals: Totals,
    issues_shown: usize,
    repositories: Vec<RepoName>,
    /// How many repositories of the venture are not in the totals.
    repositories_missing: usize,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Totals {
    #[serde(skip_serializing_if = "Option::is_none")]
    p0: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_progress: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    triage: Option<usize>,
}

pub(super) fn definition() -> Tool {
    let text = "The work queue from GitHub: open issues by lane (P0, ready, in progress, blocked, triage) with totals, \
                newest change first. Labels decide the lane; an issue without such a label is in triage.";
    Tool::new("status", text, schema::of_arguments::<Arguments>())
        .with_title("Work queue")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true).open_world(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let arguments: Arguments = decode(arguments)?;
    let asked = repositories(&keeper.identity, arguments.this_repository).await?;
    let lanes = arguments.lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]);
    let issues = if arguments.lane.is_some() { ONE_LANE } else { OVERVIEW };
    let mut queue = keeper.identity.github().queue(QueueRequest { repos: &asked.repos, lanes: &lanes, issues }).await?;
    queue.gap = asked.gap;
    let facts = facts(&queue, &lanes);
    Ok(answer(&facts, &facts.report))
}

/// The repositories to ask GitHub about.
pub(super) struct Repositories {
    pub(super) repos: Vec<RepoName>,
    /// Why these are not all repositories of the venture, if so.
    pub(super) gap: Option<String>,
}

/// The agent's repository first, then the others of the venture. Only the agent's repository if the venture is unknown.
pub(super) async fn repositories(identity: &Identity, this_one: bool) -> Result<Repositories, Trouble> {
    let own = identity.checkout().await?.repo;
    let mut asked = Repositories { repos: vec![own], gap: None };
    if this_one {
        return Ok(asked);
    }
    let place = match tokio::time::timeout(TIME_LIMIT, identity.place()).await {
        Ok(Ok(place)) => place,
        Ok(Err(trouble)) => return Ok(Repositories { gap: Some(trouble.to_string()), ..asked }),
        Err(_) => {
            let gap = format!("the venture was not known within {} s", TIME_LIMIT.as_secs());
            return Ok(Repositories { gap: Some(gap), ..asked });
        }
    };
    asked.repos = vec![place.repo.clone()];
    for repo in &place.venture.repos {
        if !asked.repos.iter().any(|known| known.as_str().eq_ignore_ascii_case(repo.as_str())) {
            asked.repos.push(repo.clone());
        }
    }
    Ok(asked)
}

fn facts(queue: &Queue, lanes: &[Lane]) -> Facts {
    let (report, issues_shown) = report(queue, lanes);
    let total = |lane| lanes.contains(&lane).then(|| queue::total(queue, lane).count);
    Facts {
        report,
        totals: Totals {
            p0: total(Lane::P0),
            ready: total(Lane::Ready),
            in_progress: total(Lane::InProgress),
            blocked: total(Lane::Blocked),
            triage: total(Lane::Triage),
        },
        issues_shown,
        repositories: queue.repos.clone(),
        repositories_missing: queue.failed.len() + queue.left_out.len(),
    }
}

fn report(queue: &Queue, lanes: &[Lane]) -> (String, usize) {
    let names: Vec<&str> = queue.repos.iter().map(RepoName::as_str).collect();
    let counts: Vec<String> =
        lanes.iter().map(|lane| format!("{} {}", lane.title(), queue::total(queue, *lane))).collect();
    let mut report = vec![format!("Open issues in {}: {}", names.join(", "), counts.join(", "))];
    report.extend(queue::gaps(queue));
    if lanes.iter().all(|lane| queue::total(queue, *lane).count == 0) {
        return (report.join("\n"), 0);
    }
    report.extend([WARNING.to_owned(), String::new()]);
    let spent: usize = report.iter().map(|line| line_cost(line)).sum();
    let more = match lanes {
        [_] => "To see the others, run `gh issue list` with the labels of this lane.",
        _ => "Call `status` with a lane to see up to 50 of its issues.",
    };
    let fence = fence();
    let part = queue::part(queue, lanes, now(), &fence, "## Work queue".to_owned(), more.into());
    let shown = part.fit(&fence, LIMIT.saturating_sub(spent));
    report.extend(shown.lines);
    (report.join("\n"), shown.count)
}
