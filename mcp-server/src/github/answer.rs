//! Decodes GitHub's answer. A missing or malformed part is an error, never an empty list.

use bytes::Bytes;
use deckwatch_protocol::{RepoName, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::lane::Lane;
use super::lane_cursor;
use super::trouble::{GitHubTrouble, clean_message};

/// The work queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The repositories that answered.
    pub(crate) repos: Vec<RepoName>,
    /// Each lane of each repository.
    pub(crate) lanes: Vec<LaneOfRepo>,
    /// The repositories that failed.
    pub(crate) failed: Vec<GitHubTrouble>,
    /// Why some of the venture's repositories were not asked, if so.
    pub(crate) gap: Option<String>,
    /// The repositories beyond the limit of one request.
    pub(crate) left_out: Vec<RepoName>,
}

/// One lane of one repository.
#[derive(Debug)]
pub(crate) struct LaneOfRepo {
    pub(crate) lane: Lane,
    pub(crate) repo: RepoName,
    pub(crate) total: usize,
    pub(crate) issues: Vec<Issue>,
    /// Whether GitHub lists issues after these.
    pub(crate) goes_on: bool,
}

/// An issue. Its texts are not trusted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) updated_at: Timestamp,
    /// GitHub's cursor of this issue in its lane.
    #[serde(skip)]
    pub(crate) cursor: String,
    /// `null` when the account was deleted.
    author: Option<Login>,
    assignees: Nodes<Login>,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

impl Issue {
    pub(crate) fn author(&self) -> Option<&str> {
        self.author.as_ref().map(|author| author.login.as_str())
    }

    pub(crate) fn assignees(&self) -> impl Iterator<Item = &str> {
        self.assignees.nodes.iter().map(|assignee| assignee.login.as_str())
    }
}

/// A decoded answer.
pub(super) struct Data {
    fields: Map<String, Value>,
    errors: Vec<QueryError>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<Map<String, Value>>,
    #[serde(default)]
    errors: Vec<QueryError>,
}

#[derive(Deserialize)]
struct QueryError {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a repository")]
struct Repository {
    name_with_owner: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the issues of a lane")]
struct Found {
    issue_count: usize,
    page_info: PageInfo,
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Deserialize)]
struct Edge {
    cursor: String,
    node: Issue,
}

/// Decodes the envelope. A refusal of the whole query is an error.
pub(super) fn data(body: &Bytes) -> Result<Data, GitHubTrouble> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    match (envelope.data, envelope.errors) {
        (_, errors) if errors.iter().any(|error| error.kind.starts_with("RATE_LIMIT")) => {
            Err(GitHubTrouble::RateLimited { until: None })
        }
        (Some(fields), errors) => Ok(Data { fields, errors }),
        (None, errors) => {
            let message = errors.first().map_or("", |error| error.message.as_str());
            Err(GitHubTrouble::Refused { message: clean_message(message) })
        }
    }
}

/// The login in the answer to [`super::query::whoami`].
pub(super) fn login(body: &Bytes) -> Result<String, GitHubTrouble> {
    let data = data(body)?;
    let viewer: Login = data.field("viewer")?;
    Ok(clean_message(&viewer.login))
}

impl QueryError {
    fn trouble(&self, repo: &RepoName) -> GitHubTrouble {
        let message = clean_message(&self.message);
        match self.kind.as_str() {
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => GitHubTrouble::Hidden { repo: repo.clone(), message },
            _ => GitHubTrouble::Refused { message: format!("{repo}: {message}") },
        }
    }
}

impl Data {
    /// The current name of the repository.
    pub(super) fn repository(&self, alias: &str, repo: &RepoName) -> Result<String, GitHubTrouble> {
        match self.error_at(alias) {
            Some(error) if error.kind == "NOT_FOUND" => Err(GitHubTrouble::NoSuchRepo { repo: repo.clone() }),
            Some(error) => Err(error.trouble(repo)),
            None => self.field(alias).map(|repository: Repository| repository.name_with_owner),
        }
    }

    pub(super) fn lane(&self, alias: &str, lane: Lane, repo: &RepoName) -> Result<LaneOfRepo, GitHubTrouble> {
        if let Some(error) = self.error_at(alias) {
            return Err(error.trouble(repo));
        }
        let found: Found = self.field(alias)?;
        if found.edges.iter().any(|edge| !lane_cursor::is_readable(&edge.cursor)) {
            return Err(GitHubTrouble::Malformed { cause: "a cursor is not in base64".to_owned() });
        }
        let issues = found.edges.into_iter().map(|Edge { cursor, node }| Issue { cursor, ..node });
        Ok(LaneOfRepo {
            lane,
            repo: repo.clone(),
            total: found.issue_count,
            issues: issues.collect(),
            goes_on: found.page_info.has_next_page,
        })
    }

    fn error_at(&self, alias: &str) -> Option<&QueryError> {
        self.errors.iter().find(|error| error.path.first().and_then(Value::as_str) == Some(alias))
    }

    fn field<T: DeserializeOwned>(&self, alias: &str) -> Result<T, GitHubTrouble> {
        let value = self.fields.get(alias).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| malformed(&error))
    }
}

fn malformed(error: &serde_json::Error) -> GitHubTrouble {
    GitHubTrouble::Malformed { cause: clean_message(&error.to_string()) }
}
