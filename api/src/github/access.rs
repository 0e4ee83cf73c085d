//! The token of each request to GitHub: the one of the settings, or one that GitHub gives to the App's installation.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deckwatch_protocol::Timestamp;
use serde_json::Value;

use super::client::{GithubError, Request, send, unexpected};
use super::settings::{Credentials, GithubSettings};
use crate::outbound::{Outbound, OutboundError};
use crate::platform::Clock;

/// A token is replaced so many seconds before it expires.
const EARLY_SECONDS: i64 = 5 * 60;
/// How long the engine's own signature is valid. GitHub allows 10 minutes.
const SIGNATURE_SECONDS: i64 = 9 * 60;
/// A clock may be late by this much.
const SKEW_SECONDS: i64 = 60;
/// The most installations whose tokens are kept.
const MAX_TOKENS: usize = 100;

/// The tokens of the installations, until shortly before they expire.
#[derive(Default)]
pub(super) struct Access {
    tokens: Mutex<Vec<InstallationToken>>,
    /// The name of the account of a configured token.
    login: Mutex<Option<String>>,
}

#[derive(Clone)]
struct InstallationToken {
    installation: u64,
    token: String,
    expires_at: Timestamp,
}

impl Access {
    /// A token for requests about `repo`. The payload of an App's webhook names the installation.
    pub(super) async fn token(
        &self,
        settings: &GithubSettings,
        (outbound, clock): (&dyn Outbound, &dyn Clock),
        installation: Option<u64>,
        repo: &str,
    ) -> Result<String, GithubError> {
        let (id, key) = match &settings.credentials {
            Credentials::Token(token) => return Ok(token.clone()),
            Credentials::App { id, key } => (id, key),
        };
        let now = clock.now();
        if let Some(known) = installation.and_then(|installation| self.known(installation, now)) {
            return Ok(known);
        }
        let signature = signature(outbound, id, key, now).await?;
        let installation = if let Some(installation) = installation {
            installation
        } else {
            let request = Request::get(format!("/repos/{repo}/installation"));
            let found = send(settings, outbound, &signature, request).await?.json()?;
            found.get("id").and_then(Value::as_u64).ok_or_else(unexpected)?
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let request = Request::post(path, "{}".to_owned());
        let new = send(settings, outbound, &signature, request).await?.json()?;
        let text = |name: &str| new.get(name).and_then(Value::as_str);
        let token = text("token").ok_or_else(unexpected)?.to_owned();
        let expires_at = text("expires_at").and_then(|at| at.parse().ok()).ok_or_else(unexpected)?;
        self.keep(InstallationToken { installation, token: token.clone(), expires_at }, now);
        Ok(token)
    }

    /// Forgets a token that GitHub has refused.
    pub(super) fn forget(&self, token: &str) {
        self.lock().retain(|known| known.token != token);
    }

    /// The name of the account that holds the configured token; `None` for an App, whose account is not a person.
    pub(super) async fn login(
        &self,
        settings: &GithubSettings,
        outbound: &dyn Outbound,
    ) -> Result<Option<String>, GithubError> {
        let Credentials::Token(token) = &settings.credentials else { return Ok(None) };
        if let Some(known) = self.login.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(Some(known));
        }
        let account = send(settings, outbound, token, Request::get("/user".to_owned())).await?.json()?;
        let login = account.get("login").and_then(Value::as_str).ok_or_else(unexpected)?.to_owned();
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(login.clone());
        Ok(Some(login))
    }

    fn known(&self, installation: u64, now: Timestamp) -> Option<String> {
        let tokens = self.lock();
        let is_valid = |known: &&InstallationToken| {
            known.installation == installation && known.expires_at > now.plus_seconds(EARLY_SECONDS)
        };
        tokens.iter().find(is_valid).map(|known| known.token.clone())
    }

    fn keep(&self, new: InstallationToken, now: Timestamp) {
        let mut tokens = self.lock();
        tokens.retain(|known| known.installation != new.installation && known.expires_at > now);
        if tokens.len() >= MAX_TOKENS {
            tokens.remove(0);
        }
        tokens.push(new);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<InstallationToken>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JSON Web Token with which the App identifies itself.
async fn signature(outbound: &dyn Outbound, id: &str, key: &[u8], now: Timestamp) -> Result<String, GithubError> {
    let seconds = now.as_millis() / 1000;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let claims = serde_json::json!({
        "iat": seconds - SKEW_SECONDS, "exp": seconds + SIGNATURE_SECONDS, "iss": id,
    });
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signed = outbound.sign_rs256(key, message.as_bytes()).await;
    let signed = signed.map_err(|error: OutboundError| {
        GithubError::Denied(format!(
            "GITHUB_APP_PRIVATE_KEY can't sign: {error}. Set the key that GitHub shows for the App"
        ))
    })?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
}

/// The time limit of one request to GitHub.
pub(super) const TIMEOUT: Duration = Duration::from_secs(8);
