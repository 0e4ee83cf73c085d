//! Other readings of a text: as it is shown, with the escapes resolved that a document or a URL may carry, on one line,
//! and what its base64 says.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use unicode_normalization::UnicodeNormalization as _;

use crate::clean::bare;

/// Shorter runs of base64 hold no secret of a known kind.
const SHORTEST_BASE64: usize = 20;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const OF_MAIL: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const OF_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// One reading.
pub(super) struct View<'a> {
    pub(super) text: Cow<'a, str>,
    /// Its line breaks are gone, and words that were apart may be one: only what no words make counts here.
    pub(super) joins_lines: bool,
}

/// Every reading of `text` that differs from the others, `text` itself first.
pub(super) fn of(text: &str) -> Vec<View<'_>> {
    let mut views = vec![View { text: Cow::Borrowed(text), joins_lines: false }];
    for reading in readings(text) {
        let seen = shown(&reading);
        let on_one_line = seen.split_whitespace().collect::<Vec<_>>().join(" ");
        let joined = joined(&seen);
        add(&mut views, joined.clone().map(|text| (text, true)));
        for encoded in [joined.as_deref().unwrap_or(&seen), &on_one_line] {
            add(&mut views, in_base64(encoded).map(|text| (text, false)));
        }
        for plain in [reading, seen, on_one_line] {
            add(&mut views, Some((plain, false)));
        }
    }
    views
}

fn add(views: &mut Vec<View<'_>>, view: Option<(String, bool)>) {
    let Some((text, joins_lines)) = view else { return };
    if !views.iter().any(|other| other.joins_lines <= joins_lines && other.text == text) {
        views.push(View { text: Cow::Owned(text), joins_lines });
    }
}

/// `text`, as it stands and as it is shown, with the escapes of a URL and of JSON resolved in either order.
fn readings(text: &str) -> Vec<String> {
    let mut readings = vec![text.to_owned()];
    let mut from = 0;
    // The second round finds what was escaped in both ways.
    for _ in 0..2 {
        let until = readings.len();
        for n in from..until {
            let Some(reading) = readings.get(n).cloned() else { break };
            let seen = if reading.contains(['%', '\\']) { shown(&reading) } else { continue };
            for decoded in [percent_decoded(&reading), unescaped(&reading), percent_decoded(&seen), unescaped(&seen)] {
                if !readings.contains(&decoded) {
                    readings.push(decoded);
                }
            }
        }
        from = until;
    }
    readings
}

/// What can be seen of `text`: full-width and mathematical letters read like those that they look like.
fn shown(text: &str) -> String {
    let bare = bare(text);
    if !bare.chars().any(is_look_alike) {
        return bare;
    }
    let plain = |c: char| if is_look_alike(c) { std::iter::once(c).nfkc().collect() } else { String::from(c) };
    bare.chars().map(plain).collect()
}

fn is_look_alike(c: char) -> bool {
    matches!(c, '\u{2460}'..='\u{24ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Without line breaks and the blanks around them, as a terminal or a mail may have wrapped a long word.
fn joined(text: &str) -> Option<String> {
    text.contains('\n').then(|| text.split('\n').map(str::trim).collect())
}

/// What the base64 in `text` says, each piece on a line of its own. Where a piece begins is not known: letters before it
/// may be of its alphabet, so each of the four places is tried.
fn in_base64(text: &str) -> Option<String> {
    let of_mail = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let of_urls = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let mut said = String::new();
    for run in text.as_bytes().split(|b| !of_mail(*b)) {
        say(&mut said, run, &OF_MAIL);
    }
    for run in text.as_bytes().split(|b| !of_urls(*b)).filter(|run| run.iter().any(|b| matches!(b, b'-' | b'_'))) {
        say(&mut said, run, &OF_URLS);
    }
    (!said.is_empty()).then_some(said)
}

fn say(said: &mut String, run: &[u8], engine: &GeneralPurpose) {
    if run.len() < SHORTEST_BASE64 {
        return;
    }
    for from in (0..4).filter_map(|begin| run.get(begin..)) {
        // A last character alone says nothing.
        let whole = from.get(..from.len() - usize::from(from.len() % 4 == 1)).unwrap_or_default();
        if let Ok(bytes) = engine.decode(whole) {
            said.push_str(&String::from_utf8_lossy(&bytes));
            said.push('\n');
        }
    }
}

fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, next) = match rest {
            [b'%', high, low, next @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, next),
                _ => (*first, after),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = next;
    }
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// With the escapes of JSON resolved; a backslash at the end of a line joins it with the next, as in a shell.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match chars.next() {
            Some('n' | 'r' | 't') => plain.push('\n'),
            Some('\n') | None => {}
            Some('u') => {
                let digits: String = chars.clone().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                match code.filter(|_| digits.len() == 4) {
                    Some(code) => {
                        plain.push(code);
                        chars.by_ref().take(4).for_each(drop);
                    }
                    None => plain.push('u'),
                }
            }
            Some(other) => plain.push(other),
        }
    }
    plain
}
