//! This machine's own database, while another API is in use: the handoffs that were recorded before this machine joined
//! the API, or with `--local`.
//!
//! They are only read, and never sent to the API: another team may own it, and a person decides what the team sees.

use std::time::Duration;

use deckwatch_client::api::{Api, ApiConfig, ClientError};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Agent, ErrorCode, Handoff, HandoffFilter, HandoffId, RepoName, VentureCode};

use crate::identity::{Identity, database_of};
use crate::total::Total;
use crate::trouble::Trouble;

/// The time limit to look into the database.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The number of handoffs to read.
const SHOWN: u64 = 5;

/// Handoffs of this repository in this machine's own database.
#[derive(Debug)]
pub(crate) struct OwnHandoffs {
    /// The newest ones, newest first. Only the first one has its lists.
    pub(crate) newest: Vec<Handoff>,
    pub(crate) total: Total,
}

impl Identity {
    /// The handoffs of this repository in this machine's own database; `None` if there are none, or if that database is
    /// the API. An error is a line for the report.
    pub(crate) async fn own_handoffs(&self, to_agent: Option<&Agent>) -> Result<Option<OwnHandoffs>, String> {
        let unreadable = |cause: String| {
            format!("Warning: earlier handoffs in this machine's own database are not shown, because {cause}")
        };
        match tokio::time::timeout(TIME_LIMIT, self.read_own_handoffs(to_agent)).await {
            Ok(read) => read.map_err(|trouble| unreadable(format!("it could not be read: {trouble}"))),
            Err(_) => Err(unreadable(format!("reading it took longer than {} s.", TIME_LIMIT.as_secs()))),
        }
    }

    /// The handoff with this id in this machine's own database.
    pub(crate) async fn own_handoff(&self, id: &HandoffId) -> Result<Option<Handoff>, Trouble> {
        let Some(own) = self.own_database().await? else { return Ok(None) };
        match own.get_handoff(id).await {
            Ok(handoff) => Ok(Some(handoff)),
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::HandoffNotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn read_own_handoffs(&self, to_agent: Option<&Agent>) -> Result<Option<OwnHandoffs>, Trouble> {
        let Some(own) = self.own_database().await? else { return Ok(None) };
        let (venture, repo) = self.names_in(own).await?;
        let (repo, to_agent, limit) = (Some(repo), to_agent.cloned(), SHOWN.try_into().ok());
        let filter = HandoffFilter { venture, repo, to_agent, limit, ..HandoffFilter::default() };
        let page = own.list_handoffs(&filter).await?;
        let mut newest = page.items;
        let Some(first) = newest.first_mut() else { return Ok(None) };
        *first = own.get_handoff(&first.id).await?;
        let count = usize::try_from(page.total).unwrap_or(usize::MAX);
        Ok(Some(OwnHandoffs { newest, total: Total { count, at_least: page.total_is_minimum } }))
    }

    /// The names of this repository's records in that database. If they are not saved, the name of the repository.
    async fn names_in(&self, own: &Api) -> Result<(Option<VentureCode>, RepoName), Trouble> {
        let checkout = self.checkout().await?;
        let saved = database_of(own).and_then(|database| checkout.record_names(&database));
        Ok(saved.map_or((None, checkout.repo), |names| (Some(names.venture), names.repo)))
    }

    /// This machine's own database, if it exists and is not the API in use.
    async fn own_database(&self) -> Result<Option<&Api>, Trouble> {
        let database = Dirs::from_env()?.data.join("context.db");
        if database_of(self.api().await?).is_some() || !database.exists() {
            return Ok(None);
        }
        let open = async || Ok::<_, Trouble>(Api::connect(ApiConfig::embedded(database, &self.me().await?.agent)?));
        self.own_database.get_or_try_init(open).await.map(Some)
    }
}
