//! The signature of a webhook delivery.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Whether `header` is the HMAC-SHA256 of `body` under one of the secrets. Each comparison takes constant time, and every
/// secret is tried.
pub(crate) fn is_signed(secrets: &[String], header: &str, body: &[u8]) -> bool {
    let given = header.strip_prefix("sha256=").filter(|hex| hex.len() == 64);
    let Some(given) = given.and_then(|hex| base16ct::lower::decode_vec(hex).ok()) else { return false };
    let mut is_signed = false;
    for secret in secrets {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        mac.update(body);
        is_signed |= mac.verify_slice(&given).is_ok();
    }
    is_signed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation.
    const HEADER: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn the_signature_of_githubs_documentation_is_accepted() {
        let secrets = ["It's a Secret to Everybody".to_owned()];
        assert!(is_signed(&secrets, HEADER, b"Hello, World!"));
        let both = ["another secret".to_owned(), secrets[0].clone()];
        assert!(is_signed(&both, HEADER, b"Hello, World!"));
        for (header, body) in [
            (HEADER, "Hello, World"),
            (&HEADER.to_uppercase().replace("SHA256", "sha256"), "Hello, World!"),
            (&HEADER.replace("sha256=", "sha1="), "Hello, World!"),
            (&HEADER.replace("sha256=", ""), "Hello, World!"),
            (&format!("{HEADER}, {HEADER}"), "Hello, World!"),
            (&HEADER[..70], "Hello, World!"),
            ("sha256=", "Hello, World!"),
            ("", "Hello, World!"),
        ] {
            assert!(!is_signed(&secrets, header, body.as_bytes()), "{header} {body}");
        }
        assert!(
            !is_signed(&["other".to_owned()], HEADER, b"Hello, World!") && !is_signed(&[], HEADER, b"Hello, World!")
        );
    }
}
