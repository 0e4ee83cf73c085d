//! Active sessions, for the reports of `sod` and `context`.

use std::fmt;

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    ActiveSession, Agent, Branch, IssueNumber, Presence, RepoName, Session, SessionId, Timestamp, Track,
};

use super::budget::{clip, line_cost};
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const BRANCH_COST: usize = 80;
const ACTIVITY_COST: usize = 80;
/// The limit for the names in a warning.
const NAMES_COST: usize = 300;
/// How many ended agents are named.
const GONE_NAMED: usize = 5;

/// The other active agents, those on the same issue or branch first, with a warning about them.
pub(crate) fn active_part(
    sessions: &[ActiveSession],
    total: Total,
    own: &WorkLocation,
    now: Timestamp,
    fence: &Fence,
    more: &'static str,
) -> Part {
    let mut nearest: Vec<&ActiveSession> = sessions.iter().collect();
    nearest.sort_by_key(|session| own.nearness_of(session));
    let colliding = nearest.iter().filter(|session| own.nearness_of(session) < Nearness::Repository).count();
    let items = nearest.iter().map(|session| vec![active_line(session, now, fence)]).collect();
    let agents = Group { first: colliding.clamp(2, 8), ..Group::of("agents", items, total, Cut::Never) };
    Part {
        heading: format!("## Other active agents: {total}"),
        remark: collisions(&nearest, own, now, fence),
        holds: "sessions as the agents described them",
        groups: vec![agents],
        more: more.into(),
    }
}

impl Part {
    /// The part from the API's last answer: these agents were active then.
    pub(crate) fn of_last_answer(self, total: Total) -> Self {
        Self { heading: format!("## Other agents that were active at the API's last answer: {total}"), ..self }
    }
}

/// How close another agent's work is to this agent's, closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Issue,
    Branch,
    Repository,
    Elsewhere,
}

impl Nearness {
    const ALL: [Self; 4] = [Self::Issue, Self::Branch, Self::Repository, Self::Elsewhere];

    fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Branch => "branch",
            Self::Repository => "repository",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// The place in the list of other agents where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentsCursor {
    Start,
    /// After this session, in the order of nearness and id. A session that has ended since keeps its place.
    After(PageKey),
}

/// The key of a session in the list of other agents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PageKey {
    nearness: Nearness,
    id: String,
}

impl AgentsCursor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "start" {
            return Some(Self::Start);
        }
        let (nearness, id) = text.split_once('.')?;
        let nearness = Nearness::ALL.into_iter().find(|one| one.as_str() == nearness)?;
        let id: SessionId = id.parse().ok()?;
        Some(Self::After(PageKey { nearness, id: id.to_string() }))
    }

    /// The cursor behind the first `shown` of these sessions.
    pub(crate) fn behind(shown: usize, sessions: &[ActiveSession], own: &WorkLocation) -> Self {
        let last = shown.checked_sub(1).and_then(|last| sessions.get(last));
        last.map_or(Self::Start, |session| Self::After(own.key_of(session)))
    }
}

impl fmt::Display for AgentsCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::After(PageKey { nearness, id }) => write!(f, "{}.{id}", nearness.as_str()),
        }
    }
}

/// The sessions of a page and of all later pages, those on the same issue or branch first.
pub(crate) fn from_cursor(
    sessions: &[ActiveSession],
    own: &WorkLocation,
    cursor: Option<&AgentsCursor>,
) -> Vec<ActiveSession> {
    let mut all: Vec<(PageKey, &ActiveSession)> =
        sessions.iter().map(|session| (own.key_of(session), session)).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let after = match cursor {
        Some(AgentsCursor::After(key)) => Some(key),
        Some(AgentsCursor::Start) | None => None,
    };
    let later = all.into_iter().filter(|(key, _)| after.is_none_or(|after| key > after));
    later.map(|(_, session)| session.clone()).collect()
}

/// Where an agent works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkLocation<'a> {
    pub(crate) repo: &'a RepoName,
    pub(crate) branch: Option<&'a Branch>,
    pub(crate) track: Option<Track>,
    pub(crate) issue: Option<IssueNumber>,
}

