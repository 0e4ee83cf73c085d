//! The private key of a GitHub App, and the JWT with which the App identifies itself (RS256).

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use super::api::Credential;
use crate::github_error::GitHubError;
use crate::secrets::Secret;

/// How far the clock of this machine may be ahead of GitHub's, in seconds.
const CLOCK_SKEW: i64 = 60;
/// How long a JWT is valid, in seconds. GitHub allows 10 minutes from its own clock.
const LIFETIME: i64 = 480;

/// An App that can identify itself.
pub(super) struct AppKey {
    app_id: String,
    key: RsaKeyPair,
}

impl AppKey {
    /// Reads the key: PKCS#1, as GitHub makes it, or PKCS#8. Its lines may be separated by `\n` in two characters, as some
    /// stores of secrets write it.
    pub(super) fn read(app_id: &str, pem: &Secret) -> Result<Self, GitHubError> {
        let app_id = app_id.trim();
        if app_id.is_empty() || !app_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
            return Err(GitHubError::Key("GITHUB_APP_ID is neither the id of an App nor its client id".to_owned()));
        }
        let text = Zeroizing::new(pem.expose().replace("\\n", "\n"));
        let rejected = |error: ring::error::KeyRejected| GitHubError::Key(error.to_string());
        let key = match (body_of(&text, "RSA PRIVATE KEY"), body_of(&text, "PRIVATE KEY")) {
            (Some(der), _) => RsaKeyPair::from_der(&der).map_err(rejected)?,
            (None, Some(der)) => RsaKeyPair::from_pkcs8(&der).map_err(rejected)?,
            (None, None) => {
                return Err(GitHubError::Key(
                    "it is not a private key in PEM (-----BEGIN RSA PRIVATE KEY-----)".to_owned(),
                ));
            }
        };
        Ok(Self { app_id: app_id.to_owned(), key })
    }

    /// A JWT that is valid from now on for some minutes. `now` is in seconds since 1970.
    pub(super) fn credential(&self, now: i64) -> Result<Credential, GitHubError> {
        let claims = json!({ "iat": now - CLOCK_SKEW, "exp": now + LIFETIME, "iss": self.app_id });
        let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let head = encoded(json!({ "alg": "RS256", "typ": "JWT" }).to_string().as_bytes());
        let signed = format!("{head}.{}", encoded(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| GitHubError::Key("it can't sign".to_owned()))?;
        Ok(Credential::Jwt(Secret::new(format!("{signed}.{}", encoded(&signature)))))
    }
}

/// The decoded content of a PEM block.
fn body_of(pem: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: Zeroizing<String> = Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    BASE64_STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}
