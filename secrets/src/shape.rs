//! Distinguishes secrets from placeholders, identifiers and words.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deckwatch_protocol::cut;
use sha2::{Digest as _, Sha256};

pub(super) fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

pub(super) fn alphanumeric(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

pub(super) fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

pub(super) fn base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

pub(super) fn slack(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-'
}

/// Slack tokens of the kind `xoxd` are cookies, and may contain the escapes of a cookie.
pub(super) fn slack_cookie(b: u8) -> bool {
    slack(b) || base64(b) || b == b'%'
}

pub(super) fn hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

pub(super) fn hex_and_dash(b: u8) -> bool {
    b.is_ascii_hexdigit() || b == b'-'
}

pub(super) fn base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

/// The longest start of `text` that consists of characters of `alphabet`.
pub(super) fn run(text: &str, alphabet: fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|b| !alphabet(b)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Whether a new word starts after `before`.
pub(super) fn starts_a_word(before: &str) -> bool {
    !before.bytes().next_back().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Whether a run looks randomly generated and is not a placeholder.
pub(super) fn is_random(run: &str) -> bool {
    const MIN_DIFFERENT_CHARACTERS: u32 = 7;
    let different = run.bytes().fold(0_u128, |seen, b| seen | 1_u128.checked_shl(b.into()).unwrap_or_default());
    different.count_ones() >= MIN_DIFFERENT_CHARACTERS && !has_placeholder(run)
}

/// Whether the text contains a word that people write instead of a secret.
fn has_placeholder(text: &str) -> bool {
    const PLACEHOLDERS: [&str; 6] = ["example", "xxxx", "your", "placeholder", "redacted", "token_here"];
    let lower = text.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder))
}

/// A name such as `secret_access_key`, an assignment, and a value of 40 characters. A value of only hexadecimal digits
/// is a hash and does not count.
pub(super) fn aws_secret(_: &str, from: &str) -> bool {
    // The name may be longer than the shortest form; the rest of it consists of letters and underscores.
    const NAME: usize = "SecretAccessKey".len();
    let after_name =
        from.get(NAME..).unwrap_or_default().trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '_');
    let value = after_name.trim_start_matches(separates_value);
    let key = run(value, base64);
    let has = |kind: fn(&u8) -> bool| key.bytes().any(|b| kind(&b));
    value.len() < after_name.len()
        && key.len() == 40
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && !key.bytes().all(hex)
        && is_random(key)
}

/// Whether a character can separate a name from its value in programs, settings, markup and tables.
fn separates_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ':' | '=' | ',' | '\\' | '`' | '>' | '|' | ']' | ')' | '*')
}

pub(super) fn slack_webhook(_: &str, from: &str) -> bool {
    let path = from.strip_prefix("hooks.slack.com/services/").unwrap_or_default();
    let parts: Vec<&str> = path.splitn(3, '/').map(|part| run(part, alphanumeric)).collect();
    matches!(parts.as_slice(), [team, channel, secret]
        if team.starts_with('T') && channel.starts_with('B') && secret.len() >= 16 && is_random(secret))
}

/// The older form, without a word after `sk-`. It consists of letters and digits only, so a CSS class with dashes does
/// not match.
pub(super) fn openai(before: &str, from: &str) -> bool {
    let key = run(from.strip_prefix("sk-").unwrap_or_default(), alphanumeric);
    let mixed = key.bytes().any(|b| b.is_ascii_digit()) && key.bytes().any(|b| b.is_ascii_alphabetic());
    starts_a_word(before) && key.len() >= 20 && mixed && is_random(key)
}

/// A PEM block of a private key with content.
pub(super) fn private_key(_: &str, from: &str) -> bool {
    const TITLE: usize = 64;
    const LOOK_AHEAD: usize = 400;
    let Some((title, body)) = from.trim_start_matches('-').split_once("-----") else { return false };
    let is_private = title.len() <= TITLE && (title.ends_with("PRIVATE KEY") || title.ends_with("PRIVATE KEY BLOCK"));
    let until_end = cut::to_bytes(body, 2 * LOOK_AHEAD).split("-----END").next().unwrap_or(body);
    let mut lines = until_end.split(|c: char| c.is_whitespace() || c == '\\').scan(0, |read, line| {
        *read += line.len() + 1;
        (*read <= LOOK_AHEAD + line.len()).then_some(line)
    });
    is_private && lines.any(|line| is_line_of_key(run(line, base64)))
}

