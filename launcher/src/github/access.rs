//! The credential of a command: the App in the environment, or else a token.

use std::io::{self, IsTerminal as _, Read as _};
use std::time::Duration;

use deckwatch_machine::clock::now;
use deckwatch_protocol::RepoName;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::api::{Credential, GitHub};
use super::app_key::AppKey;
use super::destination::{APP_ID, PRIVATE_KEY};
use super::site::Site;
use crate::github_error::GitHubError;
use crate::output::say;
use crate::process_env::ProcessEnv;
use crate::secrets::Secret;
use crate::secrets::program;

/// How long `gh` may take. A keyring that asks for a password would wait for ever.
const GH_LIMIT: Duration = Duration::from_secs(5);
/// The longest token that is read.
const MAX_TOKEN_BYTES: u64 = 8 * 1024;

/// Who sends the requests of a command.
pub(super) enum Access {
    App(Box<AppKey>),
    /// A token, and where it comes from.
    Token(Credential, String),
}

#[derive(Deserialize)]
struct Created {
    token: Secret,
}

#[derive(Deserialize)]
struct OfRepo {
    id: u64,
}

impl Access {
    /// Uses the App of `GITHUB_APP_ID` and `GITHUB_APP_PRIVATE_KEY`; else the token of the environment; else that of `gh`.
    pub(super) async fn find(site: &Site, env: &ProcessEnv) -> Result<Self, GitHubError> {
        match (env.var(APP_ID), env.var(PRIVATE_KEY)) {
            (Some(id), Some(key)) => return AppKey::read(&id, &Secret::new(key)).map(|key| Self::App(Box::new(key))),
            (Some(_), None) => {
                return Err(GitHubError::Setup(format!("{APP_ID} is set, but {PRIVATE_KEY} is not: set both")));
            }
            (None, Some(_)) => {
                return Err(GitHubError::Setup(format!("{PRIVATE_KEY} is set, but {APP_ID} is not: set both")));
            }
            (None, None) => {}
        }
        if let Some(token) = token_of_environment(site, env) {
            return Ok(token);
        }
        of_gh(site, env).await
    }

    /// The token of the environment; else the one that is written to standard input or typed.
    pub(super) fn given_token(site: &Site, env: &ProcessEnv) -> Result<Self, GitHubError> {
        if let Some(token) = token_of_environment(site, env) {
            return Ok(token);
        }
        let text = if io::stdin().is_terminal() {
            let asked = inquire::Password::new("Token for GitHub").without_confirmation();
            let asked = asked.with_display_mode(inquire::PasswordDisplayMode::Hidden).prompt();
            Secret::new(asked.map_err(|error| GitHubError::Setup(format!("no token was given: {error}")))?)
        } else {
            say("reading the token from standard input");
            let mut text = String::new();
            let read = io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut text);
            let text = Secret::new(text);
            read.map_err(|error| GitHubError::Setup(format!("the token can't be read from standard input: {error}")))?;
            text
        };
        let token = text.expose().trim();
        if token.is_empty() {
            return Err(GitHubError::NoCredential { variable: variables(site)[0] });
        }
        Ok(Self::Token(Credential::Token(Secret::new(token.to_owned())), "standard input".to_owned()))
    }

    /// A credential that may do this with the repository, such as `("issues", "write")`.
    pub(super) async fn for_repo(
        &self,
        github: &GitHub,
        repo: &RepoName,
        (permission, level): (&str, &str),
    ) -> Result<Credential, GitHubError> {
        match self {
            Self::Token(Credential::Token(token), _) => Ok(Credential::Token(Secret::new(token.expose().to_owned()))),
            Self::Token(..) => Err(GitHubError::NoCredential { variable: "GITHUB_TOKEN" }),
            Self::App(key) => {
                let what = format!("installation of the App for {repo}");
                let found: OfRepo = github.get(&format!("/repos/{repo}/installation"), &jwt(key)?, &what).await?;
                installation_token(github, key, found.id, &json!({ permission: level, "metadata": "read" })).await
            }
        }
    }
}

/// A JWT of the App that is valid now.
pub(super) fn jwt(key: &AppKey) -> Result<Credential, GitHubError> {
    key.credential(now().as_millis() / 1000)
}

/// A token of an installation with these permissions and no others.
pub(super) async fn installation_token(
    github: &GitHub,
    key: &AppKey,
    installation: u64,
    permissions: &serde_json::Value,
) -> Result<Credential, GitHubError> {
    let path = format!("/app/installations/{installation}/access_tokens");
    let body = json!({ "permissions": permissions });
    let created: Created = github.post(&path, &jwt(key)?, &body, "installation of the App").await?;
    Ok(Credential::Token(created.token))
}

/// The variables of a token, in the order in which `gh` reads them.
fn variables(site: &Site) -> [&'static str; 2] {
    if site.is_enterprise { ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"] } else { ["GH_TOKEN", "GITHUB_TOKEN"] }
}

fn token_of_environment(site: &Site, env: &ProcessEnv) -> Option<Access> {
    variables(site).into_iter().find_map(|name| {
        let text = env.var(name)?.trim().to_owned();
        let token = Credential::Token(Secret::new(text.clone()));
        (!text.is_empty()).then(|| Access::Token(token, format!("the variable {name}")))
    })
}

async fn of_gh(site: &Site, env: &ProcessEnv) -> Result<Access, GitHubError> {
    let [_, variable] = variables(site);
    let missing = || GitHubError::NoCredential { variable };
    let mut command = Command::new(env.program("gh").ok_or_else(missing)?);
    command.args(["auth", "token", "--hostname", &site.host]).env("GH_PROMPT_DISABLED", "1");
    let result = program::run(&mut command, "", GH_LIMIT).await.map_err(GitHubError::Setup)?;
    let token = result.output.trim();
    if !result.succeeded || token.is_empty() {
        return Err(missing());
    }
    Ok(Access::Token(Credential::Token(Secret::new(token.to_owned())), "gh".to_owned()))
}
