//! Reads the work queue of a venture from GitHub, in one request for up to 10 repositories.
//!
//! It never writes. A repository that could not be read is reported with its error, and never counts as one without
//! issues. [`lane`] maps labels to lanes, [`address`] finds GitHub's address, and [`token`] finds a token.

mod address;
mod answer;
mod lane;
mod query;
mod token;
mod token_source;
pub(crate) mod trouble;

use std::time::Duration;

use bytes::Bytes;
use deckwatch_client::http::{Http, HttpLimits};
use deckwatch_protocol::RepoName;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};

pub(crate) use self::answer::{Issue, LaneOfRepo, Queue};
pub(crate) use self::lane::Lane;
pub(crate) use self::token_source::TokenSource;
pub(crate) use self::trouble::GitHubTrouble;

use self::address::Address;
use self::query::Query;
use self::token::Token;
use crate::environment::Environment;

/// The maximum number of repositories in one request.
pub(crate) const MAX_REPOS: usize = 10;
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(2),
    whole: Duration::from_secs(2),
    // Fifty lists of fifty issues with the longest titles are smaller.
    answer_bytes: 4 * 1024 * 1024,
};

/// A client of GitHub's API.
pub(crate) struct GitHub {
    environment: Environment,
    http: Http,
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueRequest<'a> {
    pub(crate) repos: &'a [RepoName],
    pub(crate) lanes: &'a [Lane],
    /// The number of issues for each lane and repository, 1 to 50. Totals count all issues.
    pub(crate) issues: usize,
}

impl GitHub {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, http: Http::new(LIMITS) }
    }

    /// Reads the open issues of each lane, newest change first, with the lane's total.
    pub(crate) async fn queue(&self, wanted: QueueRequest<'_>) -> Result<Queue, GitHubTrouble> {
        let query = Query::of(wanted)?;
        let address = Address::find(|name| self.environment.var(name))?;
        let token = Token::find(&address, |name| self.environment.var(name)).await?;
        let response = self.send(&address, &token, query.body()).await?;
        query.parse_answer(&body_of(&response, &address, &token)?)
    }

    /// The login of the token's account, and the source of the token.
    pub(crate) async fn whoami(&self) -> Result<(String, TokenSource), GitHubTrouble> {
        let address = Address::find(|name| self.environment.var(name))?;
        let token = Token::find(&address, |name| self.environment.var(name)).await?;
        let response = self.send(&address, &token, query::whoami()).await?;
        let login = answer::login(&body_of(&response, &address, &token)?)?;
        Ok((login, token.source))
    }

    async fn send(&self, address: &Address, token: &Token, body: String) -> Result<Response<Bytes>, GitHubTrouble> {
        let key = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let mut key = key.map_err(|_| GitHubTrouble::TokenRefused { by: token.source })?;
        key.set_sensitive(true);
        let request = Request::post(address.graphql.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, key)
            .body(Bytes::from(body));
        let request = request.map_err(|error| GitHubTrouble::Address { cause: error.to_string() })?;
        self.http.send(request).await.map_err(|unanswered| {
            if unanswered.failure.timed_out() {
                return GitHubTrouble::Silent { url: address.graphql.clone(), seconds: LIMITS.whole.as_secs() };
            }
            GitHubTrouble::Unreachable { url: address.graphql.clone(), cause: unanswered.cause }
        })
    }
}

/// The body of a successful response.
fn body_of(response: &Response<Bytes>, address: &Address, token: &Token) -> Result<Bytes, GitHubTrouble> {
    match GitHubTrouble::of(response, &address.graphql, token.source) {
        Some(trouble) => Err(trouble),
        None => Ok(response.body().clone()),
    }
}
