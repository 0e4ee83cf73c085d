//! The private key of a GitHub App. GitHub gives it as PKCS#1 in a PEM file; the engines sign with PKCS#8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The algorithm of an RSA key: `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }`.
const RSA: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// The version of PKCS#8: `INTEGER 0`.
const VERSION: [u8; 3] = [0x02, 0x01, 0x00];

/// Returns the key of a PEM text as PKCS#8. The lines may be separated by `\n` in two characters, as some stores of
/// secrets write them.
pub(super) fn pkcs8(pem: &str) -> Option<Vec<u8>> {
    let pem = pem.replace("\\n", "\n");
    let between = |label: &str| {
        let text = pem.split(&format!("-----BEGIN {label}-----")).nth(1)?;
        let text: String = text.split("-----END").next()?.split_whitespace().collect();
        STANDARD.decode(text).ok().filter(|der| der.first() == Some(&0x30))
    };
    between("PRIVATE KEY").or_else(|| between("RSA PRIVATE KEY").map(|pkcs1| wrapped(&pkcs1)))
}

/// The PKCS#8 form of a PKCS#1 key: `SEQUENCE { version, algorithm, OCTET STRING { key } }`.
fn wrapped(pkcs1: &[u8]) -> Vec<u8> {
    let key = tagged(0x04, pkcs1);
    tagged(0x30, &[&VERSION[..], &RSA[..], &key[..]].concat())
}

/// A DER value with its tag and its length.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let length: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut value = vec![tag];
    match length.as_slice() {
        [] => value.push(0),
        [short] if *short < 0x80 => value.push(*short),
        long => {
            value.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            value.extend_from_slice(long);
        }
    }
    value.extend_from_slice(content);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_either_form_becomes_pkcs8() {
        let label = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        let pkcs1 = tagged(0x30, &[7; 300]);
        let as_pkcs8 = wrapped(&pkcs1);
        assert_eq!(as_pkcs8.get(..4), Some(&[0x30, 0x82, 0x01, 0x46][..]));
        assert_eq!(pkcs8(&label("RSA PRIVATE KEY", &pkcs1)), Some(as_pkcs8.clone()));
        assert_eq!(pkcs8(&label("PRIVATE KEY", &as_pkcs8).replace('\n', "\\n")), Some(as_pkcs8));
        assert_eq!(tagged(4, &[1; 127]).get(..2), Some(&[4, 127][..]));
        assert_eq!(tagged(4, &[1; 128]).get(..3), Some(&[4, 0x81, 128][..]));
        for text in ["", "x", "-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----"] {
            assert_eq!(pkcs8(text), None, "{text}");
        }
    }
}
