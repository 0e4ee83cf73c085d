//! Finds the venture of a queued write when it is sent, if the venture was unknown when it was queued.
//!
//! The venture is never guessed. A write waits until its repository belongs to a venture.

use deckwatch_protocol::{
    Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, IssueNumber, ListVentures, Meta, RepoName,
    StartDay, Track, Venture, VentureCode,
};
use serde::Serialize;

use super::entry::Entry;
use crate::api::{Api, ClientError};

/// A request to start a session, whose venture may not be known yet.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRequest {
    /// The running agent.
    pub agent: Agent,
    /// The agent's command line tool.
    pub client: Client,
    /// The version that the tool reports.
    pub client_version: Option<ClientVersion>,
    /// The tool's id of its conversation.
    pub client_session_id: Option<ClientSessionId>,
    /// The machine that the agent runs on.
    pub host: Host,
    /// The venture that the agent works on. `None` means the venture that the repository belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The repository that the agent works in.
    pub repo: RepoName,
    /// The line of work.
    pub track: Option<Track>,
    /// The GitHub issue that the agent works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch.
    pub branch: Option<Branch>,
    /// The commit that is checked out.
    pub commit_sha: Option<CommitSha>,
    /// Metadata of the client about the session.
    pub meta: Meta,
}

impl SessionRequest {
    /// Converts the request to a start of day on this venture.
    pub fn start_day_on(self, venture: VentureCode) -> StartDay {
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

/// Returns the entry with its venture filled in, and with the venture's spelling of the repository.
pub(super) async fn with_venture(api: &Api, entry: &Entry, repo: &RepoName) -> Result<Entry, ClientError> {
    let (venture, own) = owner(api, repo).await?.ok_or_else(|| ClientError::NoVenture { repo: repo.clone() })?;
    entry.with_venture(&venture, &own)
}

async fn owner(api: &Api, repo: &RepoName) -> Result<Option<(VentureCode, RepoName)>, ClientError> {
    let mut page = ListVentures { limit: 100.try_into().ok(), cursor: None };
    // Git hosts ignore case in names.
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
