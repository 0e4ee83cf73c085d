//! A reader for the tokens of one SQL statement.

use std::ops::Range;

use crate::lex::Tokens;

/// A statement and the current position in it. At the end, every method returns an empty result.
pub(super) struct Statement<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'a> Statement<'a> {
    pub(super) fn of(tokens: &'a Tokens<'a>, range: Range<usize>) -> Self {
        Self { tokens, at: range.start, end: range.end.min(tokens.len()) }
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.tokens.word(self.at).filter(|_| self.at < self.end)
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.at < self.end && self.tokens.unquoted(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Skips these words if all of them follow. Returns whether they did.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let mut at = self.at;
        for word in words.split(' ') {
            let fits = at < self.end && self.tokens.unquoted(at).is_some_and(|next| next.eq_ignore_ascii_case(word));
            if !fits {
                return false;
            }
            at += 1;
        }
        self.at = at;
        true
    }

    /// Skips all words from this list that follow, in any order.
    pub(super) fn skip(&mut self, words: &[&str]) {
        while self.is_any(words) {
            self.at += 1;
        }
    }

    /// Reads a name, with its schema if it has one: `schema.name`.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = self.peek()?.to_owned();
        self.at += 1;
        while self.tokens.is_punct(self.at, ".") && self.at < self.end {
            self.at += 1;
            name = format!("{name}.{}", self.peek()?);
            self.at += 1;
        }
        Some(name)
    }

    /// The position of the next opening bracket at the same depth.
    pub(super) fn bracket(&self) -> Option<usize> {
        let mut at = self.at;
        while at < self.end {
            if self.tokens.is_punct(at, "(") {
                return Some(at);
            }
            at = self.tokens.after(at);
        }
        None
    }

    /// The rest of the statement as text.
    pub(super) fn rest(&self) -> String {
        self.tokens.source(self.at.min(self.end)..self.end)
    }
}

/// The token ranges of the statements of a file. Semicolons separate them. The body of a trigger, procedure or function
/// is not split.
pub(super) fn split(tokens: &Tokens<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at, mut open_blocks) = (0, 0, 0_usize);
    let mut has_body = false;
    while at < tokens.len() {
        if tokens.is_punct(at, ";") && open_blocks == 0 {
            found.push(start..at);
            start = at + 1;
            has_body = false;
        } else if let Some(word) = tokens.unquoted(at) {
            let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
            let in_head = at > start && at < start + 5;
            has_body |= in_head && is(&["trigger", "procedure", "function"]);
            if has_body && is(&["begin", "case"]) {
                open_blocks += 1;
            } else if is(&["end"]) {
                open_blocks = open_blocks.saturating_sub(1);
            }
        }
        at = tokens.after(at);
    }
    found.push(start..tokens.len());
    found
}
