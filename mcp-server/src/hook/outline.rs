//! Shortens JSON while it is read, so that the input of a hook costs little memory, however large it is.
//!
//! An agent CLI sends the whole answer of a tool. A hook only needs short members of the outermost object. So the content of
//! nested objects and arrays is left out, and a long string is cut. What remains is valid JSON again.

use std::io::{self, BufRead};

/// The longest string, in bytes. A longer one is cut after an ordinary character.
const MAX_STRING: usize = 2_048;
/// A string without a place to cut is cut here, and the JSON is then malformed.
const MAX_UNCUT: usize = 16 * 1024;

/// Reads the shortened JSON. Its reader should have a buffer.
pub(super) struct Outline<R> {
    inner: R,
    place: Place,
}

/// The place in the JSON.
#[derive(Default)]
struct Place {
    depth: usize,
    string: Option<StringPlace>,
}

/// The place in a string.
#[derive(Default)]
struct StringPlace {
    length: usize,
    escape: Escape,
    /// Whether the last character was an escape sequence. Two of them can be one character.
    after_escape: bool,
    is_cut: bool,
}

/// The place in an escape sequence.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    AfterBackslash,
    /// So many digits follow.
    Digits(u8),
}

impl<R: BufRead> Outline<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, place: Place::default() }
    }
}

impl Place {
    /// Goes on after a byte. Whether it is part of the outline.
    fn keeps(&mut self, byte: u8) -> bool {
        let is_outer = self.depth <= 1;
        if let Some(string) = &mut self.string {
            let (keeps, ends) = string.next(byte);
            if ends {
                self.string = None;
            }
            return is_outer && keeps;
        }
        match byte {
            b'"' => self.string = Some(StringPlace::default()),
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth <= 1;
            }
            _ => {}
        }
        is_outer
    }
}

impl StringPlace {
    /// Whether the byte stays, and whether it ends the string.
    fn next(&mut self, byte: u8) -> (bool, bool) {
        let is_character = self.escape == Escape::None && (byte & 0xC0) != 0x80;
        if is_character && byte == b'"' {
            return (true, true);
        }
        let can_cut = self.length >= MAX_STRING && is_character && !self.after_escape;
        self.is_cut = self.is_cut || can_cut || self.length >= MAX_UNCUT;
        self.length += 1;
        self.after_escape = self.escape != Escape::None;
        self.escape = match (self.escape, byte) {
            (Escape::None, b'\\') => Escape::AfterBackslash,
            (Escape::AfterBackslash, b'u') => Escape::Digits(4),
            (Escape::Digits(digits @ 2..), _) => Escape::Digits(digits - 1),
            _ => Escape::None,
        };
        (!self.is_cut, false)
    }
}

impl<R: BufRead> io::Read for Outline<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written == 0 && !buffer.is_empty() {
            let available = self.inner.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let mut free = buffer.iter_mut();
            let mut consumed = 0;
            for byte in available.iter().take(free.len()) {
                consumed += 1;
                if self.place.keeps(*byte)
                    && let Some(slot) = free.next()
                {
                    *slot = *byte;
                    written += 1;
                }
            }
            self.inner.consume(consumed);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _};

    use serde_json::{Value, json};

    use super::*;

    fn outline(text: &str) -> String {
        let mut read = String::new();
        Outline::new(BufReader::with_capacity(7, text.as_bytes())).read_to_string(&mut read).unwrap();
        read
    }

    #[test]
    fn nested_values_are_emptied_and_short_members_stay() {
        let text = json!({ "a": "x\"}\\", "b": { "c": [1, "}"], "d": "\"" }, "e": [[], {}], "f": true, "g": -1.5e3, "h": null });
        let read: Value = serde_json::from_str(&outline(&text.to_string())).unwrap();
        assert_eq!(read, json!({ "a": "x\"}\\", "b": {}, "e": [], "f": true, "g": -1.5e3, "h": null }));
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        for unit in ["x", "ü", "😀", "\\n", "\\\\", "\\\"", "\\ud83d\\ude00a", "a\\u0041"] {
            let text = format!("{{\"long\":\"{}\",\"after\":1}}", unit.repeat(200_000));
            let read = outline(&text);
            assert!(read.len() < 20_000, "{unit}: {}", read.len());
            // Without an ordinary character there is no place to cut, and the rest of the string may be malformed.
            if unit.contains(|c: char| c != '\\' && c != '"' && c != 'n') {
                let read: Value = serde_json::from_str(&read).unwrap();
                assert_eq!(read["after"], 1, "{unit}");
                let decoded: String = serde_json::from_str(&format!("\"{}\"", unit.repeat(3_000))).unwrap();
                assert!(decoded.starts_with(read["long"].as_str().unwrap()), "{unit}");
            }
        }
    }

    #[test]
    fn deep_nesting_costs_nothing() {
        let text = format!("{{\"deep\":{}{},\"after\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(outline(&text), "{\"deep\":[],\"after\":1}");
        assert_eq!(outline("]]]}}"), "]]]}}");
    }
}