impl WorkLocation<'_> {
    fn nearness_of(&self, session: &ActiveSession) -> Nearness {
        if self.shares_issue_with(session) {
            Nearness::Issue
        } else if self.shares_branch_with(session) {
            Nearness::Branch
        } else if self.shares_repository_with(session) {
            Nearness::Repository
        } else {
            Nearness::Elsewhere
        }
    }

    fn key_of(&self, session: &ActiveSession) -> PageKey {
        PageKey { nearness: self.nearness_of(session), id: session.id.to_string() }
    }

    /// Ignores case, because hosts ignore case in names.
    fn shares_repository_with(&self, session: &ActiveSession) -> bool {
        session.repo.as_str().eq_ignore_ascii_case(self.repo.as_str())
    }

    fn shares_branch_with(&self, session: &ActiveSession) -> bool {
        self.branch.is_some() && session.branch.as_ref() == self.branch && self.shares_repository_with(session)
    }

    fn shares_issue_with(&self, session: &ActiveSession) -> bool {
        self.issue.is_some() && session.issue_number == self.issue && self.shares_repository_with(session)
    }

    /// Repository, branch, track and issue on one line. The branch is cleaned, because it is not trusted.
    pub(crate) fn line(&self, fence: &Fence) -> String {
        let optional = [
            self.branch.map(|branch| format!(", branch {}", clip(&fence.line(branch.as_str()), BRANCH_COST))),
            self.track.map(|track| format!(", track {track}")),
            self.issue.map(|issue| format!(", issue #{issue}")),
        ];
        format!("{}{}", self.repo, optional.into_iter().flatten().collect::<String>())
    }
}

impl<'a> From<&'a ActiveSession> for WorkLocation<'a> {
    fn from(session: &'a ActiveSession) -> Self {
        let branch = session.branch.as_ref();
        Self { repo: &session.repo, branch, track: session.track, issue: session.issue_number }
    }
}

impl<'a> From<&'a Session> for WorkLocation<'a> {
    fn from(session: &'a Session) -> Self {
        let branch = session.branch.as_ref();
        Self { repo: &session.repo, branch, track: session.track, issue: session.issue_number }
    }
}

fn active_line(session: &ActiveSession, now: Timestamp, fence: &Fence) -> String {
    let (seen, presence) = (ago(session.last_heartbeat_at, now), session.presence(now).as_str());
    let place = WorkLocation::from(session).line(fence);
    let activity = activity(session, now, fence);
    let reason = session.take_over_reason.as_ref();
    let taken = reason.map_or_else(String::new, |reason| {
        format!("; took this name over: {}", clip(&fence.line(reason.as_str()), ACTIVITY_COST))
    });
    format!(
        "{} ({} on {}): {place}; {presence}, last seen {seen}{activity}{taken}",
        session.agent, session.client, session.host
    )
}

/// What an agent last said about its work. `working` that is older than 10 minutes shows its age.
fn activity(session: &ActiveSession, now: Timestamp, fence: &Fence) -> String {
    let Some(said) = &session.presence else { return String::new() };
    let age = said.doubtful_for(now).map_or_else(String::new, |_| format!(", said {}", ago(said.at, now)));
    let text = said.detail.as_ref().or(said.summary.as_ref());
    let text = text.map_or_else(String::new, |text| format!(": {}", clip(&fence.line(text.as_str()), ACTIVITY_COST)));
    format!("; {}{age}{text}", said.state.as_str())
}

