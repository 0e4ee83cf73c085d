//! One statement of SQL as tokens, read from left to right.

use std::ops::Range;

use crate::lex::Tokens;

/// A place in a statement. Reading past its end gives nothing.
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
        self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Takes the words if all of them stand here.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let mut at = self.at;
        for word in words.split(' ') {
            let fits = at < self.end && self.tokens.word(at).is_some_and(|next| next.eq_ignore_ascii_case(word));
            if !fits {
                return false;
            }
            at += 1;
        }
        self.at = at;
        true
    }

    /// Takes whichever of the words stands here, again and again.
    pub(super) fn skip(&mut self, words: &[&str]) {
        while self.is_any(words) {
            self.at += 1;
        }
    }

    /// Takes a name, with the schema that it is in.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = self.peek()?.to_owned();
        self.at += 1;
        while self.tokens.is(self.at, ".") && self.at < self.end {
            self.at += 1;
            name = format!("{name}.{}", self.peek()?);
            self.at += 1;
        }
        Some(name)
    }

    /// Where the next bracket opens, at this depth.
    pub(super) fn bracket(&self) -> Option<usize> {
        let mut at = self.at;
        while at < self.end {
            if self.tokens.is(at, "(") {
                return Some(at);
            }
            at = self.tokens.after(at);
        }
        None
    }

    /// What is left, as text.
    pub(super) fn rest(&self) -> String {
        self.tokens.source(self.at.min(self.end)..self.end)
    }
}

/// The statements of a file: between semicolons, with the body of a trigger in one piece.
pub(super) fn split(tokens: &Tokens<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at, mut blocks) = (0, 0, 0_usize);
    let mut is_program = false;
    while at < tokens.len() {
        if tokens.is(at, ";") && blocks == 0 {
            found.push(start..at);
            start = at + 1;
            is_program = false;
        } else if let Some(word) = tokens.word(at) {
            let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
            let in_head = at > start && at < start + 5;
            is_program |= in_head && is(&["trigger", "procedure", "function"]);
            if is_program && is(&["begin", "case"]) {
                blocks += 1;
            } else if is(&["end"]) {
                blocks = blocks.saturating_sub(1);
            }
        }
        at = tokens.after(at);
    }
    found.push(start..tokens.len());
    found
}
