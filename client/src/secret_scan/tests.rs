//! Tests of the scan for values that the launcher put into the environment.

use serde_json::json;

use super::*;

const HEX: &str = "0123456789abcdef";

/// A deterministic text that looks random.
fn pseudo_random_text(length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9E37_79B9_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    (0..length).map(|_| letters[next() % letters.len()]).collect()
}

fn well_known_kinds() -> SecretScan {
    SecretScan::new(&Injected::default()).unwrap()
}

fn scan_with(values: &[(&str, &str)]) -> SecretScan {
    let names = values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    let var = |name: &str| {
        let listed = values.iter().find(|(listed, _)| *listed == name).map(|(_, value)| (*value).to_owned());
        if name == "DECKWATCH_SECRETS" { Some(names.clone()) } else { listed }
    };
    SecretScan::new(&Injected::from_vars(var)).unwrap()
}

#[test]
fn an_injected_value_is_found_in_every_encoding() {
    use base64::Engine as _;
    let value = "pä$$ w0rd/+\"7";
    let scan = scan_with(&[("DB_PASSWORD", value)]);
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let escaped = value.chars().fold(String::new(), |text, c| text + &format!("\\u{:04x}", u32::from(c)));
    for text in [
        format!("the password is {value}!"),
        format!("x{value}x"),
        format!("Basic {}", base64(value)),
        format!("Basic {}", base64(&format!("ann:{value}:x"))),
        format!("Basic {}", base64(&format!("an:{value}"))),
        format!("https://x.example/?p={encoded}&q=1"),
        format!("https://x.example/?p={}", encoded.replace('+', "%20").to_lowercase()),
        format!("{{\"p\": \"{escaped}\"}}"),
        format!("{{\"p\": {}}}", json!(value)),
    ] {
        assert_eq!(scan.text(&text).as_deref(), Some("the value of the variable DB_PASSWORD"), "{text}");
    }
    assert_eq!(well_known_kinds().text(value), None);
}

#[test]
fn common_values_are_not_secrets() {
    let common = [
        ("A", "true"),
        ("B", "localhost"),
        ("C", "8080"),
        ("D", "production"),
        ("E", "00000000"),
        ("F", ""),
        ("G", "https://api.example.com"),
        ("H", "secret1"),
    ];
    let scan = scan_with(&common);
    for (_, value) in common {
        assert_eq!(scan.text(&format!("it says {value} here")), None, "{value}");
    }
}

#[test]
fn the_api_key_is_a_secret_and_unlisted_variables_are_not() {
    let key = pseudo_random_text(64, HEX);
    let var = |name: &str| match name {
        "CONTEXT_API_KEY" => Some(key.clone()),
        "EDITOR_THEME" => Some("solarized-dark".to_owned()),
        _ => None,
    };
    let scan = SecretScan::new(&Injected::from_vars(var)).unwrap();
    assert_eq!(scan.text(&format!("key {key}")).as_deref(), Some("the value of the variable CONTEXT_API_KEY"));
    assert_eq!(scan.text("solarized-dark"), None);
}

#[test]
fn injected_values_are_found_in_meta_and_not_in_repo() {
    let scan = scan_with(&[("REPO", "example-org/alpha-console")]);
    let body = json!({"repo": "example-org/alpha-console", "meta": {"note": "see example-org/alpha-console"}});
    let found = scan.request(Operation::StartDay, &body);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pointer, "/meta/note");
}
