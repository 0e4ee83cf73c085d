//! Repairs a line of JSON that contains half of a character: half of a surrogate pair, or some of a character's bytes.
//!
//! JavaScript can cut a string between the halves of an emoji. It then writes the remaining half as an escape that is
//! not valid JSON text.

/// The line, with U+FFFD in place of each half character.
pub(super) fn repaired(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_ref();
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let (good, length) = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => (true, 12),
            (Some(_), _) => (false, 6),
            // Any other escape: the backslash and the next character.
            (None, _) => (true, 1 + escape.chars().nth(1).map_or(0, char::len_utf8)),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(if good { escape } else { "\u{fffd}" });
        rest = after;
    }
    out + rest
}

enum Half {
    High,
    Low,
}

/// The half of a surrogate pair that this text begins with, written as an escape.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_the_rest_is_unchanged() {
        for (line, expected) in [
            (r#""cut \ud83d""#, "\"cut \u{fffd}\""),
            (r#""cut \uD83D\n\udcbb!""#, "\"cut \u{fffd}\\n\u{fffd}!\""),
            (r#""\ud83d\ud83d\udcbb""#, "\"\u{fffd}\\ud83d\\udcbb\""),
            (r#""whole \ud83d\udcbb""#, r#""whole \ud83d\udcbb""#),
            (r#""a path C:\\ud83d and \"\\""#, r#""a path C:\\ud83d and \"\\""#),
            (r#""\u00e9 \u12"#, r#""\u00e9 \u12"#),
            (r#""\ü \"#, r#""\ü \"#),
        ] {
            assert_eq!(repaired(line.as_bytes()), expected);
        }
        assert_eq!(repaired(b"\"\xf0\x9f\x92\""), "\"\u{fffd}\"");
    }
}
