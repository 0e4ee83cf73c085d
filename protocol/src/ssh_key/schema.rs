//! The pattern of a public key for the OpenAPI document. It is exact to the bit: every text that matches it is
//! accepted. For RSA, it contains only the common sizes and the common exponent; the check accepts a few more.

use super::wire::{CURVES, ED25519_BYTES, UNCOMPRESSED};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The ECMA-262 regular expression of a key with an optional comment.
pub(super) fn pattern() -> String {
    let keys: Vec<String> =
        keys().iter().map(|(name, key)| format!("{} {}", name.replace('.', "\\."), base64(key))).collect();
    format!("^({})( [^\\u0000-\\u001f\\u007f-\\u009f]*)?$", keys.join("|"))
}

/// One bit of a key. `Some` if it has the same value in every key of its type, otherwise `None`.
pub(super) type Bit = Option<bool>;

/// Every key type with the bits of its keys.
pub(super) fn keys() -> Vec<(String, Vec<Bit>)> {
    let application = fixed_bits(&string(b"ssh:"));
    let ed25519 = [fixed_bits(&length(ED25519_BYTES)), vec![None; ED25519_BYTES * 8]].concat();
    let mut keys = vec![
        ("ssh-ed25519".to_owned(), ed25519.clone()),
        ("sk-ssh-ed25519@openssh.com".to_owned(), [ed25519, application.clone()].concat()),
    ];
    for (curve, bytes) in CURVES {
        let point = [fixed_bits(&[UNCOMPRESSED]), vec![None; (bytes - 1) * 8]].concat();
        let key = [fixed_bits(&string(curve.as_bytes())), fixed_bits(&length(bytes)), point].concat();
        if curve == "nistp256" {
            keys.push((format!("sk-ecdsa-sha2-{curve}@openssh.com"), [key.clone(), application.clone()].concat()));
        }
        keys.push((format!("ecdsa-sha2-{curve}"), key));
    }
    for bits in [2048, 3072, 4096] {
        let modulus = [fixed_bits(&[0]), vec![Some(true)], vec![None; bits - 1]].concat();
        let key = [fixed_bits(&string(&[1, 0, 1])), fixed_bits(&length(bits / 8 + 1)), modulus].concat();
        keys.push(("ssh-rsa".to_owned(), key));
    }
    keys.into_iter().map(|(name, key)| (name.clone(), [fixed_bits(&string(name.as_bytes())), key].concat())).collect()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [length(bytes.len()), bytes.to_vec()].concat()
}

fn length(bytes: usize) -> Vec<u8> {
    u32::try_from(bytes).unwrap_or_default().to_be_bytes().to_vec()
}

fn fixed_bits(bytes: &[u8]) -> Vec<Bit> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| Some(byte >> n & 1 == 1))).collect()
}

/// A regular expression for the base64 of `bits`: one character class for every six bits. Equal neighbours become one
/// class with a count.
fn base64(bits: &[Bit]) -> String {
    let mut classes: Vec<(String, usize)> = Vec::new();
    for six in bits.chunks(6) {
        let class = class(six);
        match classes.last_mut() {
            Some((last, count)) if *last == class => *count += 1,
            _ => classes.push((class, 1)),
        }
    }
    let counted = classes.iter().map(|(class, n)| if *n == 1 { class.clone() } else { format!("{class}{{{n}}}") });
    let padding = "=".repeat((3 - bits.len() / 8 % 3) % 3);
    counted.collect::<String>() + &padding
}

/// The character class of the base64 characters that six bits can have. Missing bits are zero.
fn class(six: &[Bit]) -> String {
    let fits = |value: usize| {
        (0..6).all(|n| six.get(n).copied().unwrap_or(Some(false)).is_none_or(|bit| bit == (value >> (5 - n) & 1 == 1)))
    };
    let fitting: String =
        (0..64).filter(|value| fits(*value)).filter_map(|value| ALPHABET.get(value)).map(|b| char::from(*b)).collect();
    match fitting.as_str() {
        "+" => "\\+".to_owned(),
        one if one.len() == 1 => one.to_owned(),
        all if all.len() == 64 => "[A-Za-z0-9+/]".to_owned(),
        some => format!("[{some}]"),
    }
}
