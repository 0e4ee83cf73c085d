//! The GraphQL query: for each repository, its name and one search for each lane.
//!
//! A search in a repository that does not exist finds nothing, without an error. Therefore the query also asks for the
//! repository itself.

use std::fmt::Write as _;

use bytes::Bytes;
use deckwatch_protocol::RepoName;
use serde_json::{Map, Value, json};

use super::answer::{self, Queue};
use super::lane::Lane;
use super::lane_cursor::LaneCursor;
use super::trouble::GitHubTrouble;
use super::{MAX_REPOS, QueueRequest};

/// The maximum number of issues for one lane and repository.
const MAX_ISSUES: usize = 50;

/// A query, with the data that is needed to decode its answer.
pub(super) struct Query<'a> {
    /// The repositories in the query, with owner and name.
    asked: Vec<(&'a RepoName, &'a str, &'a str)>,
    lanes: &'a [Lane],
    issues: usize,
    cursor: Option<&'a LaneCursor>,
    /// The repositories that are not on GitHub.
    not_on_github: Vec<GitHubTrouble>,
    /// The repositories beyond the limit of one request.
    left_out: &'a [RepoName],
}

impl<'a> Query<'a> {
    /// Builds the query. Fails when no repository is on GitHub.
    pub(super) fn of(wanted: QueueRequest<'a>) -> Result<Self, GitHubTrouble> {
        let on_github = |repo: &'a RepoName| {
            let (owner, name) = repo.as_str().split_once('/')?;
            (owner != "local" && !name.contains('/')).then_some((repo, owner, name))
        };
        let (first, left_out) = wanted.repos.split_at_checked(MAX_REPOS).unwrap_or((wanted.repos, &[]));
        let asked: Vec<_> = first.iter().filter_map(on_github).collect();
        let not_on_github = first.iter().filter(|repo| on_github(repo).is_none());
        let not_on_github: Vec<_> =
            not_on_github.map(|repo| GitHubTrouble::NotOnGitHub { repo: repo.clone() }).collect();
        if let (true, Some(trouble)) = (asked.is_empty(), not_on_github.first()) {
            return Err(trouble.clone());
        }
        let issues = wanted.issues.clamp(1, MAX_ISSUES);
        Ok(Self { asked, lanes: wanted.lanes, issues, cursor: wanted.cursor, not_on_github, left_out })
    }

    /// The body of the request. Names and searches are sent as variables, so they need no escaping.
    pub(super) fn body(&self) -> String {
        let (mut fields, mut variables) = (String::new(), Map::new());
        let mut variable = |name: String, value: &str| {
            variables.insert(name.clone(), json!(value));
            name
        };
        for (n, (repo, owner, name)) in self.asked.iter().enumerate() {
            let (owner, name) = (variable(format!("o{n}"), owner), variable(format!("n{n}"), name));
            let _ = writeln!(fields, "r{n}: repository(owner: ${owner}, name: ${name}) {{ nameWithOwner }}");
            for (m, lane) in self.lanes.iter().enumerate() {
                let search = format!("repo:{repo} is:issue is:open{} sort:updated-desc", lane.qualifiers());
                let alias = variable(lane_alias(n, m), &search);
                let after = self
                    .cursor
                    .and_then(|cursor| cursor.after(repo))
                    .map_or(String::new(), |after| format!(", after: ${}", variable(format!("{alias}after"), after)));
                let _ = writeln!(
                    fields,
                    "{alias}: search(query: ${alias}, type: ISSUE, first: {}{after}) {FIELDS}",
                    self.issues
                );
            }
        }
        let declared: Vec<String> = variables.keys().map(|name| format!("${name}: String!")).collect();
        let query = format!("query({}) {{\n{fields}}}", declared.join(", "));
        json!({ "query": query, "variables": variables }).to_string()
    }

    /// Decodes GitHub's answer.
    pub(super) fn parse_answer(&self, body: &Bytes) -> Result<Queue, GitHubTrouble> {
        let data = answer::data(body)?;
        let mut queue =
            Queue { left_out: self.left_out.to_vec(), failed: self.not_on_github.clone(), ..Queue::default() };
        for (n, (repo, ..)) in self.asked.iter().enumerate() {
            match self.of_repo(n, repo, &data) {
                Ok(lanes) => {
                    queue.repos.push((*repo).clone());
                    queue.lanes.extend(lanes);
                }
                Err(trouble) => queue.failed.push(trouble),
            }
        }
        match (queue.repos.is_empty(), queue.failed.first()) {
            (true, Some(trouble)) => Err(trouble.clone()),
            _ => Ok(queue),
        }
    }

    fn of_repo(
        &self,
        n: usize,
        repo: &RepoName,
        data: &answer::Data,
    ) -> Result<Vec<answer::LaneOfRepo>, GitHubTrouble> {
        let now = data.repository(&format!("r{n}"), repo)?;
        if !now.eq_ignore_ascii_case(repo.as_str()) {
            return Err(GitHubTrouble::Renamed { repo: repo.clone(), now: super::trouble::clean_message(&now) });
        }
        let of_lane = |(m, lane): (usize, &Lane)| data.lane(&lane_alias(n, m), *lane, repo);
        self.lanes.iter().enumerate().map(of_lane).collect()
    }
}

fn lane_alias(repo: usize, lane: usize) -> String {
    format!("r{repo}l{lane}")
}

const FIELDS: &str = "{ issueCount pageInfo { hasNextPage } edges { cursor node { ... on Issue { number title updatedAt \
                      author { login } assignees(first: 3) { nodes { login } } } } } }";

/// The query for the account of the token.
pub(super) fn whoami() -> String {
    let query: Value = json!({ "query": "query { viewer { login } }" });
    query.to_string()
}