/// Whether a run looks like base64 of random bytes. A word or path that follows after a mere mention of a key does not
/// match.
fn is_line_of_key(run: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| run.bytes().any(|b| kind(&b));
    let mut steps = run.split('/').skip(1);
    let is_path = run.starts_with('/')
        && steps.next().is_some_and(|step| step.len() >= 3 && step.bytes().all(|b| b.is_ascii_alphabetic()))
        && steps.next().is_some();
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    run.len() >= 16 && is_mixed && !is_path && is_random(run)
}

/// Three parts, of which the first is a valid token header. If the payload is longer than the checked text, it counts
/// as valid.
pub(super) fn json_web_token(before: &str, from: &str) -> bool {
    const HEADER: usize = 512;
    if !starts_a_word(before) {
        return false;
    }
    let header = run(cut::to_bytes(from, HEADER), base64url);
    let Some(payload) = from.get(header.len()..).and_then(|rest| rest.strip_prefix('.')) else { return false };
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let is_header = serde_json::from_slice::<serde_json::Value>(&header).is_ok_and(|json| json.get("alg").is_some());
    let parts: Vec<&str> = payload.splitn(3, '.').collect();
    match parts.as_slice() {
        _ if !is_header => false,
        [payload, signature, ..] => {
            run(payload, base64url).len() == payload.len()
                && payload.len() >= 8
                && run(signature, base64url).len() >= 16
                && !has_placeholder(run(signature, base64url))
                && !is_payload_of_example(payload)
        }
        [payload] => payload.len() > HEADER && run(payload, base64url).len() == payload.len(),
        [] => false,
    }
}

/// Whether this is the example payload of jwt.io, which many documents copy.
fn is_payload_of_example(payload: &str) -> bool {
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let claims: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let has_claim = |claim: &str, text: &str| claims.get(claim).and_then(serde_json::Value::as_str) == Some(text);
    has_claim("sub", "1234567890") && has_claim("name", "John Doe")
}

/// `dw_<id>_<secret><checksum>` with a valid checksum: the first 8 hexadecimal digits of the SHA-256 of the text before
/// it.
pub(super) fn deckwatch(_: &str, from: &str) -> bool {
    const CHECKSUM: usize = 8;
    const LONGEST: usize = 160;
    let token = run(cut::to_bytes(from, LONGEST + 1), word);
    let has_id = token.split('_').nth(1).is_some_and(|id| id.len() == 26);
    let Some((signed, checksum)) = token.split_at_checked(token.len().saturating_sub(CHECKSUM)) else { return false };
    has_id && (41..=LONGEST).contains(&signed.len()) && hex_of_sha256(signed).starts_with(checksum)
}

/// `st.<id>.<token>.<key>`.
pub(super) fn infisical(before: &str, from: &str) -> bool {
    let whole = run(from, |b| base64url(b) || b == b'.');
    let parts: Vec<&str> = whole.splitn(4, '.').collect();
    starts_a_word(before)
        && matches!(parts.as_slice(), ["st", id, token, ..] if id.len() >= 10 && token.len() >= 16 && is_random(token))
}

/// `SG.<id>.<secret>`, where the id has 22 and the secret 43 characters.
pub(super) fn sendgrid(before: &str, from: &str) -> bool {
    let mut parts = from.splitn(3, '.').skip(1).map(|part| run(part, base64url));
    let (id, secret) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    starts_a_word(before) && id.len() == 22 && secret.len() == 43 && is_random(secret)
}

/// An HTTP header with credentials: `Authorization: Bearer …` with a long value, or `Authorization: Basic …` with a
/// password that is not a common example.
pub(super) fn authorization(_: &str, from: &str) -> bool {
    const MIN_TOKEN: usize = 20;
    const MAX_NAME: usize = 40;
    const MAX_SCHEME: usize = 16;
    let name = run(cut::to_bytes(from, MAX_NAME), |b| b.is_ascii_alphabetic());
    let after = from.get(name.len()..).unwrap_or_default();
    let credentials = after.trim_start_matches(separates_value);
    let scheme = run(cut::to_bytes(credentials, MAX_SCHEME), alphanumeric);
    if credentials.len() == after.len() {
        return false;
    }
    let value = credentials.get(scheme.len()..).unwrap_or_default().trim_start_matches(separates_value);
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => is_basic_login(run(value, base64)),
        "bearer" | "token" => {
            let token = run(value, |b| base64url(b) || base64(b) || matches!(b, b'.' | b'~'));
            let mixed = token.bytes().any(|b| b.is_ascii_digit()) && token.bytes().any(|b| b.is_ascii_alphabetic());
            token.len() >= MIN_TOKEN && mixed && is_random(token) && !is_words(token)
        }
        _ => false,
    }
}

