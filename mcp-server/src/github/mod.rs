//! Reads the work queue of a venture from GitHub: issues and pull requests of up to 30 repositories, within 2 s.
//!
//! It never writes to GitHub. A repository that could not be read is reported with its error, and never counts as one
//! without issues. [`reader`] first asks with conditional requests whether anything has changed, which costs nothing, and
//! takes the answers that [`kept`] has; [`query`] reads the others. [`lane`] maps labels to lanes, [`section`] puts the
//! agent's track first, [`address`] finds GitHub's address, and [`token`] finds a token.

mod address;
mod answer;
mod connection;
mod kept;
mod lane;
mod lane_cursor;
mod limits;
mod notice;
mod query;
mod reader;
mod section;
mod token;
mod token_source;
pub(crate) mod trouble;

use std::sync::Arc;

use deckwatch_client::http::{Http, HttpLimits};
use deckwatch_protocol::{RepoName, Track};

pub(crate) use self::answer::{Issue, LaneOfRepo, Queue};
pub(crate) use self::lane::Lane;
pub(crate) use self::lane_cursor::{CursorOf, LaneCursor};
pub(crate) use self::limits::MAX_REPOS;
pub(crate) use self::token_source::TokenSource;
pub(crate) use self::trouble::GitHubTrouble;

use self::address::Address;
use self::connection::Connection;
use self::limits::{Deadline, WHOLE};
use self::query::Form;
use self::token::Token;
use crate::environment::Environment;

const LIMITS: HttpLimits = HttpLimits {
    connect: WHOLE,
    whole: WHOLE,
    // The answer to the largest query is smaller, even with the longest titles.
    answer_bytes: 4 * 1024 * 1024,
};

/// A client of GitHub's API.
pub(crate) struct GitHub {
    environment: Environment,
    http: Arc<Http>,
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueRequest<'a> {
    pub(crate) repos: &'a [RepoName],
    /// The URL of the remote of the agent's repository.
    pub(crate) remote: Option<&'a str>,
    pub(crate) lanes: &'a [Lane],
    /// The agent's track, whose items come first.
    pub(crate) track: Option<Track>,
    /// The number of items for each section and repository, 1 to 50. Totals count all.
    pub(crate) issues: usize,
    /// Where the page begins, for a single lane. `None` is its start.
    pub(crate) cursor: Option<&'a LaneCursor>,
}

impl GitHub {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, http: Arc::new(Http::new(LIMITS)) }
    }

    /// Reads the open issues and pull requests of each lane, newest change first, with the lane's total.
    pub(crate) async fn queue(&self, wanted: QueueRequest<'_>) -> Result<Queue, GitHubTrouble> {
        let (first, left_out) = wanted.repos.split_at_checked(MAX_REPOS).unwrap_or((wanted.repos, &[]));
        let (asked, others): (Vec<_>, Vec<_>) = first.iter().cloned().partition(is_on_github);
        let others: Vec<_> = others.into_iter().map(|repo| GitHubTrouble::NotOnGitHub { repo }).collect();
        if let (true, Some(trouble)) = (asked.is_empty(), others.first()) {
            return Err(trouble.clone());
        }
        let connection = self.connect(wanted.remote).await?;
        let form = Form::of(wanted.lanes, wanted.track, wanted.issues);
        let mut queue = reader::read(Arc::new(connection), &asked, &form, wanted.cursor).await?;
        queue.failed.splice(0..0, others);
        queue.left_out = left_out.to_vec();
        Ok(queue)
    }

    /// The login of the token's account, and the source of the token.
    pub(crate) async fn whoami(&self, remote: Option<&str>) -> Result<(String, TokenSource), GitHubTrouble> {
        let connection = self.connect(remote).await?;
        let login = answer::login(&connection.query(query::whoami()).await?)?;
        Ok((login, connection.token.source))
    }

    async fn connect(&self, remote: Option<&str>) -> Result<Connection, GitHubTrouble> {
        let deadline = Deadline::start();
        let var = |name: &str| self.environment.var(name);
        let address = Address::find(var, remote)?;
        let token = Token::find(&address, deadline, var).await?;
        Ok(Connection { http: Arc::clone(&self.http), address, token, deadline })
    }
}

fn is_on_github(repo: &RepoName) -> bool {
    repo.as_str().split_once('/').is_some_and(|(owner, name)| owner != "local" && !name.contains('/'))
}
