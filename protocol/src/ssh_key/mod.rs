//! SSH public keys, taken apart before they are believed: what is kept can stand in a line of
//! `authorized_keys` and means there what it says.

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
    /// The SHA-256 of a public key as `ssh-keygen -lf` prints it.
    KeyFingerprint, max 50, pattern r"^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$", |text| {
        let hash = text.strip_prefix("SHA256:").and_then(|hash| STANDARD_NO_PAD.decode(hash).ok());
        let whole = hash.is_some_and(|hash| hash.len() == 32);
        whole.then_some(()).ok_or(Invalid::new("must be SHA256:<43 characters>, as ssh-keygen -lf prints it"))
    }
}

/// A public key as `<type> <base64>`, without the comment it may have come with: Ed25519, ECDSA on a NIST curve,
/// either on a security key, or RSA of 2048 to 8192 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshPublicKey(String);

impl SshPublicKey {
    /// Most characters, the comment included.
    pub const MAX_CHARS: usize = 3000;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 by which people compare keys.
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
                "holds a private key, and nothing of it was kept: send the file that ends in .pub, and make a new key",
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
        let blob = blob.map_err(|_| Invalid::new("must have the key in base64 after its type"))?;
        wire::check(algorithm, &blob)?;
        Ok(Self(format!("{algorithm} {encoded}")))
    }
}

/// Whether somebody has pasted the other half of the key.
fn is_private(text: &str) -> bool {
    /// Base64 of `openssh-key-v1`, with which the body of a private key begins.
    const OPENSSH_BODY: &str = "b3BlbnNzaC1rZXktdjE";
    ["PRIVATE KEY", "PuTTY-User-Key-File", OPENSSH_BODY].iter().any(|mark| text.contains(mark))
}

impl_text_traits!(SshPublicKey, schema::pattern(), SshPublicKey::MAX_CHARS);
