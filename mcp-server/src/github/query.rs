//! The GraphQL query: for each repository, its facts and one search for each section.
//!
//! A search in a repository that does not exist finds nothing, without an error. Therefore the query also asks for the
//! repository itself. A search by an earlier name finds nothing either, so the query uses the current name.

use std::fmt::Write as _;

use deckwatch_protocol::{RepoName, Track};
use serde_json::{Map, Value, json};

use super::answer::{self, RepoAnswer};
use super::connection::Connection;
use super::lane::Lane;
use super::lane_cursor::LaneCursor;
use super::section::Section;
use super::trouble::GitHubTrouble;

/// The maximum number of items for one section and repository.
const MAX_ISSUES: usize = 50;

/// What is asked about each repository.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) sections: Vec<Section>,
    issues: usize,
}

impl Form {
    pub(super) fn of(lanes: &[Lane], track: Option<Track>, issues: usize) -> Self {
        Self { sections: Section::of(lanes, track), issues: issues.clamp(1, MAX_ISSUES) }
    }

    /// A text that differs for every form.
    pub(super) fn shape(&self) -> String {
        let sections: Vec<String> = self.sections.iter().map(|section| section.key()).collect();
        format!("{FIELDS}\n{} of {}", self.issues, sections.join(","))
    }

    /// Where the page begins in each section.
    pub(super) fn cursors(&self, cursor: Option<&LaneCursor>, repo: &RepoName) -> Vec<Option<String>> {
        let after = |section: &Section| Some(cursor?.after(repo, section.is_on_track())?.to_owned());
        self.sections.iter().map(after).collect()
    }
}

/// A repository in a query.
pub(super) struct Asked {
    pub(super) repo: RepoName,
    /// Its name on GitHub.
    pub(super) name: String,
    /// For each section, the cursor of the last item that was shown.
    pub(super) after: Vec<Option<String>>,
}

/// A query, with the data that is needed to decode its answer.
pub(super) struct Query {
    asked: Vec<Asked>,
    form: Form,
}

impl Query {
    pub(super) fn of(asked: Vec<Asked>, form: &Form) -> Self {
        Self { asked, form: form.clone() }
    }

    /// Sends the query. The answers are in the order of the repositories.
    pub(super) async fn answers(
        &self,
        connection: &Connection,
    ) -> Result<Vec<Result<RepoAnswer, GitHubTrouble>>, GitHubTrouble> {
        let response = connection.query(self.body()).await?;
        let data = answer::data(&response)?;
        let aliases = |n| (0..self.form.sections.len()).map(|m| section_alias(n, m)).collect::<Vec<_>>();
        let answer = |(n, asked): (usize, &Asked)| data.repository(&repo_alias(n), &aliases(n), &asked.repo);
        Ok(self.asked.iter().enumerate().map(answer).collect())
    }

    /// The body of the request. Names and searches are sent as variables, so they need no escaping.
    fn body(&self) -> String {
        let (mut fields, mut variables) = (String::new(), Map::new());
        let mut variable = |name: String, value: &str| {
            variables.insert(name.clone(), json!(value));
            name
        };
        for (n, asked) in self.asked.iter().enumerate() {
            let (owner, name) = asked.name.split_once('/').unwrap_or_default();
            let (owner, name) = (variable(format!("o{n}"), owner), variable(format!("n{n}"), name));
            let _ = writeln!(fields, "{}: repository(owner: ${owner}, name: ${name}) {FACTS}", repo_alias(n));
            for (m, section) in self.form.sections.iter().enumerate() {
                let search = format!("repo:{} is:open{} sort:updated-desc", asked.name, section.qualifiers());
                let alias = variable(section_alias(n, m), &search);
                let after = asked.after.get(m).and_then(Option::as_deref);
                let after = after
                    .map_or(String::new(), |after| format!(", after: ${}", variable(format!("{alias}after"), after)));
                let _ = writeln!(
                    fields,
                    "{alias}: search(query: ${alias}, type: ISSUE, first: {}{after}) {FIELDS}",
                    self.form.issues
                );
            }
        }
        let declared: Vec<String> = variables.keys().map(|name| format!("${name}: String!")).collect();
        let query = format!("query({}) {{\n{fields}}}", declared.join(", "));
        json!({ "query": query, "variables": variables }).to_string()
    }
}

fn repo_alias(repo: usize) -> String {
    format!("r{repo}")
}

fn section_alias(repo: usize, section: usize) -> String {
    format!("r{repo}s{section}")
}

const FACTS: &str = "{ nameWithOwner isArchived isFork hasIssuesEnabled }";
const FIELDS: &str = "{ issueCount pageInfo { hasNextPage } edges { cursor node { __typename \
     ... on Issue { number title updatedAt author { login } \
     assignees(first: 3) { nodes { login } } labels(first: 20) { nodes { name } } } \
     ... on PullRequest { number title updatedAt isDraft author { login } \
     assignees(first: 3) { nodes { login } } labels(first: 20) { nodes { name } } } } } }";

/// The query for the account of the token.
pub(super) fn whoami() -> String {
    let query: Value = json!({ "query": "query { viewer { login } }" });
    query.to_string()
}
