//! SSH public keys. A key is parsed completely before it is accepted, so that the stored text is safe in a line of
//! `authorized_keys` and is only a key there.

#[cfg(feature = "schema")]
mod schema;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::text::{impl_text_traits, length, text};
use crate::violation::Invalid;

text! {
    /// The SHA-256 fingerprint of a public key, as `ssh-keygen -lf` prints it.
    KeyFingerprint, max 50, pattern r"^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$", |text| {
        let hash = text.strip_prefix("SHA256:").and_then(|hash| STANDARD_NO_PAD.decode(hash).ok());
        let whole = hash.is_some_and(|hash| hash.len() == 32);
        whole.then_some(()).ok_or(Invalid::new("must be SHA256:<43 characters>, as ssh-keygen -lf prints it"))
    }
}

/// A public key as `<type> <base64>`, without its comment. The accepted types are Ed25519 and ECDSA on a NIST curve,
/// each also on a security key, and RSA of 2048 to 8192 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshPublicKey(String);

impl SshPublicKey {
    /// The maximum number of characters, including the comment.
    pub const MAX_CHARS: usize = 3000;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The fingerprint, with which people compare keys.
    pub fn fingerprint(&self) -> KeyFingerprint {
        let blob = self.0.split(' ').nth(1).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        KeyFingerprint::of(&blob)
    }
}

impl KeyFingerprint {
    fn of(blob: &[u8]) -> Self {
        Self(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
    }
}

impl FromStr for SshPublicKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_private(text) {
            return Err(Invalid::new(
                "contains a private key, which was not stored. Send the line of the .pub file instead. Create a new key pair, \
                because this private key has left its machine",
            ));
        }
        length(text, Self::MAX_CHARS)?;
        if text.contains(char::is_control) {
            return Err(Invalid::new("must be one line without control characters"));
        }
        let mut words = text.splitn(3, ' ');
        let (algorithm, encoded) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !wire::ALGORITHMS.contains(&algorithm) {
            return Err(Invalid::new(format!("must begin with a key type: {}", wire::ALGORITHMS.join(", "))));
        }
        let blob = STANDARD.decode(encoded);
        let blob = blob.map_err(|_| Invalid::new("must contain the key in base64 after the key type"))?;
        wire::check(algorithm, &blob)?;
        Ok(Self(format!("{algorithm} {encoded}")))
    }
}

/// Whether the text contains a private key.
fn is_private(text: &str) -> bool {
    /// The base64 of `openssh-key-v1`, the start of the body of an OpenSSH private key.
    const OPENSSH_BODY: &str = "b3BlbnNzaC1rZXktdjE";
    ["PRIVATE KEY", "PuTTY-User-Key-File", OPENSSH_BODY].iter().any(|mark| text.contains(mark))
}

impl_text_traits!(SshPublicKey, schema::pattern(), SshPublicKey::MAX_CHARS);
