//! Decodes GitHub's answer. A missing or malformed part is an error, never an empty list.

use bytes::Bytes;
use deckwatch_protocol::{Claim, RepoName, Timestamp};
use http::Response;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lane::Lane;
use super::lane_cursor;
use super::notice::Notice;
use super::section::Section;
use super::trouble::{GitHubTrouble, clean_message, until};

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
    /// The repositories beyond the limit.
    pub(crate) left_out: Vec<RepoName>,
    /// What a reader should know about the repositories that answered.
    pub(crate) notices: Vec<Notice>,
    /// The claims of agents that are known, to show them beside their issues.
    pub(crate) claims: Vec<Claim>,
}

/// One lane of one repository, or the part of it on the agent's track, or the part that is not.
#[derive(Debug)]
pub(crate) struct LaneOfRepo {
    pub(crate) lane: Lane,
    /// Whether all items are on the agent's track.
    pub(crate) on_track: bool,
    pub(crate) repo: RepoName,
    pub(crate) total: usize,
    pub(crate) issues: Vec<Issue>,
    /// Whether GitHub lists issues after these.
    pub(crate) goes_on: bool,
}

/// An issue or a pull request. Its texts are not trusted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) updated_at: Timestamp,
    #[serde(rename = "__typename", default)]
    kind: Kind,
    #[serde(default)]
    is_draft: bool,
    /// GitHub's cursor of this issue in its lane.
    #[serde(skip)]
    pub(crate) cursor: String,
    /// `null` when the account was deleted.
    author: Option<Login>,
    assignees: Nodes<Login>,
    #[serde(default)]
    labels: Option<Nodes<Label>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Kind {
    #[default]
    Issue,
    PullRequest,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

impl Issue {
    /// What tells a pull request from an issue; empty for an issue.
    pub(crate) fn mark(&self) -> &'static str {
        match (self.kind, self.is_draft) {
            (Kind::Issue, _) => "",
            (Kind::PullRequest, false) => "PR: ",
            (Kind::PullRequest, true) => "draft PR: ",
        }
    }

    /// Who acts next, by the labels `needs:*`.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &'static str> {
        let has = |role: &&str| {
            let mut labels = self.labels.iter().flat_map(|labels| &labels.nodes);
            labels.any(|label| label.name.eq_ignore_ascii_case(&format!("needs:{role}")))
        };
        ["pm", "dev", "qa"].into_iter().filter(has)
    }

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

/// The answer about one repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RepoAnswer {
    pub(super) name_with_owner: String,
    is_archived: bool,
    is_fork: bool,
    has_issues: bool,
    /// The searches, as GitHub answered them.
    sections: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a repository")]
struct Repository {
    name_with_owner: String,
    is_archived: bool,
    is_fork: bool,
    has_issues_enabled: bool,
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
    /// `null` if the token may not read pull requests, or issues.
    node: Option<Issue>,
}

/// Decodes the envelope. A refusal of the whole query is an error.
pub(super) fn data(response: &Response<Bytes>) -> Result<Data, GitHubTrouble> {
    let envelope: Envelope = serde_json::from_slice(response.body()).map_err(|error| malformed(&error))?;
    match (envelope.data, envelope.errors) {
        (_, errors) if errors.iter().any(|error| error.kind.starts_with("RATE_LIMIT")) => {
            Err(GitHubTrouble::RateLimited { until: until(response) })
        }
        (Some(fields), errors) => Ok(Data { fields, errors }),
        (None, errors) => {
            let message = errors.first().map_or("", |error| error.message.as_str());
            Err(GitHubTrouble::Refused { message: clean_message(message) })
        }
    }
}

/// The login in the answer to [`super::query::whoami`].
pub(super) fn login(response: &Response<Bytes>) -> Result<String, GitHubTrouble> {
    let data = data(response)?;
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
    /// The answer about a repository: its facts, and the searches at `sections`.
    pub(super) fn repository(
        &self,
        alias: &str,
        sections: &[String],
        repo: &RepoName,
    ) -> Result<RepoAnswer, GitHubTrouble> {
        match self.error_at(alias) {
            Some(error) if error.kind == "NOT_FOUND" => {
                return Err(GitHubTrouble::NoSuchRepo { repo: repo.clone() });
            }
            Some(error) => return Err(error.trouble(repo)),
            None => {}
        }
        let facts: Repository = self.field(alias)?;
        if let Some(error) = sections.iter().find_map(|alias| self.error_of_whole(alias)) {
            return Err(error.trouble(repo));
        }
        let sections = sections.iter().map(|alias| self.fields.get(alias).cloned().unwrap_or_default());
        Ok(RepoAnswer {
            name_with_owner: clean_message(&facts.name_with_owner),
            is_archived: facts.is_archived,
            is_fork: facts.is_fork,
            has_issues: facts.has_issues_enabled,
            sections: sections.collect(),
        })
    }

    fn error_at(&self, alias: &str) -> Option<&QueryError> {
        self.errors.iter().find(|error| error.path.first().and_then(Value::as_str) == Some(alias))
    }

    /// The error that left nothing of a search. An error of one item leaves the others.
    fn error_of_whole(&self, alias: &str) -> Option<&QueryError> {
        self.error_at(alias).filter(|_| self.fields.get(alias).is_none_or(Value::is_null))
    }

    fn field<T: DeserializeOwned>(&self, alias: &str) -> Result<T, GitHubTrouble> {
        let value = self.fields.get(alias).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| malformed(&error))
    }
}

impl RepoAnswer {
    /// The lanes, decoded.
    pub(super) fn lanes(&self, repo: &RepoName, sections: &[Section]) -> Result<Vec<LaneOfRepo>, GitHubTrouble> {
        if self.sections.len() != sections.len() {
            return Err(GitHubTrouble::Malformed { cause: "a search is missing".to_owned() });
        }
        sections.iter().zip(&self.sections).map(|(section, found)| lane(*section, found, repo)).collect()
    }

    /// What a reader should know about the repository.
    pub(super) fn notices(&self, repo: &RepoName) -> Vec<Notice> {
        let repo = || repo.clone();
        let is_renamed = !self.name_with_owner.eq_ignore_ascii_case(repo().as_str());
        let renamed = is_renamed.then(|| Notice::Renamed { repo: repo(), now: self.name_with_owner.clone() });
        let archived = self.is_archived.then(|| Notice::Archived { repo: repo() });
        let fork = self.is_fork.then(|| Notice::Fork { repo: repo(), has_issues: self.has_issues });
        renamed.into_iter().chain(archived).chain(fork).collect()
    }
}

fn lane(section: Section, found: &Value, repo: &RepoName) -> Result<LaneOfRepo, GitHubTrouble> {
    let found = Found::deserialize(found).map_err(|error| malformed(&error))?;
    if found.edges.iter().any(|edge| !lane_cursor::is_readable(&edge.cursor)) {
        return Err(GitHubTrouble::Malformed { cause: "a cursor is not in base64".to_owned() });
    }
    let issues = found.edges.into_iter().filter_map(|Edge { cursor, node }| Some(Issue { cursor, ..node? }));
    Ok(LaneOfRepo {
        lane: section.lane,
        on_track: section.is_on_track(),
        repo: repo.clone(),
        total: found.issue_count,
        issues: issues.collect(),
        goes_on: found.page_info.has_next_page,
    })
}

fn malformed(error: &serde_json::Error) -> GitHubTrouble {
    GitHubTrouble::Malformed { cause: clean_message(&error.to_string()) }
}
