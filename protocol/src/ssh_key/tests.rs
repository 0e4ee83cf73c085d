//! Tests with keys from `ssh-keygen`, and with hostile texts that contain more than a key.

use super::*;

/// Public keys with the fingerprints that `ssh-keygen -lf` printed for them.
const KEYS: [(&str, &str); 5] = [
    (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF",
        "SHA256:zEe7W9jNQ6B92AUKadHtOBeWr+NfhCodJRuGGICeJ5g",
    ),
    (
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIu5WOVjqQia/dn7jWCQv9Ly+A46rL9OWkoklfptrMWyGBsGUTBFl/tL9f4YOJgurdy58ee/kkpOlQhdUHynvt4=",
        "SHA256:2iZDYKunK3qKyMJq8u28l1coxeJJZkqC29bMsX53rU4",
    ),
    (
        "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBICWxkkEU2f+Vk7EeG9n7yBLfsuZCgurzSjxuw5Og8wi5r5wiHvYRmAlemlW5rKr/qpFyYD98vKELTNkMAZ4PHfYChHs3oGe+/2ineH9qGp/EX6j1vjil9S9weRHqZCA1w==",
        "SHA256:6y2jQsN1T3gSDG6cH1VabGuRrg55SW40jV+W3/2Qn2c",
    ),
    (
        "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAEv10cu/G8dyLyDKob4CDTPo1fD7Bl7SFADtTFGlN0zf8Yk/sgGCXY7Xn+68m6B4bFxfYNbg3ssoHCzKrmAaAzKZwE4L1FrIPIbSrgzyfFpXLAGOLOS/aZ+TP2Sr/gT4Ccw+9OZ2+DsfHl3rRp0CjhrJOI/hiDvUWbDkWa2Vu50febaDw==",
        "SHA256:Hv8pOORlNmF+3SbvzOCDOKk36C+e1aaXQX12Q353LUg",
    ),
    (
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDbrosrzazjKQdOcVj62nO/CPaRoU+YEtiMVwI0NIYMVeb6fSZTuMuyBexoaVFPT70ZHryv4hSP+zYCyxlZA5STj+p6JvR1TFF4aiWmcsuWZKzARbFY/niCcegoI2Tnp+lWLurpi9PhDRrWcof7UVKH0kngxshEs1+qClLby3+ve6rliHh1OYjqmkzsFERCoxI50NE1CbG0rpnYwGVdatDboP1fdQe988Qn9eAlzH/+Bf8hKhzSp5MlbQ1Pkuh9YX/mxy9FvzeJotF3lPJb1YkOSCDiQ4siuZNzzI07h+uStE7ywcxZyRHqmsCNZvO2iL0eV1iCNMEc4m3/U3F9xq6n",
        "SHA256:Ov94tnRtw9KMBTr9cfHK9J69Ny0qzThBmjunTfqQLkk",
    ),
];

fn refusal(text: &str) -> String {
    text.parse::<SshPublicKey>().err().unwrap_or_else(|| panic!("{text:?} is a key")).to_string()
}

/// Builds a key of the type `algorithm` with these fields.
fn key_of(algorithm: &str, fields: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for field in [&[algorithm.as_bytes()], fields].concat() {
        blob.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        blob.extend(field);
    }
    format!("{algorithm} {}", STANDARD.encode(blob))
}

fn rsa(exponent: &[u8], bits: usize) -> String {
    key_of("ssh-rsa", &[exponent, &[vec![0], vec![0xff; bits / 8]].concat()])
}

#[test]
fn keys_lose_their_comment_and_have_the_fingerprint_of_ssh_keygen() {
    for (text, fingerprint) in KEYS {
        for comment in ["", " ", " tom@mac1", " two words", " command=\"x\"", " $(id) %h ü 😀"] {
            let key: SshPublicKey = format!("{text}{comment}").parse().unwrap();
            assert_eq!((key.as_str(), key.fingerprint().as_str()), (text, fingerprint));
            assert!(fingerprint.parse::<KeyFingerprint>().is_ok());
        }
    }
}

