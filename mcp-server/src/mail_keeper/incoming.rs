//! Puts what the server takes into the folder.

use deckwatch_machine::agent_folder::{AgentFolder, MailItem, Taker, Waiting};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Agent, Event, EventKind, InboxItem, RepoName, TakeLimit, TakenInbox};
use serde_json::Value;

use super::event_line::{Scope, line};
use super::{FolderTrouble, in_folder};
use crate::session::Keeper;

/// What the server of one epoch puts into the folder.
pub(super) struct Incoming<'a> {
    folder: &'a AgentFolder,
    taker: &'a Taker,
    /// Whether everything that waited was taken once.
    is_complete: bool,
    has_more: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(folder: &'a AgentFolder, taker: &'a Taker) -> Self {
        Self { folder, taker, is_complete: false, has_more: false }
    }

    /// Whether more messages wait than the API has offered.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Puts the messages of a take into the folder. After the first complete take, removes what an earlier server took and the
    /// API has not offered again.
    pub(super) async fn put_mail(&mut self, keeper: &Keeper, taken: TakenInbox) -> Result<(), FolderTrouble> {
        let (owner, is_last) = (self.taker.clone(), taken.items.len() < limit());
        let removes_others = is_last && !self.is_complete;
        let waiting = Waiting { count: taken.waiting, is_minimum: taken.waiting_is_minimum };
        let items = keeper.opened_or_refused(taken.items).await?;
        in_folder(self.folder, move |folder| {
            for item in items {
                put(folder, item, &owner)?;
            }
            if removes_others {
                let removed = folder.remove_mail_of_others(&owner)?;
                if removed > 0 {
                    log::info!("{removed} messages that an earlier process took are not offered to this one");
                }
            }
            folder.set_waiting(waiting)
        })
        .await?;
        self.is_complete |= is_last;
        self.has_more = waiting.count > 0;
        Ok(())
    }

    /// Puts a line for each event that concerns the agent into the folder. If others have taken or released claims in the
    /// repository, or if events may be missing, the copy for its git hooks is made again.
    pub(super) async fn put_events(
        &self,
        keeper: &Keeper,
        agent: &Agent,
        events: &[Event],
    ) -> Result<(), FolderTrouble> {
        let Some(live) = keeper.held() else { return Ok(()) };
        if events.is_empty() || events.iter().any(|event| changes_claims(event, agent, &live.repo)) {
            keeper.claims_changed.notify_one();
        }
        let scope = Scope { agent, repo: &live.repo, issue: live.issue, branch: live.branch.as_ref() };
        let lines: Vec<(u64, String)> =
            events.iter().filter_map(|event| Some((event.seq, line(event, &scope)?))).collect();
        if lines.is_empty() {
            return Ok(());
        }
        in_folder(self.folder, move |folder| lines.iter().try_for_each(|(seq, line)| folder.put_event(*seq, line)))
            .await
    }
}

/// Puts one message into the folder. A delivery that was shown before is only reported again.
fn put(folder: &AgentFolder, item: InboxItem, taker: &Taker) -> std::io::Result<()> {
    folder.put_mail(&MailItem::of(item, taker.clone(), now())).map(drop)
}

/// Whether the event changes the claims in the repository. The agent's own tools have copied its own changes.
fn changes_claims(event: &Event, agent: &Agent, repo: &RepoName) -> bool {
    let text = |name: &str| event.data.get(name).and_then(Value::as_str);
    let is_of_claim = matches!(event.kind, EventKind::ClaimTaken | EventKind::ClaimReleased);
    let is_own = event.agent.as_ref() == Some(agent) && text("reason") != Some("taken");
    is_of_claim && !is_own && text("repo").is_some_and(|name| name.eq_ignore_ascii_case(repo.as_str()))
}

fn limit() -> usize {
    usize::try_from(TakeLimit::default().get()).unwrap_or(usize::MAX)
}
