//! Sessions and their whereabouts, as `sod` and `context` show them.

use deckwatch_protocol::{ActiveSession, Agent, Branch, IssueNumber, Presence, RepoName, Session, Timestamp, Track};

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const BRANCH_COST: usize = 80;
/// How many gone agents are named.
const GONE_NAMED: usize = 5;

/// Everyone else who is active, with a remark where work may collide with ours.
pub(crate) fn active_part(
    sessions: &[ActiveSession],
    total: Total,
    own: &Whereabouts,
    now: Timestamp,
    fence: &Fence,
    more: &'static str,
) -> Part {
    let items = sessions.iter().map(|session| vec![active_line(session, now, fence)]).collect();
    let agents = Group { name: "agents", title: None, items, total, cut: Cut::Never, names: Vec::new(), weight: 1 };
    Part {
        heading: format!("## Other active agents: {total}"),
        remark: collision(sessions, own, now),
        holds: "sessions as the agents described them",
        groups: vec![agents],
        more: more.into(),
    }
}

/// Where one agent works, in our own words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whereabouts<'a> {
    pub(crate) repo: &'a RepoName,
    pub(crate) branch: Option<&'a Branch>,
    pub(crate) track: Option<Track>,
    pub(crate) issue: Option<IssueNumber>,
}

impl Whereabouts<'_> {
    /// Repository, branch, track and issue on one line. The branch is a text of this checkout, made harmless.
    pub(crate) fn line(&self, fence: &Fence) -> String {
        let optional = [
            self.branch.map(|branch| format!(", branch {}", clip(&fence.line(branch.as_str()), BRANCH_COST))),
            self.track.map(|track| format!(", track {track}")),
            self.issue.map(|issue| format!(", issue #{issue}")),
        ];
        format!("{}{}", self.repo, optional.into_iter().flatten().collect::<String>())
    }
}

impl<'a> From<&'a ActiveSession> for Whereabouts<'a> {
    fn from(session: &'a ActiveSession) -> Self {
        let branch = session.branch.as_ref();
        Self { repo: &session.repo, branch, track: session.track, issue: session.issue_number }
    }
}

impl<'a> From<&'a Session> for Whereabouts<'a> {
    fn from(session: &'a Session) -> Self {
        let branch = session.branch.as_ref();
        Self { repo: &session.repo, branch, track: session.track, issue: session.issue_number }
    }
}

fn active_line(session: &ActiveSession, now: Timestamp, fence: &Fence) -> String {
    let (seen, presence) = (ago(session.last_heartbeat_at, now), session.presence(now).as_str());
    let place = Whereabouts::from(session).line(fence);
    format!("{} ({} on {}): {place}; {presence}, last seen {seen}", session.agent, session.client, session.host)
}

/// Agents that were left off a list because their process on this machine has ended.
pub(crate) fn gone_line(agents: &[Agent]) -> Option<String> {
    let names: Vec<&str> = agents.iter().take(GONE_NAMED).map(Agent::as_str).collect();
    let more = agents.len().saturating_sub(GONE_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let have =
        if agents.len() == 1 { "its process on this machine has" } else { "their processes on this machine have" };
    (!agents.is_empty()).then(|| format!("Gone: {}{more}; {have} ended without a handoff.", names.join(", ")))
}

/// Warns of those who are here and have not gone; of one that is idle with how long it has been silent.
fn collision(sessions: &[ActiveSession], own: &Whereabouts, now: Timestamp) -> Option<String> {
    let here =
        || sessions.iter().filter(|session| session.repo == *own.repo && session.presence(now) != Presence::Gone);
    let same_branch = here().filter(|session| own.branch.is_some() && session.branch.as_ref() == own.branch);
    let same_issue = here().filter(|session| own.issue.is_some() && session.issue_number == own.issue);
    let parts: [(Vec<&ActiveSession>, &str); 2] =
        [(same_branch.collect(), "your branch"), (same_issue.collect(), "your issue")];
    let said: Vec<String> = parts.iter().filter_map(|(sessions, what)| counted(sessions, what, now)).collect();
    (!said.is_empty()).then(|| format!("Careful, in your repository: {}.", said.join(", ")))
}

fn counted(sessions: &[&ActiveSession], what: &str, now: Timestamp) -> Option<String> {
    let idle = sessions.iter().filter(|session| session.presence(now) == Presence::Idle);
    let heard = idle.clone().map(|session| session.last_heartbeat_at).max();
    let idle = match (heard, idle.count()) {
        (None, _) => String::new(),
        (Some(heard), count) if count == sessions.len() => format!(" (idle, last seen {})", ago(heard, now)),
        (Some(heard), count) => format!(" ({count} of them idle, last seen {})", ago(heard, now)),
    };
    (!sessions.is_empty()).then(|| format!("{} on {what}{idle}", sessions.len()))
}
