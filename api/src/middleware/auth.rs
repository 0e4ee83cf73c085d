//! Who asks: the bearer key, compared in constant time with the SHA-256 of the keys we know.

use deckwatch_protocol::{BearerKey, ErrorCode, Operation, TokenId};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::headers::joined;
use crate::middleware::token;

/// A key as it is kept: its hash and what it may do.
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

/// The keys that an engine was started with.
pub(crate) struct Keyring(Vec<Credential>);

impl Keyring {
    pub(crate) fn of(credentials: Vec<Credential>) -> Self {
        Self(credentials)
    }

    /// The caller that the `Authorization` header names.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let key = bearer(headers).ok_or_else(|| unauthorized("Send the API key as Authorization: Bearer <key>."))?;
        let hash = sha256(key.as_bytes());
        // Every key is compared, and each in constant time: the answer's delay tells nothing.
        let mut known = None;
        for credential in &self.0 {
            if bool::from(credential.hash.ct_eq(&hash)) {
                known = Some(credential);
            }
        }
        let rank = match known {
            Some(Credential { admin: true, .. }) => Rank::Admin,
            Some(Credential { admin: false, .. }) => Rank::Context,
            // Whether the token is in force is for the request's batch to say.
            None => match token::id_of(&key) {
                Some(id) => Rank::Token { id, hash: hex(&hash) },
                None => return Err(unauthorized("This API does not know the key.")),
            },
        };
        Ok(Caller { actor: actor_id(&hash), rank, key })
    }
}

/// Who asks. It has no `Debug`, as it holds the key.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The first 16 hexadecimal digits of the key's SHA-256.
    pub(crate) actor: String,
    rank: Rank,
    key: String,
}

/// What a caller is.
#[derive(Clone)]
enum Rank {
    /// Holds the context key.
    Context,
    /// Holds the admin key.
    Admin,
    /// Holds a token with this id and hash, if there is one.
    Token { id: TokenId, hash: String },
}

impl Caller {
    /// Refuses a key whose tier is too low for the operation. A token's scopes are checked in the batch.
    pub(crate) fn require(&self, operation: Operation) -> Result<(), ApiError> {
        if matches!(self.rank, Rank::Context) && !operation.admits_context() {
            return Err(ApiError::new(ErrorCode::Forbidden, "This operation needs an admin key."));
        }
        Ok(())
    }

    /// Whether the caller holds the admin key.
    pub(crate) fn is_admin(&self) -> bool {
        matches!(self.rank, Rank::Admin)
    }

    /// The token of a caller who has no key of the engine, with its hash.
    pub(crate) fn token(&self) -> Option<(&TokenId, &str)> {
        match &self.rank {
            Rank::Token { id, hash } => Some((id, hash)),
            Rank::Context | Rank::Admin => None,
        }
    }

    /// The id of the caller's token, if it asks with one.
    pub(crate) fn token_id(&self) -> Option<&TokenId> {
        self.token().map(|(id, _)| id)
    }

    /// What the caller has sent as its key. Never for a log or a record.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// The key in the header. Two of them are one with a comma, which no key has.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = joined(headers, &AUTHORIZATION)?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

fn unauthorized(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::Unauthorized, detail)
}

fn actor_id(hash: &[u8; 32]) -> String {
    hex(hash).chars().take(16).collect()
}
