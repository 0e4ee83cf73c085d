//! Identifies the caller. It compares the SHA-256 of the bearer key with those of the configured keys, in constant
//! time.

use deckwatch_protocol::{BearerKey, ErrorCode, Operation, TokenId, cut};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::headers::joined;
use crate::middleware::token;

/// A configured key: its hash and its tier.
pub(crate) struct Credential {
    hash: [u8; 32],
    admin: bool,
}

impl Credential {
    /// A key of the context tier.
    pub(crate) fn context(key: &BearerKey) -> Self {
        Self { hash: sha256(key.expose().as_bytes()), admin: false }
    }

    /// A key of both tiers.
    pub(crate) fn admin(key: &BearerKey) -> Self {
        Self { hash: sha256(key.expose().as_bytes()), admin: true }
    }
}

/// The keys that the engine was started with.
pub(crate) struct Keyring(Vec<Credential>);

impl Keyring {
    pub(crate) fn of(credentials: Vec<Credential>) -> Self {
        Self(credentials)
    }

    /// The actors of all keys, with a comma between two of them.
    fn actors(&self) -> String {
        self.0.iter().map(|credential| actor_id(&credential.hash)).collect::<Vec<_>>().join(",")
    }

    /// Returns the caller that the `Authorization` header identifies.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let key = bearer(headers).ok_or_else(|| unauthorized("Send the API key as Authorization: Bearer <key>."))?;
        let hash = sha256(key.as_bytes());
        // Compare all keys, each in constant time, so that the response time reveals nothing.
        let mut known = None;
        for credential in &self.0 {
            if bool::from(credential.hash.ct_eq(&hash)) {
                known = Some(credential);
            }
        }
        let kind = match known {
            Some(Credential { admin: true, .. }) => CallerKind::Admin,
            Some(Credential { admin: false, .. }) => CallerKind::Context,
            // The batch of the request checks whether the token is valid.
            None => match token::id_of(&key) {
                Some(id) => CallerKind::Token { id, hash: hex(&hash), configured: self.actors() },
                None => return Err(unauthorized("The API key is not known.")),
            },
        };
        Ok(Caller { actor: actor_id(&hash), kind, key })
    }
}

/// The caller of a request. It has no `Debug`, because it holds the key.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The first 16 hexadecimal digits of the key's SHA-256.
    pub(crate) actor: String,
    kind: CallerKind,
    key: String,
}

/// The kind of a caller.
#[derive(Clone)]
enum CallerKind {
    /// Holds the context key.
    Context,
    /// Holds the admin key.
    Admin,
    /// Holds a token with this id and hash. The database decides whether the token exists. `configured` are the actors of
    /// the configured keys.
    Token { id: TokenId, hash: String, configured: String },
}

impl Caller {
    /// Refuses a caller whose tier is too low for the operation. The batch checks the scopes of a token.
    pub(crate) fn require(&self, operation: Operation) -> Result<(), ApiError> {
        if matches!(self.kind, CallerKind::Context) && !operation.admits_context() {
            return Err(ApiError::new(ErrorCode::Forbidden, "This operation needs an admin key."));
        }
        Ok(())
    }

    /// The owner of the names that the caller's agents take. A configured key counts by its tier, so that the names stay
    /// with their agents when the key is replaced. The row of an agent's token has another owner: that of the key it was
    /// exchanged for.
    pub(crate) fn owner(&self) -> &str {
        match self.kind {
            CallerKind::Context => "context",
            CallerKind::Admin => "admin",
            CallerKind::Token { .. } => &self.actor,
        }
    }

    /// Whether the caller holds the admin key.
    pub(crate) fn is_admin(&self) -> bool {
        matches!(self.kind, CallerKind::Admin)
    }

    /// The id and the hash of the caller's token; `None` for a configured key.
    pub(crate) fn token(&self) -> Option<(&TokenId, &str)> {
        match &self.kind {
            CallerKind::Token { id, hash, .. } => Some((id, hash)),
            CallerKind::Context | CallerKind::Admin => None,
        }
    }

    /// The id of the caller's token, if it uses one.
    pub(crate) fn token_id(&self) -> Option<&TokenId> {
        self.token().map(|(id, _)| id)
    }

    /// The actors of the configured keys, for a caller with a token.
    pub(crate) fn configured_actors(&self) -> &str {
        match &self.kind {
            CallerKind::Token { configured, .. } => configured,
            CallerKind::Context | CallerKind::Admin => "",
        }
    }

    /// The key that the caller sent. It must never be logged or stored.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// The key in the header. Two header lines are joined with a comma. No key contains a comma.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = joined(headers, &AUTHORIZATION)?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

fn unauthorized(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::Unauthorized, detail)
}

fn actor_id(hash: &[u8; 32]) -> String {
    cut::to_chars(&hex(hash), 16).to_owned()
}
