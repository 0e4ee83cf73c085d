//! Agents that may be in each other's way: those on the same issue or branch, and those on an issue that another has claimed.

use std::collections::BTreeMap;

use deckwatch_protocol::{Presence, Session, Timestamp};

use super::Model;

/// Agents that may be in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collision {
    /// What they share, such as `issue 87` or `branch dev/x`.
    pub(crate) what: String,
    pub(crate) repo: String,
    /// The agents, in order.
    pub(crate) agents: Vec<String>,
}

impl Model {
    /// The collisions of the agents with an active session. The engine lets no two claims overlap, so two claims never
    /// collide.
    pub(crate) fn collisions(&self, now: Timestamp) -> Vec<Collision> {
        let mut shared: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let active = || self.sessions().filter(|session| session.presence(now) != Presence::Gone);
        for session in active() {
            let issue = session.issue_number.map(|number| format!("issue {number}"));
            let branch = session.branch.as_ref().map(|branch| format!("branch {branch}"));
            for what in [issue, branch].into_iter().flatten() {
                let place = (place(session), what);
                shared.entry(place).or_default().push(session.agent.to_string());
            }
        }
        let mut found: Vec<Collision> = shared
            .into_iter()
            .filter_map(|((repo, what), mut agents)| {
                agents.sort_unstable();
                agents.dedup();
                (agents.len() > 1).then_some(Collision { what, repo, agents })
            })
            .collect();
        found.extend(active().flat_map(|session| self.claimed_by_others(session, now)));
        found.sort_by(|one, other| (&one.repo, &one.what, &one.agents).cmp(&(&other.repo, &other.what, &other.agents)));
        found
    }

    /// The claims of others on the issue of a session.
    fn claimed_by_others(&self, session: &Session, now: Timestamp) -> impl Iterator<Item = Collision> {
        let subject = session.issue_number.map(|number| format!("issue:{number}"));
        let is_others = move |claim: &&deckwatch_protocol::Claim| {
            Some(claim.subject.as_str()) == subject.as_deref()
                && claim.venture == session.venture
                && claim.repo.as_str().eq_ignore_ascii_case(session.repo.as_str())
                && claim.agent != session.agent
                && !claim.is_stale(now)
        };
        self.claims.iter().filter(is_others).map(|claim| Collision {
            what: format!("claim {}", claim.subject),
            repo: place(session),
            agents: vec![claim.agent.to_string(), session.agent.to_string()],
        })
    }
}

fn place(session: &Session) -> String {
    session.repo.as_str().to_lowercase()
}
