//! Tokens as text: `dw_<id>_<secret><checksum>`, and how a secret is shown again without being kept.
//!
//! A replay must repeat the answer that minted a token, and nothing may keep the token. So the secret is
//! an HMAC under the key of the caller who mints it, over the token's id and a random seal. The answer is
//! stored with the seal in the token's place; who repeats the request brings the same key, and the same
//! token comes out. The seal is forgotten with the stored answer, and from then on nobody can make the
//! token again, not even with the key and the whole database.

use deckwatch_protocol::{MintedToken, TokenId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::platform::{Entropy, random_bits};

/// What every token starts with.
const PREFIX: &str = "dw_";
/// What every seal starts with.
const SEALED: &str = "sealed_";
/// Hexadecimal digits of the secret: 192 bits.
const SECRET_DIGITS: usize = 48;
/// Hexadecimal digits of the checksum, the first of the SHA-256 of what stands before it.
const CHECKSUM_DIGITS: usize = 8;

/// The id that a well-formed token carries; `None` for everything else, before any database is asked.
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
    hex(&sha256(signed.as_bytes())).chars().take(CHECKSUM_DIGITS).collect()
}

/// Stands for a token in what is stored: worth nothing without the key of who minted it.
pub(crate) struct Seal(String);

impl Seal {
    /// A new seal.
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self(format!("{SEALED}{}", hex(&random_bits(entropy).to_le_bytes())))
    }

    /// The seal as it is stored.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The token that the seal stands for, under the key of who minted it.
    pub(crate) fn open(&self, id: &TokenId, key: &str) -> Option<String> {
        let id = id.as_str().strip_prefix(TokenId::PREFIX)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
        mac.update(format!("deckwatch token\n{id}\n{}", self.0).as_bytes());
        let secret: String = hex(&mac.finalize().into_bytes()).chars().take(SECRET_DIGITS).collect();
        let signed = format!("{PREFIX}{id}_{secret}");
        Some(format!("{signed}{}", checksum(&signed)))
    }
}

/// Puts the token in the place of its seal, in the stored answer of a request that minted one.
pub(crate) fn unseal(stored: &str, key: &str) -> Result<String, ApiError> {
    let internal = |cause: &str| ApiError::internal(format!("the answer of a minted token {cause}"));
    let mut minted: MintedToken = serde_json::from_str(stored).map_err(|_| internal("can't be read"))?;
    let token = Seal(minted.token).open(&minted.record.id, key);
    minted.token = token.ok_or_else(|| internal("does not open"))?;
    serde_json::to_string(&minted).map_err(|_| internal("can't be written"))
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
    fn a_seal_opens_to_the_same_token_under_the_same_key_only() {
        assert_eq!(token("key", "s"), token("key", "s"));
        assert_ne!(token("key", "s"), token("another key", "s"));
        assert_ne!(token("key", "s"), token("key", "t"));
    }

    #[test]
    fn a_token_carries_its_id_and_every_slip_is_noticed() {
        let token = token("key", "s");
        assert_eq!(id_of(&token), Some(TokenId::mint(Timestamp::from_millis(1_795_248_000_123), 7)));
        for (at, character) in token.char_indices() {
            let other = if character == '1' { "2" } else { "1" };
            let slip = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(id_of(&slip), None, "{slip}");
        }
        for text in ["", "dw_", "dw__", &token[1..], &token[..token.len() - 1], &token.to_uppercase(), "dw_é_é"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }
}
