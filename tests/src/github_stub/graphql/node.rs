//! The types of the schema and their fields.

use serde_json::{Map, Value, json};

use super::search::{self, Found};
use super::{Refusal, Scope};
use crate::github_stub::access;
use crate::github_stub::rate::Resource;
use crate::github_stub::shapes::{WEB, node_id, time};
use crate::github_stub::world::{Issue, Repo};

/// An object that a selection is made on.
pub(super) enum Node<'a> {
    Query,
    RateLimit,
    Actor(&'a str),
    Label(&'a str),
    Repository(&'a Repo),
    Issue(&'a Repo, &'a Issue),
    Search(Found<'a>),
    Edge(String, Box<Node<'a>>),
    PageInfo {
        next: bool,
        end: Option<String>,
    },
    /// The users or labels of an issue: their total and the first of them.
    Names(&'static str, usize, Vec<&'a str>),
}

/// The value of a field.
pub(super) enum Field<'a> {
    Null,
    Leaf(Value),
    One(Node<'a>),
    Many(Vec<Node<'a>>),
}

fn leaf(value: impl Into<Value>) -> Field<'static> {
    Field::Leaf(value.into())
}

impl<'a> Node<'a> {
    /// The name of the type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::RateLimit => "RateLimit",
            Self::Actor(_) => "User",
            Self::Label(_) => "Label",
            Self::Repository(_) => "Repository",
            Self::Issue(_, issue) if issue.pull.is_some() => "PullRequest",
            Self::Issue(..) => "Issue",
            Self::Search(_) => "SearchResultItemConnection",
            Self::Edge(..) => "SearchResultItemEdge",
            Self::PageInfo { .. } => "PageInfo",
            Self::Names(kind, ..) => kind,
        }
    }

    pub(super) fn field(
        &self,
        scope: &Scope<'a>,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Field<'a>, Refusal> {
        let found = match self {
            Self::Query => query(scope, name, arguments)?,
            Self::RateLimit => rate_limit(scope, name),
            Self::Actor(login) => (name == "login").then(|| leaf(*login)),
            Self::Label(label) => (name == "name").then(|| leaf(*label)),
            Self::Repository(repo) => repository(scope, repo, name),
            Self::Issue(repo, issue) => issue_field(repo, issue, name, arguments)?,
            Self::Search(found) => search_field(found, name),
            Self::Edge(cursor, node) => match (name, node.as_ref()) {
                ("cursor", _) => Some(leaf(cursor.as_str())),
                ("node", Self::Issue(repo, issue)) => Some(Field::One(Self::Issue(repo, issue))),
                _ => None,
            },
            Self::PageInfo { next, end } => match name {
                "hasNextPage" => Some(leaf(*next)),
                "endCursor" => Some(end.as_deref().map_or(Field::Null, leaf)),
                _ => None,
            },
            Self::Names(kind, total, shown) => match (name, *kind) {
                ("totalCount", _) => Some(leaf(*total)),
                ("nodes", "LabelConnection") => Some(Field::Many(shown.iter().map(|name| Self::Label(name)).collect())),
                ("nodes", _) => Some(Field::Many(shown.iter().map(|name| Self::Actor(name)).collect())),
                _ => None,
            },
        };
        match found {
            Some(found) => Ok(found),
            None if name == "__typename" => Ok(leaf(self.kind())),
            None => Err(unknown_field(self.kind(), name)),
        }
    }
}

fn unknown_field(kind: &str, name: &str) -> Refusal {
    Refusal::Query(json!({
        "path": ["query", name], "locations": [{ "line": 1, "column": 1 }],
        "extensions": { "code": "undefinedField", "typeName": kind, "fieldName": name },
        "message": format!("Field '{name}' doesn't exist on type '{kind}'"),
    }))
}

/// The size of a page, which every connection needs.
pub(super) fn first(kind: &str, arguments: &Map<String, Value>) -> Result<usize, Refusal> {
    let wrong = |code: &str, message: String| Refusal::Query(json!({ "type": code, "message": message }));
    match arguments.get("first").and_then(Value::as_u64) {
        Some(first) if (1..=100).contains(&first) => Ok(usize::try_from(first).unwrap()),
        Some(first) => {
            let message = format!(
                "Requesting {first} records on the `{kind}` connection exceeds the `first` limit of 100 records."
            );
            Err(wrong("EXCESSIVE_PAGINATION", message))
        }
        None => {
            let message =
                format!("You must provide a `first` or `last` value to properly paginate the `{kind}` connection.");
            Err(wrong("MISSING_PAGINATION_BOUNDARIES", message))
        }
    }
}

fn query<'a>(scope: &Scope<'a>, name: &str, arguments: &Map<String, Value>) -> Result<Option<Field<'a>>, Refusal> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok(Some(match name {
        "viewer" => {
            let login = scope.caller.login().and_then(|login| scope.world.find_account(&login));
            login.map_or(Field::Null, |account| Field::One(Node::Actor(&account.login)))
        }
        "rateLimit" => Field::One(Node::RateLimit),
        "repository" => Field::One(Node::Repository(find(scope, text("owner"), text("name"))?)),
        "search" => {
            let first = first("search", arguments)?;
            Field::One(Node::Search(search::issues(scope, text("query"), text("type"), first, text("after"))?))
        }
        _ => return Ok(None),
    }))
}

