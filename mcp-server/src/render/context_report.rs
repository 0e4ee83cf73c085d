//! The report of `context`: the agent, its place and session, and the other active agents.

use deckwatch_client::outbox::UnsentHandoff;
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{ActiveSession, Handoff, IssueNumber, RepoName, SessionId, Timestamp, Track};

use super::budget::{clip, line_cost};
use super::claims::{self, Claims};
use super::context::{AgentsCursor, WorkLocation, active_part, from_cursor};
use super::fence::{Fence, WARNING};
use super::handoff;
use super::next_page::{LAST_PAGE, ListPage};
use super::part::{Part, Total};
use crate::identity::Me;

/// The data of the report.
pub(crate) struct ContextReport<'a> {
    pub(crate) me: &'a Me,
    /// The venture's code; `None` if it is not known on this machine.
    pub(crate) venture: Option<String>,
    pub(crate) repo: RepoName,
    pub(crate) checkout: Checkout,
    pub(crate) track: Option<Track>,
    pub(crate) issue: Option<IssueNumber>,
    pub(crate) session: SessionKnown,
    /// The API's address and engine, and its clock difference if that is large. Or why the API did not answer.
    pub(crate) engine: String,
    /// A line that says that the data is old, if it is.
    pub(crate) stale: Option<String>,
    /// Lines about the outbox, healed documents and ended agents.
    pub(crate) notices: Vec<String>,
    /// Queued handoffs.
    pub(crate) unsent: Vec<UnsentHandoff>,
    /// The newest open handoffs to this agent.
    pub(crate) to_you: Vec<Handoff>,
    pub(crate) to_you_total: Total,
    /// The other active agents; `None` if they are not known.
    pub(crate) others: Option<(Vec<ActiveSession>, Total)>,
    /// The claims of the venture.
    pub(crate) claims: Claims,
    /// The first page shows everything. The others show only the other agents from here on.
    pub(crate) cursor: Option<AgentsCursor>,
}

/// The report as text.
pub(crate) struct ContextText {
    pub(crate) text: String,
    /// The number of other agents in it.
    pub(crate) others_shown: usize,
    /// Where the next page begins, if one follows.
    pub(crate) next: Option<AgentsCursor>,
}

/// What is known about the agent's session.
pub(crate) enum SessionKnown {
    /// The API lists it as active.
    Active { id: SessionId, started_at: Timestamp, last_heartbeat_at: Timestamp },
    /// This process holds it, but the API did not list it or did not answer.
    Held(SessionId),
    /// No session.
    None,
    /// The API did not answer, and this process holds no session.
    Unknown,
}

impl ContextReport<'_> {
    /// The report within `limit`.
    pub(crate) fn report(&self, now: Timestamp, fence: &Fence, limit: usize) -> ContextText {
        let own = self.work();
        let mut lines = self.above(&own, now, fence, limit);
        let (mut others_shown, mut next) = (0, None);
        if let Some((all, total)) = self.others.as_ref().filter(|_| self.no_others().is_none()) {
            let others = from_cursor(all, &own, self.cursor.as_ref());
            let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
            let part = active_part(&others, *total, &own, now, fence, self.last_note());
            let part = if self.stale.is_some() { part.of_last_answer(*total) } else { part };
            let cursor = |shown| AgentsCursor::behind(shown, &others, &own);
            let page = ListPage::fit(part, fence, limit.saturating_sub(spent), false, |shown| {
                format!("`context` with cursor \"{}\"", cursor(shown))
            });
            others_shown = page.shown;
            next = page.goes_on.then(|| cursor(page.shown));
            lines.extend(page.lines);
        }
        ContextText { text: lines.join("\n").trim_end().to_owned(), others_shown, next }
    }

    /// The note of the last page, if agents are missing there.
    fn last_note(&self) -> &'static str {
        if self.stale.is_some() {
            "This machine has no more of them. Call `context` again when the API answers."
        } else {
            LAST_PAGE
        }
    }

    fn work(&self) -> WorkLocation<'_> {
        WorkLocation { repo: &self.repo, branch: self.checkout.branch.as_ref(), track: self.track, issue: self.issue }
    }

    /// The lines above the other agents.
    fn above(&self, own: &WorkLocation, now: Timestamp, fence: &Fence, limit: usize) -> Vec<String> {
        if self.cursor.is_some() {
            return self.stale.iter().cloned().chain([WARNING.to_owned(), String::new()]).collect();
        }
        let mut lines = self.head(own, now, fence);
        let parts: Vec<Part> =
            [self.unsent_part(now, fence), self.to_you_part(now, fence), self.claims_part(now, fence)]
                .into_iter()
                .flatten()
                .collect();
        lines.extend(self.no_claims());
        let no_others = self.no_others();
        lines.extend(no_others.iter().map(|line| (*line).to_owned()));
        if no_others.is_none() || !parts.is_empty() {
            lines.extend([WARNING.to_owned(), String::new()]);
        }
        for part in parts {
            lines.extend(part.fit(fence, limit / 4).lines);
            lines.push(String::new());
        }
        lines
    }

    fn head(&self, own: &WorkLocation, now: Timestamp, fence: &Fence) -> Vec<String> {
        let Me { agent, client, host, .. } = self.me;
        let mut lines: Vec<String> = self.stale.iter().cloned().collect();
        lines.extend([
            format!("agent    {agent} ({client} on {})", clip(host.as_str(), 80)),
            format!("venture  {}", self.venture.as_deref().unwrap_or("unknown on this machine")),
            format!("work     {}{}", own.line(fence), commit(&self.checkout)),
            self.session.line(now),
            format!("engine   {}", self.engine),
        ]);
        lines.extend(self.notices.iter().cloned());
        lines.push(String::new());
        lines
    }

    /// The line for an empty or unknown list of other agents.
    fn no_others(&self) -> Option<&'static str> {
        match &self.others {
            None => Some("Other active agents: unknown"),
            Some((_, total)) if total.count > 0 || total.at_least => None,
            Some(_) if self.stale.is_some() => Some("Other active agents: none in the API's last answer"),
            Some(_) => Some("Other active agents: none"),
        }
    }

    fn unsent_part(&self, now: Timestamp, fence: &Fence) -> Option<Part> {
        (!self.unsent.is_empty())
            .then(|| handoff::unsent(&self.unsent, &self.me.agent, handoff::MORE_UNSENT.into(), now, fence))
    }

    /// The line for an empty or unknown list of claims.
    fn no_claims(&self) -> Option<String> {
        match &self.claims {
            Claims::Known { total, .. } if total.count > 0 => None,
            Claims::Known { .. } if self.stale.is_some() => Some("Claims: none in the API's last answer".to_owned()),
            Claims::Known { .. } => Some("Claims: none".to_owned()),
            Claims::Unknown(why) => Some(format!("Claims: unknown, because {}", clip(why, 200))),
        }
    }

    fn claims_part(&self, now: Timestamp, fence: &Fence) -> Option<Part> {
        let Claims::Known { items, total } = &self.claims else { return None };
        (total.count > 0).then(|| claims::part(items, *total, self.session.id(), &self.repo, now, fence))
    }

    fn to_you_part(&self, now: Timestamp, fence: &Fence) -> Option<Part> {
        (!self.to_you.is_empty()).then(|| handoff::to_you(&self.to_you, self.to_you_total, None, now, fence))
    }
}