/// Whether the text consists of words and short numbers between dashes or dots, like the name of a page.
fn is_words(token: &str) -> bool {
    let is_word = |part: &str| {
        part.bytes().skip(1).all(|b| b.is_ascii_lowercase()) && part.bytes().all(|b| b.is_ascii_alphabetic())
    };
    let is_number = |part: &str| part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let parts = || token.split(['-', '_', '.', '/']);
    parts().count() > 2 && parts().all(|part| is_word(part) || is_number(part))
}

/// Whether the value is the base64 of a user name and a password that is not a common example.
fn is_basic_login(value: &str) -> bool {
    let bytes = STANDARD_NO_PAD.decode(value.trim_end_matches('=')).unwrap_or_default();
    let login = String::from_utf8(bytes).unwrap_or_default();
    login.split_once(':').is_some_and(|(user, password)| !is_example_password(user, password))
}

/// Whether people write this instead of a real password.
fn is_example_password(user: &str, password: &str) -> bool {
    const EXAMPLES: [&str; 11] = [
        "password",
        "passwd",
        "pass",
        "pwd",
        "pw",
        "secret",
        "yourpassword",
        "your-password",
        "changeme",
        "opensesame",
        "open sesame",
    ];
    let lower = password.to_ascii_lowercase();
    let is_one_repeated_letter = password.bytes().all(|b| password.bytes().next() == Some(b));
    password.len() < 3
        || is_one_repeated_letter
        || user == password
        || lower.contains("...")
        || lower.contains('…')
        || !lower.contains(char::is_alphanumeric)
        || EXAMPLES.contains(&lower.as_str())
        || is_name_of_secret(&lower)
        || has_placeholder(password)
}

/// Whether the text is the name of a secret, such as `DB_PASSWORD` or `__token__`.
fn is_name_of_secret(lower: &str) -> bool {
    const NAMES: [&str; 9] = ["password", "passwd", "pass", "pwd", "pw", "secret", "token", "key", "apikey"];
    let name = lower.trim_matches(['_', '-']);
    let last = name.rsplit(['_', '-']).next().unwrap_or_default();
    NAMES.contains(&last) && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'))
}

/// `scheme://user:password@host`, unless the password is a common example.
pub(super) fn password_in_url(before: &str, from: &str) -> bool {
    const LONGEST: usize = 512;
    const VARIABLE: [char; 7] = ['$', '{', '<', '*', '[', '(', '%'];
    let is_end = |b: u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'>' | b'|');
    let rest = from.strip_prefix("://").unwrap_or_default().bytes().take(LONGEST);
    let authority: Vec<u8> = rest.take_while(|b| !is_end(*b)).collect();
    let authority = String::from_utf8_lossy(&authority);
    let Some((login, host)) = authority.rsplit_once('@') else { return false };
    let Some((user, password)) = login.split_once(':') else { return false };
    before.bytes().next_back().is_some_and(|b| b.is_ascii_alphanumeric())
        && !password.trim_start_matches('\\').starts_with(VARIABLE)
        && !is_example_password(user, password)
        && !is_digest(host)
        && !begins_with_port(password)
}

/// Whether the host is the digest of a container image: `docker://image:tag@sha256:…`.
fn is_digest(host: &str) -> bool {
    let digest = host.strip_prefix("sha256:").or_else(|| host.strip_prefix("sha512:"));
    // A host could have this name. Then only digits follow: its port.
    digest.is_some_and(|digest| !digest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether the text is a port and the next entry of a list: `http://localhost:3000,ops@example.com`.
fn begins_with_port(password: &str) -> bool {
    let port = run(password, |b| b.is_ascii_digit());
    (1..=5).contains(&port.len()) && password.get(port.len()..).is_some_and(|rest| rest.starts_with([',', ';']))
}

pub(super) fn hex_of_sha256(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}
