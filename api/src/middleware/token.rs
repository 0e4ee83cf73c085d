//! The text form of tokens, `dw_<id>_<secret><checksum>`, and how a replay repeats a secret that is not stored.
//!
//! A replay must repeat the response that created a token, but the token must not be stored. So the secret is an
//! HMAC over the token's id and a random seal, under the key of the caller who creates the token. The stored
//! response has the seal in place of the token. A client that repeats the request sends the same key, and the API
//! computes the same token. The seal is deleted with the stored response. After that the token can't be computed
//! again, not even with the key and the whole database.

use deckwatch_protocol::{MintedToken, TokenId, cut};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::middleware::auth::Caller;
use crate::platform::{Entropy, random_bits};

/// The prefix of every token.
const PREFIX: &str = "dw_";
/// The prefix of every seal.
const SEALED: &str = "sealed_";
/// Hexadecimal digits of the secret: 192 bits.
const SECRET_DIGITS: usize = 48;
/// Hexadecimal digits of the checksum: the first digits of the SHA-256 of the text before it.
const CHECKSUM_DIGITS: usize = 8;

/// The id in a well-formed token; `None` for any other text. It needs no database.
pub(crate) fn id_of(token: &str) -> Option<TokenId> {
    let (id, rest) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let digits = rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if rest.len() != SECRET_DIGITS + CHECKSUM_DIGITS || !digits {
        return None;
    }
    let (signed, said) = token.split_at_checked(token.len() - CHECKSUM_DIGITS)?;
    (checksum(signed) == said).then(|| format!("{}{id}", TokenId::PREFIX).parse().ok()).flatten()
}

fn checksum(signed: &str) -> String {
    cut::to_chars(&hex(&sha256(signed.as_bytes())), CHECKSUM_DIGITS).to_owned()
}

/// A placeholder for a token in a stored response. It is useless without the key of the caller who created the
/// token.
pub(crate) struct Seal(String);

impl Seal {
    /// Creates a random seal.
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        Self(format!("{SEALED}{}", hex(&random_bits(entropy).to_le_bytes())))
    }

    /// The stored form of the seal.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The seal of every token of an agent. It is not random, so a second exchange of the same key gives the same token: the
    /// agent stays the same actor, and a request that is repeated under the renewed token finds its first response.
    pub(crate) fn of_agents() -> Self {
        Self(format!("{SEALED}agent"))
    }

    /// Computes the token of this seal with the key of the caller who created it.
    pub(crate) fn open(&self, id: &TokenId, key: &str) -> Option<String> {
        let id = id.as_str().strip_prefix(TokenId::PREFIX)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
        mac.update(format!("deckwatch token\n{id}\n{}", self.0).as_bytes());
        let digits = hex(&mac.finalize().into_bytes());
        let secret = cut::to_chars(&digits, SECRET_DIGITS);
        let signed = format!("{PREFIX}{id}_{secret}");
        Some(format!("{signed}{}", checksum(&signed)))
    }
}

/// Replaces the seal with the token in the stored response of a request that created a token.
pub(crate) fn unseal(stored: &str, caller: &Caller) -> Result<String, ApiError> {
    let internal = |cause: &str| ApiError::internal(format!("the stored response with a new token {cause}"));
    let mut minted: MintedToken = serde_json::from_str(stored).map_err(|_| internal("can't be decoded"))?;
    // A token that renews itself is the key of its caller.
    let is_own = caller.token_id() == Some(&minted.record.id);
    let token =
        if is_own { Some(caller.key().to_owned()) } else { Seal(minted.token).open(&minted.record.id, caller.key()) };
    minted.token = token.ok_or_else(|| internal("has a seal that is not valid"))?;
    serde_json::to_string(&minted).map_err(|_| internal("can't be encoded"))
}

#[cfg(test)]
mod tests {
    use deckwatch_protocol::Timestamp;

    use super::*;

    fn token(key: &str, seal: &str) -> String {
        let id = TokenId::mint(Timestamp::from_millis(1_795_248_000_123), 7);
        Seal(format!("{SEALED}{seal}")).open(&id, key).unwrap()
    }

    #[test]
    fn a_seal_gives_the_same_token_only_with_the_same_key() {
        assert_eq!(token("key", "s"), token("key", "s"));
        assert_ne!(token("key", "s"), token("another key", "s"));
        assert_ne!(token("key", "s"), token("key", "t"));
    }

    #[test]
    fn a_token_contains_its_id_and_the_checksum_detects_every_typo() {
        let token = token("key", "s");
        assert_eq!(id_of(&token), Some(TokenId::mint(Timestamp::from_millis(1_795_248_000_123), 7)));
        for (at, character) in token.char_indices() {
            let other = if character == '1' { "2" } else { "1" };
            let typo = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(id_of(&typo), None, "{typo}");
        }
        for text in ["", "dw_", "dw__", &token[1..], &token[..token.len() - 1], &token.to_uppercase(), "dw_é_é"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }
}