impl SessionKnown {
    fn id(&self) -> Option<&SessionId> {
        match self {
            Self::Active { id, .. } | Self::Held(id) => Some(id),
            Self::None | Self::Unknown => None,
        }
    }

    fn line(&self, now: Timestamp) -> String {
        match self {
            Self::Active { id, started_at, last_heartbeat_at } => {
                let (started, seen) = (ago(*started_at, now), ago(*last_heartbeat_at, now));
                format!("session  {id} (started {started}, last heartbeat {seen})")
            }
            Self::Held(id) => format!("session  {id}; the API did not confirm that it is active"),
            Self::None => "session  none; call `sod` to start your day".to_owned(),
            Self::Unknown => "session  unknown; call `sod` to find or start it".to_owned(),
        }
    }
}

fn commit(checkout: &Checkout) -> String {
    if checkout.kind == CheckoutKind::NotARepository {
        return " (not a git repository)".to_owned();
    }
    checkout.commit_sha.as_ref().map_or(String::new(), |sha| format!(", commit {}", clip(sha.as_str(), 13)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::golden::assert_in_step;
    use crate::render::samples::NOW;
    use crate::render::team::{self, BUSY, busy_day};

    fn shown(change: impl FnOnce(ContextReport) -> ContextReport) -> String {
        let day = busy_day(BUSY);
        let me = Me {
            agent: "mac1-claude-1".parse().unwrap(),
            host: "mac1".parse().unwrap(),
            client: "claude".parse().unwrap(),
            client_version: None,
            slot: None,
        };
        let mut checkout = Checkout::at(&std::env::temp_dir()).unwrap();
        (checkout.root, checkout.kind) = ("/work/alpha".into(), CheckoutKind::Repository);
        (checkout.repo, checkout.branch) = (day.session.repo.clone(), day.session.branch.clone());
        checkout.commit_sha.clone_from(&day.session.commit_sha);
        let now: Timestamp = NOW.parse().unwrap();
        let here = ContextReport {
            me: &me,
            venture: Some("alpha".to_owned()),
            repo: day.session.repo.clone(),
            checkout,
            track: None,
            issue: day.session.issue_number,
            session: SessionKnown::Active { id: day.session.id.clone(), started_at: now, last_heartbeat_at: now },
            engine: "https://context.example.com/ (worker)".to_owned(),
            stale: None,
            notices: Vec::new(),
            unsent: Vec::new(),
            to_you: day.handoffs_to_you.items.clone(),
            to_you_total: Total::of(&day.handoffs_to_you),
            others: Some((day.active_sessions.items.clone(), Total::of(&day.active_sessions))),
            claims: Claims::Known { items: day.claims.items.clone(), total: Total::of(&day.claims) },
            cursor: None,
        };
        change(here).report(now, &team::fence(), 10_000).text
    }

    #[test]
    fn whole_answers_are_in_step() {
        assert_in_step("context", &shown(|here| here));
        let stale = "STALE: the other agents and handoffs below are from the API's last answer, 2 h ago.".to_owned();
        let offline = shown(|here| ContextReport {
            session: SessionKnown::Unknown,
            engine: "can't reach the Context API at https://context.example.com/: Connection refused".to_owned(),
            stale: Some(stale),
            unsent: vec![team::unsent()],
            ..here
        });
        assert_in_step("context-offline", &offline);
    }

    #[test]
    fn no_other_agents_and_unknown_agents_are_different_answers() {
        let exactly = |count| Total { count, at_least: false };
        let none = shown(|here| ContextReport { others: Some((Vec::new(), exactly(0))), ..here });
        assert!(none.contains("\nOther active agents: none\n"), "{none}");
        let unknown = shown(|here| ContextReport { others: None, ..here });
        assert!(unknown.contains("\nOther active agents: unknown\n"), "{unknown}");
        let before = shown(|here| ContextReport {
            others: Some((Vec::new(), exactly(0))),
            stale: Some("STALE".to_owned()),
            ..here
        });
        assert!(before.contains("\nOther active agents: none in the API's last answer\n"), "{before}");
    }
}
