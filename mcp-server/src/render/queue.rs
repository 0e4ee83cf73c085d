//! The work queue: issues by lane, with exact totals.

use std::borrow::Cow;

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Claim, RepoName, Timestamp};

use super::budget::clip;
use super::claims;
use super::clean::clean_line;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use crate::github::{Issue, Lane, LaneCursor, LaneOfRepo, MAX_REPOS, Queue};

const TITLE_COST: usize = 160;
const NAME_COST: usize = 40;
const GAP_COST: usize = 200;

/// The lanes as a part, in the given order.
pub(crate) fn part(
    queue: &Queue,
    lanes: &[Lane],
    now: Timestamp,
    fence: &Fence,
    heading: String,
    more: Cow<'static, str>,
) -> Part {
    let group = |lane: &Lane| Group {
        title: (lanes.len() > 1).then_some(lane.heading()),
        weight: if *lane == Lane::P0 { 3 } else { 1 },
        first: if *lane == Lane::P0 { 4 } else { 2 },
        ..Group::of(
            lane.title(),
            items(queue, *lane, now, fence),
            Total::exactly(total(queue, *lane).count),
            Cut::Never,
        )
    };
    Part { heading, remark: None, holds: "issues on GitHub", groups: lanes.iter().map(group).collect(), more }
}

/// The number of issues in the lane, in all repositories that answered. A lower bound if a repository is missing.
pub(crate) fn total(queue: &Queue, lane: Lane) -> Total {
    let is_partial = queue.gap.is_some() || !queue.failed.is_empty() || !queue.left_out.is_empty();
    Total { count: of_lane(queue, lane).map(|of_repo| of_repo.total).sum(), at_least: is_partial }
}

/// One line for each repository without an answer, or for several.
pub(crate) fn gaps(queue: &Queue) -> Vec<String> {
    let failed = queue.failed.iter().map(|trouble| format!("Not counted: {trouble}."));
    let left_out = (!queue.left_out.is_empty()).then(|| {
        let names: Vec<&str> = queue.left_out.iter().take(10).map(RepoName::as_str).collect();
        let and_more = if queue.left_out.len() > names.len() { ", …" } else { "" };
        format!(
            "Not counted: {} more repositories, because at most {MAX_REPOS} are read ({}{and_more}).",
            queue.left_out.len(),
            names.join(", ")
        )
    });
    let gap = queue.gap.as_ref().map(|why| {
        let only: Vec<&str> = queue.repos.iter().map(RepoName::as_str).collect();
        format!(
            "Only issues of {} are counted, not of the whole venture: {}.",
            only.join(", "),
            clip(&clean_line(why), GAP_COST)
        )
    });
    gap.into_iter().chain(failed).chain(left_out).collect()
}

/// One line for each repository that a reader should know something about.
pub(crate) fn notices(queue: &Queue) -> Vec<String> {
    queue.notices.iter().map(ToString::to_string).collect()
}

/// Where the page after these issues begins. `page` is the beginning of their page.
pub(crate) fn cursor_behind(shown: usize, queue: &Queue, lane: Lane, page: &LaneCursor) -> LaneCursor {
    let mut cursor = page.clone();
    for (of_repo, issue) in issues(queue, lane).into_iter().take(shown) {
        cursor.move_behind(&of_repo.repo, of_repo.on_track, &issue.cursor);
    }
    cursor
}

/// The issues of all repositories: those on the agent's track, then the others, newest change first.
fn issues(queue: &Queue, lane: Lane) -> Vec<(&LaneOfRepo, &Issue)> {
    let issues = |of_repo: &'_ LaneOfRepo| of_repo.issues.len();
    let mut all: Vec<(&LaneOfRepo, &Issue)> = Vec::with_capacity(of_lane(queue, lane).map(issues).sum());
    // While GitHub lists more on the agent's track, the other issues wait for a later page.
    let track_goes_on = of_lane(queue, lane).any(|of_repo| of_repo.on_track && of_repo.goes_on);
    for of_repo in of_lane(queue, lane).filter(|of_repo| of_repo.on_track || !track_goes_on) {
        all.extend(of_repo.issues.iter().map(|issue| (of_repo, issue)));
    }
    all.sort_by_key(|(of_repo, issue)| (!of_repo.on_track, std::cmp::Reverse(issue.updated_at)));
    all
}

fn items(queue: &Queue, lane: Lane, now: Timestamp, fence: &Fence) -> Vec<Vec<String>> {
    let several = queue.repos.len() + queue.failed.len() > 1;
    issues(queue, lane)
        .into_iter()
        .map(|(of_repo, issue)| vec![line(of_repo, issue, several, &queue.claims, now, fence)])
        .collect()
}

fn of_lane(queue: &Queue, lane: Lane) -> impl Iterator<Item = &LaneOfRepo> {
    queue.lanes.iter().filter(move |of_repo| of_repo.lane == lane)
}

fn line(of_repo: &LaneOfRepo, issue: &Issue, several: bool, claims: &[Claim], now: Timestamp, fence: &Fence) -> String {
    let repo = if several { of_repo.repo.as_str() } else { "" };
    let name = |login: &str| clip(&fence.line(login), NAME_COST);
    let title = clip(&fence.line(&issue.title), TITLE_COST);
    let by = issue.author().map_or("a deleted account".to_owned(), name);
    let assigned: Vec<String> = issue.assignees().map(name).collect();
    let assigned = if assigned.is_empty() { String::new() } else { format!(", assigned {}", assigned.join(", ")) };
    let needs = issue.needs().fold(String::new(), |all, role| all + ", needs " + role);
    let track = if of_repo.on_track { "your track: " } else { "" };
    let mark = issue.mark();
    let claimed = claims::on_issue(claims, &of_repo.repo, issue.number);
    let claimed = claimed.map_or_else(String::new, |claim| format!(", claimed by {}", claim.agent));
    format!(
        "{repo}#{} {track}{mark}{title} (by {by}{assigned}{claimed}{needs}, changed {})",
        issue.number,
        ago(issue.updated_at, now)
    )
}
