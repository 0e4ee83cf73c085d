//! The encryption of a sealed message: one content key for its text, encrypted for each recipient.
//!
//! The text is a `crypto_secretbox` of `NaCl`, the content key a `crypto_box` from the sender to each recipient. A recipient
//! that opens the box therefore knows that the holder of the sender's key has made it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{Agent, PublicKey, SealAlgorithm, SealKeyId, Sealed, SealedKey, cut};
use dryoc::classic::crypto_box::{crypto_box_easy, crypto_box_open_easy};
use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use zeroize::Zeroizing;

use super::key_pair::KeyPair;

pub(super) const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 16;
/// 128 bits, so that two keys with the same id can't be found.
const KEY_ID_DIGITS: usize = 32;

/// Writes padded base64, and reads it with or without padding.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text can't be sealed.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    NoRandomness(String),
    /// No secret can be agreed on with this public key, or the text is too long.
    #[error("the public key of {0} can't be used")]
    UnusableKey(String),
    /// The result does not have the form of a sealed text.
    #[error("the text can't be sealed: {0}")]
    WrongForm(String),
}

/// Encrypts `text` for these agents. Each gets its own copy of a content key that is used once.
pub fn seal(text: &str, from: &KeyPair, to: &[(Agent, PublicKey)]) -> Result<Sealed, BoxError> {
    let content_key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random()?);
    let nonce = random()?;
    let mut sealed_box = vec![0; text.len() + MAC_BYTES];
    crypto_secretbox_easy(&mut sealed_box, text.as_bytes(), &nonce, &content_key).map_err(wrong_form)?;
    let keys = to.iter().map(|(agent, key)| seal_key(&content_key, from, agent, key)).collect::<Result<_, _>>()?;
    Ok(Sealed {
        alg: SealAlgorithm::X25519XSalsa20Poly1305,
        sender_key: Some(from.public_key().clone()),
        nonce: encoded(&nonce)?,
        sealed_box: encoded(&sealed_box)?,
        keys,
    })
}

fn seal_key(
    content_key: &[u8; KEY_BYTES],
    from: &KeyPair,
    agent: &Agent,
    public_key: &PublicKey,
) -> Result<SealedKey, BoxError> {
    let unusable = || BoxError::UnusableKey(agent.to_string());
    let key = decoded_array(public_key.as_str()).ok_or_else(unusable)?;
    let nonce = random()?;
    let mut sealed_box = [0; KEY_BYTES + MAC_BYTES];
    crypto_box_easy(&mut sealed_box, content_key, &nonce, &key, from.secret()).map_err(|_| unusable())?;
    Ok(SealedKey {
        agent: agent.clone(),
        key_id: key_id(public_key)?,
        nonce: encoded(&nonce)?,
        sealed_box: encoded(&sealed_box)?,
    })
}

/// Decrypts a text that `sender` has sealed for this agent. `None` if it is not for this key, or was changed on its way.
pub fn open(sealed: &Sealed, to: &Agent, key: &KeyPair, sender: &PublicKey) -> Option<String> {
    let for_me = sealed.keys.iter().find(|sealed| sealed.agent == *to)?;
    let sender = decoded_array(sender.as_str())?;
    let mut content_key = Zeroizing::new([0; KEY_BYTES]);
    let nonce = decoded_array(for_me.nonce.as_str())?;
    let sealed_key = decoded(for_me.sealed_box.as_str())?;
    crypto_box_open_easy(content_key.as_mut_slice(), &sealed_key, &nonce, &sender, key.secret()).ok()?;
    let (sealed_box, nonce) = (decoded(sealed.sealed_box.as_str())?, decoded_array(sealed.nonce.as_str())?);
    let mut text = vec![0; sealed_box.len().checked_sub(MAC_BYTES)?];
    crypto_secretbox_open_easy(&mut text, &sealed_box, &nonce, &content_key).ok()?;
    String::from_utf8(text).ok()
}

/// The id of a public key, which people also compare: the first digits of its SHA-256.
pub fn key_id(key: &PublicKey) -> Result<SealKeyId, BoxError> {
    let bytes = decoded(key.as_str()).ok_or_else(|| wrong_form("a public key is not base64"))?;
    cut::to_chars(&sha256_hex(&bytes), KEY_ID_DIGITS).parse().map_err(wrong_form)
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], BoxError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| BoxError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

/// The bytes as base64, in a type of the protocol.
pub(super) fn encoded<T: std::str::FromStr<Err: std::fmt::Display>>(bytes: &[u8]) -> Result<T, BoxError> {
    BASE64.encode(bytes).parse().map_err(wrong_form)
}

/// The bytes of base64 in either alphabet.
fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('-', "+").replace('_', "/")).ok()
}

fn decoded_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decoded(text)?.try_into().ok()
}

fn wrong_form(error: impl std::fmt::Display) -> BoxError {
    BoxError::WrongForm(error.to_string())
}
