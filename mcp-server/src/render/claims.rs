//! Claims, for the reports of `sod`, `context` and `status`.

use deckwatch_client::api::Api;
use deckwatch_machine::clock::{ago, duration};
use deckwatch_protocol::{Claim, ClaimFilter, IssueNumber, RepoName, SessionId, Timestamp, VentureCode};

use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const SUBJECT_COST: usize = 160;

/// The claims of a venture, or why they are not known.
pub(crate) enum Claims {
    Known { items: Vec<Claim>, total: Total },
    Unknown(String),
}

impl Claims {
    /// The newest 100 claims of a venture.
    pub(crate) async fn of(api: &Api, venture: &VentureCode) -> Self {
        let filter = ClaimFilter { venture: Some(venture.clone()), limit: 100.try_into().ok(), ..ClaimFilter::default() };
        match api.list_claims(&filter).await {
            Ok(page) => {
                let count = usize::try_from(page.total).unwrap_or(usize::MAX);
                Self::Known { items: page.items, total: Total { count, at_least: page.total_is_minimum } }
            }
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// The claim on an issue.
    pub(crate) fn on_issue(&self, repo: &RepoName, number: IssueNumber) -> Option<&Claim> {
        let Self::Known { items, .. } = self else { return None };
        let subject = format!("issue:{number}");
        let is_on = |claim: &&Claim| {
            claim.subject.as_str() == subject && claim.repo.as_str().eq_ignore_ascii_case(repo.as_str())
        };
        items.iter().find(is_on)
    }

    /// Why some claims may be missing in a list that shows the claim of each issue.
    pub(crate) fn gap(&self) -> Option<String> {
        match self {
            Self::Unknown(why) => Some(format!("Claims are not shown: {}", clip(why, 200))),
            Self::Known { items, total } if total.at_least || items.len() < total.count => {
                Some(format!("Only the newest {} of {total} claims are shown.", items.len()))
            }
            Self::Known { .. } => None,
        }
    }
}

/// The claims of other agents in this repository first, then those of other repositories, then the agent's own.
pub(crate) fn part(
    claims: &[Claim],
    total: Total,
    own: Option<&SessionId>,
    repo: &RepoName,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let is_own = |claim: &Claim| Some(&claim.session_id) == own;
    let mut sorted: Vec<&Claim> = claims.iter().collect();
    sorted.sort_by_key(|claim| (is_own(claim), !claim.repo.as_str().eq_ignore_ascii_case(repo.as_str())));
    let here = |claim: &Claim| claim.repo.as_str().eq_ignore_ascii_case(repo.as_str());
    let item = |claim: &&Claim| {
        let subject = clip(&fence.line(claim.subject.as_str()), SUBJECT_COST);
        let place = if here(claim) { String::new() } else { format!(" of {}", claim.repo) };
        let holder = if is_own(claim) { "you".to_owned() } else { claim.agent.to_string() };
        vec![format!("{subject}{place}: {holder}, since {}, {}", ago(claim.since, now), held_until(claim, now))]
    };
    let items = sorted.iter().map(item).collect();
    Part {
        heading: format!("## Claims: {total}"),
        remark: Some("Do not work on what another agent has claimed.".to_owned()),
        holds: "claims of agents on issues and paths",
        groups: vec![Group { first: 3, ..Group::of("claims", items, total, Cut::Never) }],
        more: "Run `launcher claims` to see them all.".into(),
    }
}

/// How long a claim is held, or that its holder no longer answers.
pub(crate) fn held_until(claim: &Claim, now: Timestamp) -> String {
    if claim.is_stale(now) {
        return format!("its holder is silent, and it may be taken since {}", ago(claim.until, now));
    }
    format!("held for {} more unless its holder sends a heartbeat", duration(claim.until.seconds_since(now)))
}
