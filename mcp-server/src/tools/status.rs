//! `status`: the work queue from the GitHub issues of the venture's repositories.

use std::collections::BTreeMap;
use std::time::Duration;

use deckwatch_protocol::{RepoName, Track, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now};
use crate::github::{CursorOf, Lane, LaneCursor, Queue, QueueRequest};
use crate::identity::Identity;
use crate::render::budget::line_cost;
use crate::render::claims::Claims;
use crate::render::fence::WARNING;
use crate::render::next_page::{LAST_PAGE, ListPage};
use crate::render::queue;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 8_000;
/// The number of issues for each lane and repository: for all lanes, and for one lane.
const OVERVIEW: usize = 10;
const ONE_LANE: usize = 50;
/// How many issues of a repository GitHub lists. It counts all.
const SEARCH_LIMIT: usize = 1_000;
const HEADING: &str = "## Work queue";
/// The time limit to find the venture's repositories. The agent's own repository is known without them.
const TIME_LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// Only this lane.
    #[deserr(default)]
    lane: Option<Lane>,
    #[deserr(default)]
    #[schemars(default)]
    this_repository: bool,
    /// Needs `lane`.
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The queue, as text.
    pub(super) report: String,
    /// The total of each requested lane.
    #[schemars(with = "BTreeMap<String, usize>")]
    totals: Totals,
    #[schemars(skip)]
    issues_shown: usize,
    #[schemars(skip)]
    repositories: Vec<RepoName>,
    /// How many repositories of the venture are not in the totals.
    #[schemars(skip)]
    repositories_missing: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Totals {
    #[serde(skip_serializing_if = "Option::is_none")]
    p0: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_progress: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qa: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    triage: Option<usize>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    let asked = repositories(&keeper.identity, arguments.this_repository).await?;
    let track = keeper.track()?;
    let cursor = lane_cursor(&arguments, &asked.repos, track)?;
    let lanes = arguments.lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]);
    let issues = if arguments.lane.is_some() { ONE_LANE } else { OVERVIEW };
    let wanted = QueueRequest {
        repos: &asked.repos,
        remote: asked.remote.as_deref(),
        lanes: &lanes,
        track,
        issues,
        cursor: arguments.cursor.is_some().then_some(&cursor),
    };
    let github = keeper.identity.github().queue(wanted);
    let (queue, claims, mail) = tokio::join!(github, claims(&keeper.identity), keeper.mail_line());
    // Without the API, one line says so.
    let mail = mail.filter(|_| !matches!(claims, Claims::Unknown(_)));
    let remarks: Vec<String> = claims.gap().into_iter().chain(mail).collect();
    let queue = Queue { gap: asked.gap, claims: claims.into_items(), ..queue? };
    let this_repository = arguments.this_repository;
    Ok(match arguments.lane {
        Some(lane) => of_lane(&queue, remarks, &LanePage { lane, track, cursor, repos: &asked.repos, this_repository }),
        None => overview(&queue, remarks),
    })
}

/// The claims of the venture, to show them beside their issues.
async fn claims(identity: &Identity) -> Claims {
    let read = async {
        let (api, place) = (identity.api().await?, identity.place().await?);
        Ok(Claims::of(api, &place.venture.code).await)
    };
    match tokio::time::timeout(TIME_LIMIT, read).await {
        Ok(Ok(claims)) => claims,
        Ok(Err(trouble)) => Claims::Unknown(Trouble::to_string(&trouble)),
        Err(_) => Claims::Unknown(format!("the API did not answer within {} s", TIME_LIMIT.as_secs())),
    }
}

/// The beginning of the page.
fn lane_cursor(arguments: &Arguments, repos: &[RepoName], track: Option<Track>) -> Result<LaneCursor, Trouble> {
    let wrong = |why: &str| Trouble::Arguments(Violations::at("/cursor", why));
    match (&arguments.cursor, arguments.lane) {
        (None, _) => Ok(LaneCursor::default()),
        (Some(_), None) => Err(wrong("needs lane")),
        (Some(text), Some(lane)) => LaneCursor::parse(text, CursorOf { lane, track, repos }).ok_or_else(|| {
            wrong("must be next_cursor of an answer about the same lane and repositories; leave it out for the first page")
        }),
    }
}

/// The repositories to ask GitHub about.
pub(super) struct Repositories {
    pub(super) repos: Vec<RepoName>,
    /// The URL of the remote of the agent's repository.
    pub(super) remote: Option<String>,
    /// Why these are not all repositories of the venture, if so.
    pub(super) gap: Option<String>,
}

