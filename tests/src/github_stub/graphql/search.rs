//! The search for issues and pull requests, with the qualifiers of GitHub that the stub knows.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{Refusal, Scope};
use crate::github_stub::access;
use crate::github_stub::token::Level;
use crate::github_stub::world::{Issue, Repo};

/// A search lists no more than this, but counts all.
const MOST: usize = 1_000;

/// What a search has found.
pub(super) struct Found<'a> {
    pub(super) total: usize,
    /// Cursor, repository, issue.
    pub(super) page: Vec<(String, &'a Repo, &'a Issue)>,
    pub(super) goes_on: bool,
}

/// Searches what the caller may see. A repository that is hidden or does not exist has no issues, without an error.
pub(super) fn issues<'a>(
    scope: &Scope<'a>,
    query: &str,
    kind: &str,
    first: usize,
    after: &str,
) -> Result<Found<'a>, Refusal> {
    let wrong = |message: String| Refusal::Query(json!({ "type": "UNPROCESSABLE", "message": message }));
    if kind != "ISSUE" {
        return Err(wrong(format!("the stub searches type ISSUE only, not {kind}")));
    }
    let qualifiers = qualifiers(query).map_err(wrong)?;
    let skipped = if after.is_empty() { Some(0) } else { place(after) };
    let skipped = skipped.ok_or_else(|| wrong(format!("`{after}` does not appear to be a valid cursor.")))?;
    let repos = scope.world.search_index.as_ref().unwrap_or(&scope.world.repos);
    let needed = &[("issues", Level::Read), ("pull_requests", Level::Read)];
    let seen = repos.iter().filter(|repo| access::need(scope.world, scope.caller, repo, needed).is_ok());
    let mut found: Vec<(&Repo, &Issue)> =
        seen.flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue))).collect();
    found.retain(|(repo, issue)| qualifiers.iter().all(|qualifier| qualifier.fits(repo, issue)));
    let by_update = qualifiers.iter().any(|qualifier| qualifier.name == "sort" && qualifier.values == ["updated-desc"]);
    let time = |issue: &Issue| if by_update { issue.updated_at } else { issue.created_at };
    found.sort_by_key(|(_, issue)| (std::cmp::Reverse(time(issue)), issue.number));
    let total = found.len();
    let listed = found.into_iter().take(MOST).enumerate().skip(skipped).take(first);
    let page: Vec<_> = listed.map(|(index, (repo, issue))| (cursor(index + 1), repo, issue)).collect();
    let goes_on = skipped + page.len() < total.min(MOST);
    Ok(Found { total, page, goes_on })
}

fn cursor(place: usize) -> String {
    BASE64_STANDARD.encode(format!("cursor:{place}"))
}

fn place(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64_STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("cursor:")?.parse().ok()
}

struct Qualifier {
    negated: bool,
    name: String,
    values: Vec<String>,
}

/// Splits a query at spaces outside quotes.
fn qualifiers(query: &str) -> Result<Vec<Qualifier>, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in query.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            ',' if !quoted => words.last_mut().unwrap().push('\n'),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.iter().filter(|word| !word.is_empty()).map(|word| qualifier(word)).collect()
}

fn qualifier(word: &str) -> Result<Qualifier, String> {
    let (negated, word) = word.strip_prefix('-').map_or((false, word), |word| (true, word));
    let (name, values) = word.split_once(':').ok_or_else(|| format!("the stub searches no text: {word}"))?;
    let known: &[&str] = match name {
        "is" => &["issue", "pr", "open", "closed", "draft"],
        "sort" => &["updated-desc", "created-desc"],
        "repo" | "org" | "label" | "author" | "assignee" => &[],
        _ => return Err(format!("the stub does not know the qualifier {name}")),
    };
    let values: Vec<String> = values.split('\n').map(str::to_owned).collect();
    match values.iter().find(|value| !known.is_empty() && !known.contains(&value.as_str())) {
        Some(value) => Err(format!("the stub does not know the qualifier {name}:{value}")),
        None => Ok(Qualifier { negated, name: name.to_owned(), values }),
    }
}

impl Qualifier {
    fn fits(&self, repo: &Repo, issue: &Issue) -> bool {
        let same = |text: &str| self.values.iter().any(|value| value.eq_ignore_ascii_case(text));
        let fits = match self.name.as_str() {
            "repo" => self.values.iter().any(|value| {
                let parts = value.split_once('/');
                parts.is_some_and(|(owner, name)| {
                    owner.eq_ignore_ascii_case(&repo.owner) && name.eq_ignore_ascii_case(&repo.name)
                })
            }),
            "org" => same(&repo.owner),
            "label" => issue.labels.iter().any(|label| same(label)),
            "author" => issue.author.as_deref().is_some_and(same),
            "assignee" => issue.assignees.iter().any(|login| same(login)),
            "is" => {
                (same("issue") && issue.pull.is_none())
                    || (same("pr") && issue.pull.is_some())
                    || (same("open") && issue.open)
                    || (same("closed") && !issue.open)
                    || (same("draft") && issue.pull.as_ref().is_some_and(|pull| pull.draft))
            }
            // The order is no condition.
            _ => return true,
        };
        fits != self.negated
    }
}
