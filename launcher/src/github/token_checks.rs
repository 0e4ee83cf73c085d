//! The checks of a token: whose it is, when it expires, and what it may do with each repository.
//!
//! A permission to write is tried with a request that lacks a required field. GitHub refuses it with 422 if the token may
//! write, and with 403 or 404 if it may not. Nothing is written either way.

use deckwatch_machine::clock::now;
use deckwatch_protocol::{RepoName, Timestamp};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::api::{Answer, Credential, GitHub};
use super::app_checks::failed;
use super::repo_check::{self, Repository};
use super::repositories::TeamRepos;
use crate::check::Check;
use crate::github_error::{GitHubError, clean};

/// So many days before its end, the token is warned about.
const WARNING_DAYS: i64 = 14;

#[derive(Deserialize)]
struct User {
    login: String,
}

/// All checks. If GitHub does not accept the token, the first is the only one.
pub(super) async fn check(github: &GitHub, token: &Credential, source: &str, repos: &TeamRepos) -> Vec<Check> {
    let answer = match github.send(Method::GET, "/user", token, None).await {
        Err(error) => return vec![failed("token", &error)],
        Ok(answer) => answer,
    };
    let (expiry, scopes) = (expiry(&answer), scopes(&answer));
    let mut checks = vec![match answer.status {
        // The token of an installation, such as the one of a run of GitHub Actions, is no user's.
        403 => Check::ok("token", format!("belongs to an App or to a run of GitHub Actions; it comes from {source}")),
        _ => match answer.decoded::<User>("user of this token", token) {
            Err(error) => return vec![failed("token", &error)],
            Ok(user) => Check::ok("token", format!("belongs to {}; it comes from {source}", clean(&user.login))),
        },
    }];
    checks.extend(expiry);
    checks.extend(scopes);
    if repos.on_github.is_empty() {
        let fix = "name one with --repo owner/name, or add `repos` to the ventures";
        checks.push(Check::fail("repositories", "no repository of the ventures is on GitHub", fix));
    }
    for repo in &repos.on_github {
        checks.extend(of_repo(github, token, repo).await);
    }
    checks
}

fn expiry(answer: &Answer) -> Option<Check> {
    const NAME: &str = "expiry";
    let text = answer.text("github-authentication-token-expiration")?;
    // `2026-11-28 02:00:00 UTC`
    let at: Timestamp = text.replacen(' ', "T", 1).replace(" UTC", "Z").replace(" +0000", "Z").parse().ok()?;
    let days = (at.as_millis() - now().as_millis()).div_euclid(24 * 60 * 60 * 1000);
    if days >= WARNING_DAYS {
        return Some(Check::ok(NAME, format!("in {days} days")));
    }
    let fix = "make a new token in time, and store it where this one is";
    Some(Check::warn(NAME, format!("the token expires on {at}"), fix))
}

/// A classic token names its scopes.
fn scopes(answer: &Answer) -> Option<Check> {
    const NAME: &str = "scopes";
    let scopes = answer.text("x-oauth-scopes")?;
    let detail = format!("a classic token with the scopes: {}", clean(if scopes.is_empty() { "none" } else { scopes }));
    let fix = "use a fine-grained token: a classic one reaches every repository of its owner";
    Some(Check::warn(NAME, detail, fix))
}

async fn of_repo(github: &GitHub, token: &Credential, repo: &RepoName) -> Vec<Check> {
    let found: Repository = match github.get(&format!("/repos/{repo}"), token, "such repository").await {
        Err(error) => return vec![failed(repo_check::name(repo), &error)],
        Ok(found) => found,
    };
    let mut checks =
        vec![found.problem(repo).unwrap_or_else(|| Check::ok(repo_check::name(repo), "the token sees it"))];
    let mut all = vec![("pull requests", "pulls")];
    if found.takes_issues() {
        all.insert(0, ("issues", "issues"));
    }
    for (what, path) in all {
        let path = format!("/repos/{}/{path}", found.full_name);
        let name = format!("{repo} {what}");
        let read = github.send(Method::GET, &format!("{path}?per_page=1"), token, None).await;
        checks.push(match (refusal(read, token, what), found.is_read_only()) {
            (Some(error), _) => failed(name, &error),
            (None, true) => Check::ok(name, "read"),
            (None, false) => {
                let tried = github.send(Method::POST, &path, token, Some(&json!({}))).await;
                match tried {
                    // GitHub asks for the missing title, so it would have created one.
                    Ok(answer) if answer.status == 422 => Check::ok(name, "read and write"),
                    tried => may_only_read(name, what, refusal(tried, token, what)),
                }
            }
        });
    }
    checks
}

fn may_only_read(name: String, what: &str, error: Option<GitHubError>) -> Check {
    match error {
        Some(GitHubError::Forbidden { .. } | GitHubError::NotFound { .. }) => {
            let fix = format!(
                "give the token write access to {what} of this repository, and its user the role to write there"
            );
            Check::fail(name, "the token may read, and not write", fix)
        }
        Some(other) => failed(name, &other),
        None => Check::fail(name, "GitHub accepted a request without its required fields", "report this to Deckwatch"),
    }
}

fn refusal(answer: Result<Answer, GitHubError>, token: &Credential, what: &str) -> Option<GitHubError> {
    match answer {
        Err(error) => Some(error),
        Ok(answer) => (!answer.is_success()).then(|| answer.error(what, token)),
    }
}
