//! Claims, for the reports of `sod`, `context` and `status`.

use deckwatch_client::api::Api;
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Claim, ClaimFilter, RepoName, SessionId, Timestamp, VentureCode};

use super::budget::clip;
use super::clean::clean_line;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use crate::sentence::as_sentence;

const SUBJECT_COST: usize = 160;

/// The claims of a venture, or why they are not known.
pub(crate) enum Claims {
    Known { items: Vec<Claim>, total: Total },
    Unknown(String),
}

impl Claims {
    /// The newest 100 claims of a venture.
    pub(crate) async fn of(api: &Api, venture: &VentureCode) -> Self {
        let filter =
            ClaimFilter { venture: Some(venture.clone()), limit: 100.try_into().ok(), ..ClaimFilter::default() };
        match api.list_claims(&filter).await {
            Ok(page) => {
                let count = usize::try_from(page.total).unwrap_or(usize::MAX);
                Self::Known { items: page.items, total: Total { count, at_least: page.total_is_minimum } }
            }
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// The claims that are known.
    pub(crate) fn into_items(self) -> Vec<Claim> {
        match self {
            Self::Known { items, .. } => items,
            Self::Unknown(_) => Vec::new(),
        }
    }

    /// Why some claims may be missing in a list that shows the claim of each issue.
    pub(crate) fn gap(&self) -> Option<String> {
        match self {
            Self::Unknown(why) => Some(format!("Claims are not shown: {}", as_sentence(&clip(&clean_line(why), 200)))),
            Self::Known { items, total } if total.at_least || items.len() < total.count => {
                Some(format!("Only the newest {} of {total} claims are shown.", items.len()))
            }
            Self::Known { .. } => None,
        }
    }
}

/// The claim on an issue.
pub(crate) fn on_issue<'a>(claims: &'a [Claim], repo: &RepoName, number: u64) -> Option<&'a Claim> {
    let subject = format!("issue:{number}");
    let is_on =
        |claim: &&Claim| claim.subject.as_str() == subject && claim.repo.as_str().eq_ignore_ascii_case(repo.as_str());
    claims.iter().find(is_on)
}

/// The claims of other agents that a request for claims met.
pub(crate) fn held_part(claims: &[Claim], total: Total, repo: &RepoName, now: Timestamp, fence: &Fence) -> Part {
    let item = |claim: &Claim| vec![format!("{} (until {})", line(claim, None, repo, now, fence), claim.until)];
    Part {
        heading: format!("## Held by others: {total}"),
        remark: None,
        holds: "claims of agents on issues and paths",
        groups: vec![Group::of("claims", claims.iter().map(item).collect(), total, Cut::Never)],
        more: "".into(),
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
    let item = |claim: &&Claim| vec![line(claim, own, repo, now, fence)];
    let items = sorted.iter().map(item).collect();
    Part {
        heading: format!("## Claims: {total}"),
        remark: Some("Don't work on what another agent has claimed.".to_owned()),
        holds: "claims of agents on issues and paths",
        groups: vec![Group { first: 2, ..Group::of("claims", items, total, Cut::Never) }],
        more: "Run `launcher claims` to see them all.".into(),
    }
}

fn line(claim: &Claim, own: Option<&SessionId>, repo: &RepoName, now: Timestamp, fence: &Fence) -> String {
    let subject = clip(&fence.line(claim.subject.as_str()), SUBJECT_COST);
    let is_here = claim.repo.as_str().eq_ignore_ascii_case(repo.as_str());
    let place = if is_here { String::new() } else { format!(" of {}", claim.repo) };
    let holder = if Some(&claim.session_id) == own { "you".to_owned() } else { claim.agent.to_string() };
    let stale = if claim.is_stale(now) { "; silent, so another agent may take it" } else { "" };
    format!("{subject}{place}: {holder}, {}{stale}", ago(claim.since, now))
}
