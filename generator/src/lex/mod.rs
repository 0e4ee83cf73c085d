//! Splits SQL and JSON into words, strings and punctuation, without comments. This is enough to find declarations; it is
//! not a parser. Malformed code gives fewer tokens, not an error.
//!
//! [`language`] contains the rules of each language for strings and comments.

mod language;
mod structure;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(super) use self::language::Language;
use self::structure::Structure;

/// The maximum number of arguments of a call that are read.
const MAX_ARGUMENTS: usize = 256;
/// The maximum number of tokens between the brackets of a call that are read.
const MAX_ARGUMENT_TOKENS: usize = 20_000;

/// One token of source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a keyword or a number. In SQL also a quoted name.
    Word(&'a str),
    /// A string: the source text between the quotes. Escapes are not resolved.
    String(&'a str),
    /// Any other character.
    Punct(char),
}

/// A token with its position.
#[derive(Debug, Clone, Copy)]
struct Lexeme<'a> {
    token: Token<'a>,
    line: usize,
    start: usize,
    end: usize,
}

/// The tokens of a text. Methods accept any position; for a position outside of the text they return an empty result.
pub(super) struct Tokens<'a> {
    source: &'a str,
    lexemes: Vec<Lexeme<'a>>,
    structure: Structure,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(source: &'a str, language: Language) -> Self {
        let lexemes = language::lexemes(source, language);
        let structure = Structure::of(&lexemes);
        Self { source, lexemes, structure }
    }

    pub(super) fn len(&self) -> usize {
        self.lexemes.len()
    }

    pub(super) fn word(&self, at: usize) -> Option<&'a str> {
        self.lexemes.get(at).and_then(|lexeme| match lexeme.token {
            Token::Word(word) => Some(word),
            Token::String(_) | Token::Punct(_) => None,
        })
    }

    /// The word, if it has no quotes. A quoted name is never a keyword.
    pub(super) fn unquoted(&self, at: usize) -> Option<&'a str> {
        let is_quoted = |word: &&str| self.lexemes.get(at).is_none_or(|lexeme| lexeme.end - lexeme.start != word.len());
        self.word(at).filter(|word| !is_quoted(word))
    }

    pub(super) fn string(&self, at: usize) -> Option<&'a str> {
        self.lexemes.get(at).and_then(|lexeme| match lexeme.token {
            Token::String(text) => Some(text),
            Token::Word(_) | Token::Punct(_) => None,
        })
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.word(at) == Some(word)
    }

    /// Whether the tokens from `at` on are these punctuation characters.
    pub(super) fn is_punct(&self, at: usize, characters: &str) -> bool {
        characters
            .chars()
            .enumerate()
            .all(|(n, punct)| self.lexemes.get(at + n).is_some_and(|lexeme| lexeme.token == Token::Punct(punct)))
    }

    /// The line number of a token, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lexemes.get(at).map_or(1, |lexeme| lexeme.line)
    }

    /// The position of the bracket that matches the bracket at `at`. The number of tokens if there is none.
    pub(super) fn matching(&self, at: usize) -> usize {
        self.structure.matching(at).unwrap_or(self.len())
    }

    /// The source code of a range of tokens, on one line and without comments.
    pub(super) fn source(&self, range: Range<usize>) -> String {
        let mut out = String::new();
        let mut last_end = None;
        for lexeme in self.lexemes.get(range.start..range.end.min(self.len())).unwrap_or_default() {
            if last_end.is_some_and(|end| end < lexeme.start) {
                out.push(' ');
            }
            out.push_str(self.source.get(lexeme.start..lexeme.end).unwrap_or_default());
            last_end = Some(lexeme.end);
        }
        out
    }

    /// The token ranges between the bracket at `open` and its matching bracket, split at the commas. Empty if no
    /// bracket matches, because the arguments could then be the whole rest of a malformed file.
    pub(super) fn arguments(&self, open: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let Some(close) = self.structure.matching(open) else { return found };
        let (mut start, mut at) = (open + 1, open + 1);
        let last = close.min(open + MAX_ARGUMENT_TOKENS);
        while at < last && found.len() < MAX_ARGUMENTS {
            if self.is_punct(at, ",") {
                found.push(start..at);
                start = at + 1;
            }
            at = self.after(at);
        }
        if start < last.min(at) {
            found.push(start..last);
        }
        found
    }

    /// The next token at the same depth. For an opening bracket, this is the token after the matching bracket.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.structure.matching(at) {
            Some(close) if close > at => close + 1,
            _ => at + 1,
        }
    }

    /// The value after `name:` or `name=` in the arguments or entries of the bracket at `open`.
    pub(super) fn named(&self, open: usize, name: &str) -> Option<Range<usize>> {
        self.arguments(open).into_iter().find_map(|range| {
            let has_name = self.is_word(range.start, name) || self.string(range.start) == Some(name);
            let is_pair = self.is_punct(range.start + 1, ":") || self.is_punct(range.start + 1, "=");
            (has_name && is_pair && range.start + 2 < range.end).then(|| range.start + 2..range.end)
        })
    }

    /// The entries `"key": value` of the object that opens at `open`: each key with the position of its value.
    pub(super) fn entries(&self, open: usize) -> Vec<(&'a str, usize)> {
        let mut found = Vec::new();
        let mut at = open + 1;
        let Some(close) = self.structure.matching(open).filter(|_| self.is_punct(open, "{")) else { return found };
        while at < close {
            if let Some(key) = self.string(at).filter(|_| self.is_punct(at + 1, ":")) {
                found.push((key, at + 2));
                at += 2;
            }
            at = self.after(at);
        }
        found
    }

    /// The string, if the argument is a single string.
    pub(super) fn only_string(&self, range: &Range<usize>) -> Option<&'a str> {
        self.string(range.start).filter(|_| range.len() == 1)
    }
}
