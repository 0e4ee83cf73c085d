//! Which venture a write belongs to that was queued where nobody could name one: looked up when it is sent.
//!
//! Nothing is guessed: a write about a repository that no venture has waits until one has it.

use deckwatch_protocol::{
    Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, IssueNumber, ListVentures, Meta, RepoName,
    StartDay, Track, Venture, VentureCode,
};
use serde::Serialize;

use super::entry::Entry;
use crate::api::{Api, ClientError};

/// Who hands over, and where: a start of day whose venture may not be known yet.
#[derive(Debug, Clone, Serialize)]
pub struct Whence {
    /// The running agent.
    pub agent: Agent,
    /// The agent's command line tool.
    pub client: Client,
    /// What the tool says of its version.
    pub client_version: Option<ClientVersion>,
    /// The id that the tool gives its own conversation.
    pub client_session_id: Option<ClientSessionId>,
    /// The machine it runs on.
    pub host: Host,
    /// The venture it works on; `None` is the one that has the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The repository it works in.
    pub repo: RepoName,
    /// The line of work.
    pub track: Option<Track>,
    /// The GitHub issue it works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch.
    pub branch: Option<Branch>,
    /// The commit that is checked out.
    pub commit_sha: Option<CommitSha>,
    /// What the client notes about the session.
    pub meta: Meta,
}

impl Whence {
    /// The start of a day on this venture.
    pub fn on(self, venture: VentureCode) -> StartDay {
        StartDay {
            agent: self.agent,
            client: self.client,
            client_version: self.client_version,
            client_session_id: self.client_session_id,
            host: self.host,
            venture,
            repo: self.repo,
            track: self.track,
            issue_number: self.issue_number,
            branch: self.branch,
            commit_sha: self.commit_sha,
            meta: self.meta,
        }
    }
}

/// The same entry on the venture that has its repository, under the name that the venture gives it.
pub(super) async fn placed(api: &Api, entry: &Entry, repo: &RepoName) -> Result<Entry, ClientError> {
    let (venture, own) = owner(api, repo).await?.ok_or_else(|| ClientError::NoVenture { repo: repo.clone() })?;
    entry.on(&venture, &own)
}

async fn owner(api: &Api, repo: &RepoName) -> Result<Option<(VentureCode, RepoName)>, ClientError> {
    let mut page = ListVentures { limit: 100.try_into().ok(), cursor: None };
    // Hosts ignore case in names.
    let own = |venture: Venture| {
        let own = venture.repos.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(repo.as_str()))?;
        Some((venture.code, own))
    };
    loop {
        let answer = api.list_ventures(&page).await?;
        let found = answer.items.into_iter().find_map(own);
        if found.is_some() || answer.next_cursor.is_none() {
            return Ok(found);
        }
        page.cursor = answer.next_cursor;
    }
}