/// The line about agents whose process on this machine has ended, so that they are not in the list.
pub(crate) fn gone_line(agents: &[Agent]) -> Option<String> {
    let names: Vec<&str> = agents.iter().take(GONE_NAMED).map(Agent::as_str).collect();
    let more = agents.len().saturating_sub(GONE_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let have =
        if agents.len() == 1 { "its process on this machine has" } else { "their processes on this machine have" };
    (!agents.is_empty()).then(|| format!("Gone: {}{more}; {have} ended without a handoff.", names.join(", ")))
}

/// A warning about agents on the same issue, and one about agents on the same branch. Gone agents are not named.
fn collisions(sessions: &[&ActiveSession], own: &WorkLocation, now: Timestamp, fence: &Fence) -> Option<String> {
    let here = || sessions.iter().copied().filter(|session| session.presence(now) != Presence::Gone);
    let on_issue = names(here().filter(|session| own.shares_issue_with(session)), now);
    let on_branch = names(here().filter(|session| own.shares_branch_with(session)), now);
    let branch = own.branch.map_or(String::new(), |branch| clip(&fence.line(branch.as_str()), BRANCH_COST));
    let issue = own.issue.map_or(String::new(), |issue| issue.to_string());
    let lines = [warning(&on_issue, &format!("issue #{issue}")), warning(&on_branch, &format!("branch {branch}"))];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The name of each agent once, from its session with the newest heartbeat. The name of an idle agent includes the age
/// of that heartbeat.
fn names<'a>(sessions: impl Iterator<Item = &'a ActiveSession>, now: Timestamp) -> Vec<String> {
    let mut newest: Vec<&ActiveSession> = Vec::new();
    for session in sessions {
        match newest.iter_mut().find(|known| known.agent == session.agent) {
            Some(known) if known.last_heartbeat_at < session.last_heartbeat_at => *known = session,
            Some(_) => {}
            None => newest.push(session),
        }
    }
    let name = |session: &&ActiveSession| match session.presence(now) {
        Presence::Idle => format!("{} (idle, last seen {})", session.agent, ago(session.last_heartbeat_at, now)),
        Presence::Live | Presence::Gone => session.agent.to_string(),
    };
    newest.iter().map(name).collect()
}

fn warning(agents: &[String], place: &str) -> Option<String> {
    let mut room = NAMES_COST;
    let fits = |name: &&String| {
        let cost = line_cost(name);
        let fits = cost <= room;
        room = room.saturating_sub(cost);
        fits
    };
    let named: Vec<&str> = agents.iter().take_while(fits).map(String::as_str).collect();
    let others = agents.len() - named.len();
    let (last, before) = named.split_last()?;
    let verb = if agents.len() == 1 { "is" } else { "are" };
    let who = match (before, others) {
        ([], 0) => (*last).to_owned(),
        (before, 0) => format!("{} and {last}", before.join(", ")),
        (_, others) => format!("{} and {others} more", named.join(", ")),
    };
    Some(format!("Warning: {who} {verb} also on {place}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, active};

    fn sessions(places: &[(usize, &str, &str, usize)]) -> Vec<ActiveSession> {
        let session = |(n, repo, branch, issue): &(usize, &str, &str, usize)| {
            let mut json = active(*n, branch);
            json["repo"] = (*repo).into();
            json["issue_number"] = (*issue).into();
            serde_json::from_value(json).unwrap()
        };
        places.iter().map(session).collect()
    }

    fn shown(sessions: &[ActiveSession]) -> Part {
        let (repo, branch) = ("example-org/alpha".parse().unwrap(), "fix-auth".parse().unwrap());
        let own = WorkLocation { repo: &repo, branch: Some(&branch), track: None, issue: Some(87.try_into().unwrap()) };
        let total = Total::exactly(sessions.len());
        active_part(sessions, total, &own, NOW.parse().unwrap(), &Fence::new(1), "Ask.")
    }

    #[test]
    fn the_line_of_an_agent_says_what_it_does_and_how_old_a_doubtful_state_is() {
        let now: Timestamp = NOW.parse().unwrap();
        let line = |state: &str, detail: Option<&str>, minutes: i64| {
            let mut json = active(2, "main");
            let at = now.plus_seconds(-60 * minutes);
            json["presence"] =
                serde_json::json!({ "state": state, "detail": detail, "summary": "the login page", "at": at });
            active_line(&serde_json::from_value(json).unwrap(), now, &Fence::new(1))
        };
        assert!(line("working", None, 9).ends_with("; working: the login page"));
        let old = line("working", None, 12);
        assert!(old.contains("; working, said ") && old.contains("12 min"), "{old}");
        let waiting = line("waiting", Some("which colour?"), 60);
        assert!(waiting.contains("; waiting: which colour?"), "{waiting}");
        let long = line("blocked", Some(&"x".repeat(200)), 0);
        assert!(long.contains("; blocked: xxx") && long.len() < 300, "{long}");
    }

    #[test]
    fn the_line_of_an_agent_says_why_its_name_was_taken_over() {
        let line = |reason: &str| {
            let mut json = active(2, "main");
            json["take_over_reason"] = reason.into();
            active_line(&serde_json::from_value(json).unwrap(), NOW.parse().unwrap(), &Fence::new(1))
        };
        let taken = line("mac1 is in\u{202e} repair");
        assert!(taken.ends_with("; took this name over: mac1 is in repair"), "{taken}");
        let long = line(&"x".repeat(200));
        assert!(long.contains("; took this name over: xxx") && long.len() < 300, "{long}");
    }

    #[test]
    fn agents_on_the_same_issue_then_branch_then_repository_come_first() {
        let sessions = sessions(&[
            (2, "example-org/beta", "fix-auth", 87),
            (3, "example-org/alpha", "main", 1),
            (4, "example-org/alpha", "fix-auth", 2),
            (5, "Example-Org/Alpha", "main", 87),
        ]);
        let part = shown(&sessions);
        let order: Vec<&str> = part.groups[0].items.iter().map(|item| item[0].split(' ').next().unwrap()).collect();
        assert_eq!(order, ["mac2-codex-5", "mac2-codex-4", "mac2-codex-3", "mac2-codex-2"]);
        let warning = "Warning: mac2-codex-5 is also on issue #87.\nWarning: mac2-codex-4 is also on branch fix-auth.";
        assert_eq!(part.remark.as_deref(), Some(warning));
    }

    #[test]
    fn a_page_begins_after_its_cursor_although_that_session_has_ended() {
        let (repo, branch) = ("example-org/alpha".parse().unwrap(), "fix-auth".parse().unwrap());
        let own = WorkLocation { repo: &repo, branch: Some(&branch), track: None, issue: None };
        let mut all = sessions(&[
            (2, "example-org/beta", "main", 1),
            (3, "example-org/alpha", "fix-auth", 2),
            (4, "example-org/beta", "main", 3),
        ]);
        let first = from_cursor(&all, &own, None);
        let cursor = AgentsCursor::behind(2, &first, &own);
        assert_eq!(AgentsCursor::parse(&cursor.to_string()), Some(cursor.clone()));
        let page = |all: &[ActiveSession]| -> Vec<String> {
            from_cursor(all, &own, Some(&cursor)).iter().map(|session| session.agent.to_string()).collect()
        };
        assert_eq!(page(&all), ["mac2-codex-4"]);
        all.retain(|session| !cursor.to_string().ends_with(session.id.as_str()));
        assert_eq!((all.len(), page(&all)), (2, vec!["mac2-codex-4".to_owned()]));
        assert_eq!(AgentsCursor::behind(0, &first, &own).to_string(), "start");
        for text in ["", "nowhere.sess_01JD0000000000000000000001", "issue.", "issue.x\ny"] {
            assert_eq!(AgentsCursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_agent_is_named_once_and_many_are_counted() {
        let two = sessions(&[(2, "example-org/alpha", "fix-auth", 1), (3, "example-org/alpha", "fix-auth", 1)]);
        let both = [two.clone(), two.clone()].concat();
        let warning = "Warning: mac2-codex-2 and mac2-codex-3 are also on branch fix-auth.";
        assert_eq!(shown(&both).remark.as_deref(), Some(warning));
        let many: Vec<_> = (10..60).map(|n| (n, "example-org/alpha", "fix-auth", 1)).collect();
        let remark = shown(&sessions(&many)).remark.unwrap();
        assert!(remark.ends_with(" more are also on branch fix-auth.") && remark.len() < 400, "{remark}");
    }
}
