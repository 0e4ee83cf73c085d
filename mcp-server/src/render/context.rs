//! Sessions and their whereabouts, as `sod` and `context` show them.

use deckwatch_protocol::{ActiveSession, Branch, IssueNumber, RepoName, Session, Timestamp, Track};

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const BRANCH_COST: usize = 80;

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
        remark: collision(sessions, own),
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
    let seen = ago(session.last_heartbeat_at, now);
    let place = Whereabouts::from(session).line(fence);
    format!("{} ({} on {}): {place}; last seen {seen}", session.agent, session.client, session.host)
}

fn collision(sessions: &[ActiveSession], own: &Whereabouts) -> Option<String> {
    let here = || sessions.iter().filter(|session| session.repo == *own.repo);
    let same_branch = here().filter(|session| own.branch.is_some() && session.branch.as_ref() == own.branch).count();
    let same_issue = here().filter(|session| own.issue.is_some() && session.issue_number == own.issue).count();
    let parts = [(same_branch, "your branch"), (same_issue, "your issue")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} on {what}")).collect();
    (!said.is_empty()).then(|| format!("Careful, in your repository: {}.", said.join(", ")))
}