/// The agent's repository first, then the others of the venture. Only the agent's repository if the venture is unknown.
pub(super) async fn repositories(identity: &Identity, this_one: bool) -> Result<Repositories, Trouble> {
    let own = identity.checkout().await?;
    let mut asked = Repositories { repos: vec![own.repo], remote: own.remote, gap: None };
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

/// A page of one lane.
struct LanePage<'a> {
    lane: Lane,
    /// The agent's track.
    track: Option<Track>,
    cursor: LaneCursor,
    /// The repositories of the request.
    repos: &'a [RepoName],
    this_repository: bool,
}

fn facts(queue: &Queue, lanes: &[Lane], report: String, issues_shown: usize) -> Facts {
    let total = |lane| lanes.contains(&lane).then(|| queue::total(queue, lane).count);
    Facts {
        report,
        totals: Totals {
            p0: total(Lane::P0),
            ready: total(Lane::Ready),
            in_progress: total(Lane::InProgress),
            qa: total(Lane::Qa),
            blocked: total(Lane::Blocked),
            triage: total(Lane::Triage),
        },
        issues_shown,
        repositories: queue.repos.clone(),
        repositories_missing: queue.failed.len() + queue.left_out.len(),
        next_cursor: None,
    }
}

/// All lanes, with the first issues of each.
fn overview(queue: &Queue, remarks: Vec<String>) -> Facts {
    let mut report = above(queue, remarks, &Lane::ALL);
    let mut issues_shown = 0;
    if !is_empty(queue, &Lane::ALL) {
        let (fence, room) = (fence(), room_below(&report));
        let more = "Call `status` with a lane to read all of its issues.";
        let shown = queue::part(queue, &Lane::ALL, now(), &fence, HEADING.to_owned(), more.into()).fit(&fence, room);
        issues_shown = shown.count;
        report.extend(shown.lines);
    }
    facts(queue, &Lane::ALL, report.join("\n"), issues_shown)
}

/// One lane, from the beginning of a page on.
fn of_lane(queue: &Queue, remarks: Vec<String>, page: &LanePage) -> Facts {
    let lanes = [page.lane];
    let mut report = above(queue, remarks, &lanes);
    if is_empty(queue, &lanes) {
        return facts(queue, &lanes, report.join("\n"), 0);
    }
    let (fence, room) = (fence(), room_below(&report));
    let of = CursorOf { lane: page.lane, track: page.track, repos: page.repos };
    let cursor = |shown| queue::cursor_behind(shown, queue, page.lane, &page.cursor).text(of);
    let call = |shown| {
        let this_repository = if page.this_repository { ", this_repository true" } else { "" };
        format!("`status` with lane \"{}\"{this_repository} and cursor \"{}\"", page.lane.name(), cursor(shown))
    };
    let part = queue::part(queue, &lanes, now(), &fence, HEADING.to_owned(), last_note(queue).into());
    let goes_on = queue.lanes.iter().any(|of_repo| of_repo.goes_on);
    let shown = ListPage::fit(part, &fence, room, goes_on, call);
    report.extend(shown.lines);
    let next_cursor = shown.goes_on.then(|| cursor(shown.shown));
    Facts { next_cursor, ..facts(queue, &lanes, report.join("\n"), shown.shown) }
}

/// The note of the last page.
fn last_note(queue: &Queue) -> &'static str {
    if queue.lanes.iter().any(|of_repo| of_repo.total > SEARCH_LIMIT) {
        "This is the last page: a search on GitHub lists only the first 1,000 items of a repository."
    } else {
        LAST_PAGE
    }
}

/// The lines above the issues: the totals, and the repositories that are not counted.
fn above(queue: &Queue, remarks: Vec<String>, lanes: &[Lane]) -> Vec<String> {
    let names: Vec<&str> = queue.repos.iter().map(RepoName::as_str).collect();
    let counts: Vec<String> =
        lanes.iter().map(|lane| format!("{} {}", lane.title(), queue::total(queue, *lane))).collect();
    let mut report = vec![format!("Open issues and pull requests in {}: {}", names.join(", "), counts.join(", "))];
    report.extend(queue::gaps(queue));
    report.extend(queue::notices(queue));
    report.extend(remarks);
    if !is_empty(queue, lanes) {
        report.extend([WARNING.to_owned(), String::new()]);
    }
    report
}

fn is_empty(queue: &Queue, lanes: &[Lane]) -> bool {
    lanes.iter().all(|lane| queue::total(queue, *lane).count == 0)
}

fn room_below(report: &[String]) -> usize {
    LIMIT.saturating_sub(report.iter().map(|line| line_cost(line)).sum())
}
