//! Finds the id of a request in a line that is not valid JSON or is too long.
//!
//! It reads one byte at a time and keeps little state. Clients write the id first or last, so it reads the whole line.

use rmcp::model::RequestId;

/// The maximum length of an id. A longer one is ignored.
const LONGEST: usize = 256;

/// Searches for `"id": …` in the outermost object.
#[derive(Default)]
pub(super) struct IdFinder {
    /// The number of open objects and arrays.
    depth: usize,
    state: State,
    /// The current or last string or number, as written.
    token: Vec<u8>,
    found: Option<RequestId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between tokens, or in an irrelevant token.
    #[default]
    Between,
    /// In a string that is a name or an irrelevant value. `escaped`: after a backslash.
    Text { escaped: bool },
    /// After the name `"id"`.
    Named,
    /// After the colon of `"id":`.
    Awaited,
    /// In the value of `"id"`, a string. `escaped`: after a backslash.
    Value { escaped: bool },
    /// In the value of `"id"`, a number.
    Number,
}

impl IdFinder {
    /// The id in a line.
    pub(super) fn of(line: &[u8]) -> Option<RequestId> {
        let mut finder = Self::default();
        finder.read(line);
        finder.found()
    }

    /// Reads the next bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.step(*byte);
        }
    }

    /// The id, after all bytes were read.
    pub(super) fn found(mut self) -> Option<RequestId> {
        self.end_number();
        self.found
    }

    fn step(&mut self, byte: u8) {
        match self.state {
            State::Text { escaped } | State::Value { escaped } => self.text(byte, escaped),
            State::Number if byte.is_ascii_digit() => self.keep(byte),
            State::Number | State::Between | State::Named | State::Awaited => self.between(byte),
        }
    }

    fn text(&mut self, byte: u8, escaped: bool) {
        self.keep(byte);
        let is_value = matches!(self.state, State::Value { .. });
        let is_end = byte == b'"' && !escaped;
        if is_end && is_value {
            self.take();
        }
        self.state = match is_end {
            true if !is_value && self.depth == 1 && self.token == b"\"id\"" => State::Named,
            true => State::Between,
            false if is_value => State::Value { escaped: byte == b'\\' && !escaped },
            false => State::Text { escaped: byte == b'\\' && !escaped },
        };
    }

    fn between(&mut self, byte: u8) {
        self.end_number();
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.state = match (byte, self.state) {
            (b'"', state) => {
                self.token.clear();
                self.token.push(byte);
                if state == State::Awaited { State::Value { escaped: false } } else { State::Text { escaped: false } }
            }
            (b':', State::Named) => State::Awaited,
            (byte, State::Awaited) if byte.is_ascii_digit() || byte == b'-' => {
                self.token.clear();
                self.token.push(byte);
                State::Number
            }
            (byte, state) if byte.is_ascii_whitespace() => state,
            _ => State::Between,
        };
    }

    fn end_number(&mut self) {
        if self.state == State::Number {
            self.take();
            self.state = State::Between;
        }
    }

    /// Keeps one byte more than the maximum, so that a longer id is detected.
    fn keep(&mut self, byte: u8) {
        if self.token.len() <= LONGEST {
            self.token.push(byte);
        }
    }

    fn take(&mut self) {
        if self.found.is_none() && self.token.len() <= LONGEST {
            self.found = serde_json::from_slice(&self.token).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_at_the_start_or_end_of_invalid_json() {
        for (line, id) in [
            (r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"a": "\uZZZZ"}}"#, Some("7")),
            (
                r#"{"method":"tools/call","params":{"id":1,"a":[{"id":2}],"b":nonsense},"jsonrpc":"2.0","id":-3}"#,
                Some("-3"),
            ),
            (r#"{"method": "x", "id" : "a\"b\\", "params": {"#, Some(r#""a\"b\\""#)),
            (r#"{"text": "\"id\": 4, \\", "id": 5"#, Some("5")),
            (r#"{"id": {"id": 1}, "x"#, None),
            (r#"{"id": null, "x": 5"#, None),
            (r#"{"name": "id", "x": 5"#, None),
            (r#"["id", 5"#, None),
            ("id: 5", None),
            ("", None),
        ] {
            let found = IdFinder::of(line.as_bytes()).map(|id| id.into_json_value().to_string());
            assert_eq!(found.as_deref(), id, "{line}");
        }
        let long = format!(r#"{{"id": "{}", "x"#, "a".repeat(10_000));
        assert_eq!(IdFinder::of(long.as_bytes()), None);
    }
}
