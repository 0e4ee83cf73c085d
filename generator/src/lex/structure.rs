//! The structure of the tokens: matching brackets.
//!
//! It is computed once for a text, so that every later lookup is fast.

use super::{Lexeme, Token};

/// The structure of a list of tokens.
pub(super) struct Structure {
    matching: Vec<Option<usize>>,
}

impl Structure {
    pub(super) fn of(lexemes: &[Lexeme<'_>]) -> Self {
        let matching = matching_brackets(lexemes);
        Self { matching }
    }

    pub(super) fn matching(&self, at: usize) -> Option<usize> {
        self.matching.get(at).copied().flatten()
    }
}

fn punct(lexemes: &[Lexeme<'_>], at: usize) -> Option<char> {
    lexemes.get(at).and_then(|lexeme| match lexeme.token {
        Token::Punct(punct) => Some(punct),
        Token::Word(_) | Token::String(_) => None,
    })
}

/// For each bracket, the position of the matching bracket. `None` for other tokens and for unmatched brackets.
fn matching_brackets(lexemes: &[Lexeme<'_>]) -> Vec<Option<usize>> {
    let mut matching = vec![None; lexemes.len()];
    let mut open: Vec<(usize, char)> = Vec::new();
    for at in 0..lexemes.len() {
        let closes = match punct(lexemes, at) {
            Some(c @ ('(' | '[' | '{')) => {
                open.push((at, c));
                continue;
            }
            Some(')') => '(',
            Some(']') => '[',
            Some('}') => '{',
            _ => continue,
        };
        // Brackets of another kind that opened in between were never closed.
        let Some(depth) = open.iter().rev().take(8).position(|(_, c)| *c == closes) else { continue };
        open.truncate(open.len() - depth);
        if let Some((start, _)) = open.pop() {
            for (from, to) in [(start, at), (at, start)] {
                if let Some(entry) = matching.get_mut(from) {
                    *entry = Some(to);
                }
            }
        }
    }
    matching
}
