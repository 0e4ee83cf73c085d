//! Sealed messages. The engine stores what only the recipients can open, and checks its form.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::activity::PublicKey;
use crate::recipient::Recipient;
use crate::text::{Agent, impl_text_traits, length, text};
use crate::violation::{Invalid, Violations, at_most};

fn base64(text: &str) -> Result<(), Invalid> {
    let body = text.trim_end_matches('=');
    let good = body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'));
    let padding = text.len() - body.len();
    (good && padding <= 2).then_some(()).ok_or(Invalid::new("must be base64"))
}

text! {
    /// A nonce of 24 bytes, in base64.
    SealNonce, max 32, pattern r"^[A-Za-z0-9+/_-]{32}$", |text| {
        // 24 bytes are 32 digits without padding.
        let right_size = text.len() == 32 && !text.contains('=');
        base64(text).and(right_size.then_some(()).ok_or(Invalid::new("must be 24 bytes in base64")))
    }
}
text! {
    /// An encrypted content key, in base64.
    SealedKeyBox, max 128, pattern r"^[A-Za-z0-9+/_-]+={0,2}$", base64
}
text! {
    /// An encrypted text, in base64: at most 32 KiB and the 16 bytes of its authentication.
    SealedBox, max 43_716, pattern r"^[A-Za-z0-9+/_-]+={0,2}$", base64
}
text! {
    /// The id of a public key.
    SealKeyId, max 64, pattern r"^[A-Za-z0-9+/=_-]+$", |text| {
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_'));
        good.then_some(()).ok_or(Invalid::new("must be letters, digits, +, /, =, - or _"))
    }
}

/// How a text is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[deserr(error = Violations)]
pub enum SealAlgorithm {
    /// X25519 and XSalsa20-Poly1305: the `box` of `NaCl`.
    #[serde(rename = "x25519-xsalsa20poly1305")]
    #[deserr(rename = "x25519-xsalsa20poly1305")]
    X25519XSalsa20Poly1305,
}

/// A text that only its recipients can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = Sealed::checked -> Violations)]
pub struct Sealed {
    /// How the text is sealed.
    pub alg: SealAlgorithm,
    /// The public key of the sender. `null`: that of its newest session.
    #[deserr(default)]
    #[serde(default)]
    pub sender_key: Option<PublicKey>,
    /// The nonce of the text.
    pub nonce: SealNonce,
    /// The encrypted text.
    #[serde(rename = "box")]
    #[deserr(rename = "box")]
    pub sealed_box: SealedBox,
    /// The content key, encrypted for each recipient: exactly the agents that the message reaches.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = Recipient::MAX_AGENTS)))]
    pub keys: Vec<SealedKey>,
}

/// The content key of a sealed text, encrypted for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct SealedKey {
    /// The agent.
    pub agent: Agent,
    /// The id of the public key that it is encrypted for.
    pub key_id: SealKeyId,
    /// The nonce of the key.
    pub nonce: SealNonce,
    /// The encrypted key.
    #[serde(rename = "box")]
    #[deserr(rename = "box")]
    pub sealed_box: SealedKeyBox,
}

impl Sealed {
    fn checked(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("keys", self.keys.len(), Recipient::MAX_AGENTS)])?;
        Ok(self)
    }

    /// The agents that have a key, by name.
    pub fn agents(&self) -> Vec<&str> {
        let mut agents: Vec<&str> = self.keys.iter().map(|key| key.agent.as_str()).collect();
        agents.sort_unstable();
        agents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_24_bytes_and_a_box_is_base64() {
        assert!("A".repeat(32).parse::<SealNonce>().is_ok());
        for text in ["A".repeat(31), "A".repeat(33), format!("{}=", "A".repeat(31)), " ".repeat(32)] {
            assert!(text.parse::<SealNonce>().is_err(), "{text:?}");
        }
        assert!("QUJD".parse::<SealedBox>().is_ok() && "QUI=".parse::<SealedBox>().is_ok());
        assert!("a b".parse::<SealedBox>().is_err() && "QQ===".parse::<SealedBox>().is_err());
    }
}