#[test]
fn keys_on_security_keys_are_accepted() {
    let point = [vec![4], vec![7; 64]].concat();
    for key in [
        key_of("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]),
        key_of("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &point, b"ssh:"]),
    ] {
        assert_eq!(key.parse::<SshPublicKey>().unwrap().as_str(), key);
    }
}

#[test]
fn a_private_key_is_refused_without_repeating_it() {
    let secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    let pasted = [
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n-----END OPENSSH PRIVATE KEY-----\n"),
        format!("-----BEGIN RSA PRIVATE KEY----- {secret}"),
        format!("ssh-ed25519 {secret}"),
        format!("PuTTY-User-Key-File-3: ssh-ed25519\n{secret}"),
        format!("-----BEGIN PRIVATE KEY-----{}", "x".repeat(5000)),
    ];
    for text in pasted {
        let refusal = refusal(&text);
        assert!(refusal.contains("private key") && !refusal.contains("b3Blbn"), "{refusal}");
    }
}

#[test]
fn text_before_or_around_a_key_is_refused() {
    let (key, _) = KEYS[0];
    let blob = key.split(' ').nth(1).unwrap();
    let hostile = [
        format!("command=\"x\" {key}"),
        format!("from=\"*\",no-pty {key}"),
        format!("cert-authority {key}"),
        format!("@cert-authority * {key}"),
        format!(" {key}"),
        format!("\t{key}"),
        format!("# {key}"),
        format!("-{key}"),
        key.replace(' ', "  "),
        key.replace(' ', "\t"),
        key.replace(' ', "\u{a0}"),
        format!("{key}\n"),
        format!("{key}\r"),
        format!("{key}\nssh-ed25519 {blob}"),
        format!("{key} a\0b"),
        format!("{key} a\u{1b}[2J"),
        format!("{key} a\u{85}b"),
        format!("{key}, {blob}"),
        format!("{key}$(id)"),
        format!("{key}="),
        key[..key.len() - 1].to_owned(),
        key.to_uppercase(),
        format!("ssh-rsa {blob}"),
        format!("ssh-dss {blob}"),
        format!("ssh-ed25519-cert-v01@openssh.com {blob}"),
        format!("ＳＳＨ-ed25519 {blob}"),
        blob.to_owned(),
        "ssh-ed25519".to_owned(),
        "ssh-ed25519 ".to_owned(),
        "ssh-ed25519 AAAA".to_owned(),
        String::new(),
        format!("{key} {}", "c".repeat(SshPublicKey::MAX_CHARS)),
    ];
    for text in hostile {
        refusal(&text);
    }
}

#[test]
fn a_key_contains_exactly_the_fields_of_its_type() {
    let point = |bytes: usize, first: u8| [vec![first], vec![7; bytes - 1]].concat();
    let bad = [
        key_of("ssh-ed25519", &[]),
        key_of("ssh-ed25519", &[&[7; 31]]),
        key_of("ssh-ed25519", &[&[7; 33]]),
        key_of("ssh-ed25519", &[&[7; 32], b"more"]),
        key_of("ecdsa-sha2-nistp256", &[b"nistp256", &point(97, 4)]),
        key_of("ecdsa-sha2-nistp256", &[b"nistp384", &point(65, 4)]),
        key_of("ecdsa-sha2-nistp256", &[b"nistp256", &point(33, 2)]),
        key_of("ecdsa-sha2-nistp256", &[b"nistp256", &point(65, 2)]),
        key_of("sk-ssh-ed25519@openssh.com", &[&[7; 32]]),
        key_of("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:", b"more"]),
        rsa(&[1, 0, 1], 1024),
        rsa(&[1, 0, 1], 2040),
        rsa(&[1, 0, 1], 8200),
        rsa(&[1], 2048),
        rsa(&[1, 0, 0], 2048),
        rsa(&[0, 1, 0, 1], 2048),
        rsa(&[0x81, 0, 1], 2048),
        rsa(&[], 2048),
        key_of("ssh-rsa", &[&[1, 0, 1], &[0xff; 256]]),
        key_of("ssh-rsa", &[&[1, 0, 1]]),
        format!("ssh-ed25519 {}", STANDARD.encode([0xff; 51])),
    ];
    for text in bad {
        refusal(&text);
    }
    for bits in [2048, 2560, 8192] {
        assert!(rsa(&[1, 0, 1], bits).parse::<SshPublicKey>().is_ok(), "{bits}");
    }
}

#[test]
fn an_accepted_key_is_stored_without_any_inserted_character() {
    // Every byte is inserted at every position of a valid key.
    let (key, _) = KEYS[0];
    for place in 0..=key.len() {
        for byte in 0..=u8::MAX {
            let inserted = char::from(byte);
            let text = format!("{}{inserted}{}", &key[..place], &key[place..]);
            if let Ok(taken) = text.parse::<SshPublicKey>() {
                assert_eq!(taken.as_str(), key, "{text:?}");
            }
        }
    }
}

#[cfg(feature = "schema")]
#[test]
fn the_pattern_matches_keys_and_every_match_is_accepted() {
    let pattern = schema::pattern().replace(r"\u00", r"\x");
    let pattern = regex::Regex::new(&pattern).unwrap();
    for (text, _) in KEYS {
        assert!(pattern.is_match(text) && pattern.is_match(&format!("{text} tom@mac1")), "{text}");
        assert!(!pattern.is_match(&text[..text.len() - 4]) && !pattern.is_match(&format!("{text}\n")), "{text}");
    }
    for (name, bits) in schema::keys() {
        for free in [false, true] {
            let byte =
                |bits: &[schema::Bit]| bits.iter().fold(0, |byte: u8, bit| byte << 1 | u8::from(bit.unwrap_or(free)));
            let blob: Vec<u8> = bits.chunks(8).map(byte).collect();
            let text = format!("{name} {}", STANDARD.encode(blob));
            assert!(pattern.is_match(&text), "{text}");
            assert!(text.parse::<SshPublicKey>().is_ok(), "{text}");
        }
    }
}
