//! Source text as words, strings and signs, without its comments: enough to find declarations in,
//! and never a parser. Broken text gives fewer tokens, not an error.
//!
//! Which languages there are, and how they quote and comment, is in [`language`].

mod language;
mod structure;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(super) use self::language::Language;
use self::structure::Structure;

/// Most arguments of a call that are looked at, and most tokens between its brackets.
const ARGUMENTS: usize = 256;
const ARGUMENT_TOKENS: usize = 20_000;

/// One piece of source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a keyword, a number; in SQL also a quoted name.
    Word(&'a str),
    /// What stands between the quotes of a string, escapes and all.
    Text(&'a str),
    /// Any other character.
    Sign(char),
}

/// A token and its place.
#[derive(Debug, Clone, Copy)]
struct Lexeme<'a> {
    token: Token<'a>,
    line: usize,
    start: usize,
    end: usize,
}

/// The tokens of a text. Every question about a place outside of it is answered with nothing.
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
            Token::Text(_) | Token::Sign(_) => None,
        })
    }

    pub(super) fn text(&self, at: usize) -> Option<&'a str> {
        self.lexemes.get(at).and_then(|lexeme| match lexeme.token {
            Token::Text(text) => Some(text),
            Token::Word(_) | Token::Sign(_) => None,
        })
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.word(at) == Some(word)
    }

    /// Whether these signs stand there one after the other.
    pub(super) fn is(&self, at: usize, signs: &str) -> bool {
        signs
            .chars()
            .enumerate()
            .all(|(n, sign)| self.lexemes.get(at + n).is_some_and(|lexeme| lexeme.token == Token::Sign(sign)))
    }

    /// The line of a token, counted from one.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lexemes.get(at).map_or(1, |lexeme| lexeme.line)
    }

    /// Where the bracket that opens here closes, or opened that closes here; the end for one alone.
    pub(super) fn partner(&self, at: usize) -> usize {
        self.structure.partner(at).unwrap_or(self.len())
    }

    /// Where the expression starts whose last token this is: `a` for the bracket of `a.b(c)`.
    pub(super) fn expression_start(&self, at: usize) -> usize {
        self.structure.expression_start(at)
    }

    /// The innermost named function around a token.
    pub(super) fn function(&self, at: usize) -> Option<&'a str> {
        self.structure.function(at).and_then(|name| self.word(name))
    }

    /// Source text of a range, on one line and without comments.
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

    /// What stands between the bracket that opens at `open` and its partner, split at the commas.
    /// Nothing where it has no partner: what follows may be the whole rest of a broken file.
    pub(super) fn arguments(&self, open: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let Some(close) = self.structure.partner(open) else { return found };
        let (mut start, mut at) = (open + 1, open + 1);
        let last = close.min(open + ARGUMENT_TOKENS);
        while at < last && found.len() < ARGUMENTS {
            if self.is(at, ",") {
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

    /// The next token at the same depth: past the partner of an opening bracket.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.structure.partner(at) {
            Some(partner) if partner > at => partner + 1,
            _ => at + 1,
        }
    }

    /// A call `.name(` whose point stands at `at`: the name, and where its bracket opens. Type
    /// arguments between the two are passed over.
    pub(super) fn method(&self, at: usize) -> Option<(&'a str, usize)> {
        let name = self.word(at + 1).filter(|_| self.is(at, "."))?;
        self.call_after(at + 1).map(|open| (name, open))
    }

    /// Where the bracket opens of a call whose name stands at `name`.
    pub(super) fn call_after(&self, name: usize) -> Option<usize> {
        let mut open = name + 1;
        if self.is(open, "::<") {
            open += 2;
        }
        if self.is(open, "<") {
            let closing = (open..open + 40).find(|at| self.is(*at, ">") && self.is(at + 1, "("))?;
            open = closing + 1;
        }
        self.is(open, "(").then_some(open)
    }

    /// The value after `name:` or `name=` among the arguments or entries of a bracket.
    pub(super) fn named(&self, open: usize, name: &str) -> Option<Range<usize>> {
        self.arguments(open).into_iter().find_map(|range| {
            let is_it = self.is_word(range.start, name) || self.text(range.start) == Some(name);
            let is_pair = self.is(range.start + 1, ":") || self.is(range.start + 1, "=");
            (is_it && is_pair && range.start + 2 < range.end).then(|| range.start + 2..range.end)
        })
    }

    /// The entries `"key": value` of the object that opens at `open`: the keys, and where the values start.
    pub(super) fn entries(&self, open: usize) -> Vec<(&'a str, usize)> {
        let mut found = Vec::new();
        let mut at = open + 1;
        let Some(close) = self.structure.partner(open).filter(|_| self.is(open, "{")) else { return found };
        while at < close {
            if let Some(key) = self.text(at).filter(|_| self.is(at + 1, ":")) {
                found.push((key, at + 2));
                at += 2;
            }
            at = self.after(at);
        }
        found
    }

    /// The string that an argument consists of.
    pub(super) fn only_text(&self, range: &Range<usize>) -> Option<&'a str> {
        self.text(range.start).filter(|_| range.len() == 1)
    }
}
