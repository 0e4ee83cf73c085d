//! Finds a token for GitHub: from the environment, or else from `gh`.
//!
//! The token is looked up for each request and is not stored.

use std::io::ErrorKind;
use std::process::Stdio;

use tokio::process::Command;

use super::address::Address;
use super::limits::{Deadline, WHOLE};
use super::token_source::TokenSource;
use super::trouble::GitHubTrouble;

/// A token. It does not implement `Debug` or `Display`, so that it is not logged.
pub(super) struct Token {
    text: String,
    pub(super) source: TokenSource,
}

impl Token {
    /// Finds the token, in the same order as `gh`.
    pub(super) async fn find(
        address: &Address,
        deadline: Deadline,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, GitHubTrouble> {
        let names = if address.is_enterprise {
            ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
        } else {
            ["GH_TOKEN", "GITHUB_TOKEN"]
        };
        let of_variable = |name: &'static str| {
            let text = var(name)?.trim().to_owned();
            (!text.is_empty()).then_some(Self { text, source: TokenSource::Variable(name) })
        };
        match names.into_iter().find_map(of_variable) {
            Some(token) => Ok(token),
            None => of_gh(address, names, deadline).await,
        }
    }

    pub(super) fn expose(&self) -> &str {
        &self.text
    }
}

/// Asks `gh`. A keyring that wants a password would wait for ever, so there is a time limit.
async fn of_gh(address: &Address, names: [&'static str; 2], deadline: Deadline) -> Result<Token, GitHubTrouble> {
    let mut gh = Command::new("gh");
    gh.args(["auth", "token", "--hostname", &address.host]).env("GH_PROMPT_DISABLED", "1");
    gh.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let [_, variable] = names;
    let missing = |installed| {
        if address.of_remote {
            GitHubTrouble::NoTokenForRemote { host: address.host.clone() }
        } else {
            GitHubTrouble::NoToken { installed, variable }
        }
    };
    let output = match tokio::time::timeout(deadline.left(), gh.output()).await {
        Err(_) => return Err(GitHubTrouble::GhSilent { seconds: WHOLE.as_secs(), variable }),
        Ok(Err(error)) => return Err(missing(error.kind() != ErrorKind::NotFound)),
        Ok(Ok(output)) => output,
    };
    let text = String::from_utf8(output.stdout).unwrap_or_default().trim().to_owned();
    if !output.status.success() || text.is_empty() {
        return Err(missing(true));
    }
    Ok(Token { text, source: TokenSource::Gh })
}
