//! Other readings of a text: as it is shown, and with the escapes resolved that a document or a URL may carry.

use std::borrow::Cow;

use crate::clean::bare;

/// `text` as it is shown, as a URL and as a JSON string would be read, and those as they are shown; where that makes a
/// difference.
pub(super) fn others(text: &str) -> Vec<String> {
    let mut views = shown(text);
    let read: Vec<String> = std::iter::once(text).chain(views.iter().map(String::as_str)).flat_map(decoded).collect();
    for view in read {
        views.extend(shown(&view));
        views.push(view);
    }
    views
}

/// What can be seen of `text`, in its lines and on one line.
fn shown(text: &str) -> Vec<String> {
    let bare = bare(text);
    let on_one_line = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    [bare, on_one_line].into_iter().filter(|view| view != text).collect()
}

fn decoded(text: &str) -> Vec<String> {
    let from_url = text.contains('%').then(|| percent_decoded(text));
    let from_json = text.contains('\\').then(|| unescaped(text));
    [from_url, from_json].into_iter().flatten().filter(|view| view != text).collect()
}

fn percent_decoded(text: &str) -> String {
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