/// The repository of this name. An earlier name works too.
fn find<'a>(scope: &Scope<'a>, owner: &str, name: &str) -> Result<&'a Repo, Refusal> {
    let full = format!("{owner}/{name}");
    let by_name = scope.world.repos.iter().find(|repo| repo.full_name().eq_ignore_ascii_case(&full));
    let earlier =
        || scope.world.earlier_names.get(&full.to_ascii_lowercase()).and_then(|id| scope.world.repo_by_id(*id));
    let found = by_name.or_else(earlier).filter(|repo| access::see(scope.world, scope.caller, repo).is_ok());
    found.ok_or_else(|| {
        let message = format!("Could not resolve to a Repository with the name '{full}'.");
        Refusal::Field(json!({ "type": "NOT_FOUND", "message": message, "locations": [{ "line": 1, "column": 1 }] }))
    })
}

fn rate_limit<'a>(scope: &Scope<'a>, name: &str) -> Option<Field<'a>> {
    let window = scope.world.rates.peek(&scope.caller.counted_as(), Resource::GraphQl)?;
    window.get(name).cloned().map(Field::Leaf).or_else(|| match name {
        "cost" => Some(leaf(scope.cost)),
        "nodeCount" => Some(leaf(scope.nodes)),
        "resetAt" => {
            let reset = window["reset"].as_i64().unwrap_or_default();
            Some(leaf(time(deckwatch_protocol::Timestamp::from_millis(reset * 1000))))
        }
        _ => None,
    })
}

fn repository<'a>(scope: &Scope<'a>, repo: &Repo, name: &str) -> Option<Field<'a>> {
    Some(match name {
        "id" => leaf(node_id("R", repo.id)),
        "name" => leaf(repo.name.as_str()),
        "nameWithOwner" => leaf(repo.full_name()),
        "url" => leaf(format!("{WEB}/{}", repo.full_name())),
        "isPrivate" => leaf(repo.private),
        "isFork" => leaf(repo.fork_of.is_some()),
        "isArchived" => leaf(repo.archived),
        "isDisabled" => leaf(false),
        "hasIssuesEnabled" => leaf(repo.has_issues),
        "parent" => {
            let parent = repo.fork_of.and_then(|id| scope.world.repo_by_id(id));
            let seen = parent.filter(|parent| access::see(scope.world, scope.caller, parent).is_ok());
            seen.map_or(Field::Null, |parent| Field::One(Node::Repository(parent)))
        }
        _ => return None,
    })
}

fn issue_field<'a>(
    repo: &'a Repo,
    issue: &'a Issue,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<Option<Field<'a>>, Refusal> {
    let names = |kind: &'static str, connection: &str, all: &'a [String]| {
        let shown = all.iter().take(first(connection, arguments)?).map(String::as_str).collect();
        Ok(Field::One(Node::Names(kind, all.len(), shown)))
    };
    let state = match (&issue.pull, issue.open) {
        (Some(pull), false) if pull.merged_at.is_some() => "MERGED",
        (_, true) => "OPEN",
        (_, false) => "CLOSED",
    };
    Ok(Some(match (name, &issue.pull) {
        ("id", _) => leaf(node_id("I", issue.id)),
        ("number", _) => leaf(issue.number),
        ("title", _) => leaf(issue.title.as_str()),
        ("body", _) => leaf(issue.body.as_deref().unwrap_or_default()),
        ("state", _) => leaf(state),
        ("createdAt", _) => leaf(time(issue.created_at)),
        ("updatedAt", _) => leaf(time(issue.updated_at)),
        ("url", pull) => {
            let page = if pull.is_some() { "pull" } else { "issues" };
            leaf(format!("{WEB}/{}/{page}/{}", repo.full_name(), issue.number))
        }
        ("author", _) => issue.author.as_deref().map_or(Field::Null, |login| Field::One(Node::Actor(login))),
        ("assignees", _) => names("UserConnection", "assignees", &issue.assignees)?,
        ("labels", _) => names("LabelConnection", "labels", &issue.labels)?,
        ("isDraft", Some(pull)) => leaf(pull.draft),
        ("merged", Some(pull)) => leaf(pull.merged_at.is_some()),
        ("headRefName", Some(pull)) => leaf(pull.head.as_str()),
        ("reviewDecision", Some(_)) => Field::Null,
        _ => return Ok(None),
    }))
}

fn search_field<'a>(found: &Found<'a>, name: &str) -> Option<Field<'a>> {
    let issue = |(_, repo, issue): &(String, &'a Repo, &'a Issue)| Node::Issue(repo, issue);
    let edge = |item: &(String, &'a Repo, &'a Issue)| Node::Edge(item.0.clone(), Box::new(issue(item)));
    Some(match name {
        "issueCount" => leaf(found.total),
        "nodes" => Field::Many(found.page.iter().map(issue).collect()),
        "edges" => Field::Many(found.page.iter().map(edge).collect()),
        "pageInfo" => {
            let end = found.page.last().map(|(cursor, ..)| cursor.clone());
            Field::One(Node::PageInfo { next: found.goes_on, end })
        }
        _ => return None,
    })
}
