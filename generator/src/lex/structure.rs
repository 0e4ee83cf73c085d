//! The structure of the tokens: matching brackets, chains of calls, and functions with their bodies.
//!
//! It is computed once for a text, so that every later lookup is fast.

use super::{Lexeme, Token};

/// The maximum number of tokens between the name of a function and its body.
const MAX_HEAD_TOKENS: usize = 400;
/// The maximum number of tokens between `Type::<` and `>`.
const MAX_TYPE_TOKENS: usize = 24;

/// The maximum number of functions that are checked to find the one that contains a position.
const MAX_FUNCTIONS_CHECKED: usize = 512;

/// A function: the positions of its name and of the brackets of its body.
struct Function {
    name: usize,
    open: usize,
    close: usize,
}

/// The structure of a list of tokens.
pub(super) struct Structure {
    matching: Vec<Option<usize>>,
    starts: Vec<usize>,
    /// Sorted by the position where the body opens.
    functions: Vec<Function>,
}

impl Structure {
    pub(super) fn of(lexemes: &[Lexeme<'_>]) -> Self {
        let matching = matching_brackets(lexemes);
        let starts = starts(lexemes, &matching);
        let functions = functions(lexemes, &matching);
        Self { matching, starts, functions }
    }

    pub(super) fn matching(&self, at: usize) -> Option<usize> {
        self.matching.get(at).copied().flatten()
    }

    pub(super) fn expression_start(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or(at)
    }

    pub(super) fn function(&self, at: usize) -> Option<usize> {
        let before = self.functions.partition_point(|function| function.open < at);
        let candidates = self.functions.get(..before)?.iter().rev().take(MAX_FUNCTIONS_CHECKED);
        let around = candidates.into_iter().find(|function| function.close > at)?;
        Some(around.name)
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

/// For each token, the start of the expression that ends with it.
fn starts(lexemes: &[Lexeme<'_>], matching: &[Option<usize>]) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::with_capacity(lexemes.len());
    for (at, lexeme) in lexemes.iter().enumerate() {
        let before = |at: usize| at.checked_sub(1).and_then(|last| starts.get(last).copied());
        let start = match lexeme.token {
            Token::Word(_) | Token::String(_) => qualifier_end(lexemes, at).and_then(|end| starts.get(end).copied()),
            Token::Punct(')' | ']') => {
                let open = matching.get(at).copied().flatten();
                open.and_then(|open| if follows_expression(lexemes, open) { before(open) } else { Some(open) })
            }
            Token::Punct('?' | '!') => before(at),
            Token::Punct(_) => None,
        };
        starts.push(start.unwrap_or(at));
    }
    starts
}

/// The last token before the `.`, `?.` or `::` that qualifies a name.
fn qualifier_end(lexemes: &[Lexeme<'_>], at: usize) -> Option<usize> {
    let last = at.checked_sub(1)?;
    match punct(lexemes, last)? {
        '.' => last.checked_sub(1),
        ':' if last.checked_sub(1).and_then(|before| punct(lexemes, before)) == Some(':') => {
            let end = last.checked_sub(2)?;
            if punct(lexemes, end) == Some('>') { before_type_arguments(lexemes, end) } else { Some(end) }
        }
        _ => None,
    }
}

/// The name before the type arguments `::<…>` that close at `close`.
fn before_type_arguments(lexemes: &[Lexeme<'_>], close: usize) -> Option<usize> {
    let open = (close.saturating_sub(MAX_TYPE_TOKENS)..close).rev().find(|at| punct(lexemes, *at) == Some('<'))?;
    let is_turbofish = open >= 2 && punct(lexemes, open - 1) == Some(':');
    open.checked_sub(if is_turbofish { 3 } else { 1 })
}

/// Whether a bracket calls or indexes the expression before it.
fn follows_expression(lexemes: &[Lexeme<'_>], open: usize) -> bool {
    let Some(last) = open.checked_sub(1).and_then(|last| lexemes.get(last)) else { return false };
    match last.token {
        Token::Word(word) => !matches!(word, "return" | "await" | "in" | "if" | "match" | "of" | "=" | "let"),
        Token::Punct(punct) => matches!(punct, ')' | ']' | '!'),
        Token::String(_) => false,
    }
}

/// The functions with a name and a body in braces.
fn functions(lexemes: &[Lexeme<'_>], matching: &[Option<usize>]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, lexeme) in lexemes.iter().enumerate() {
        let Token::Word("fn" | "func" | "function") = lexeme.token else { continue };
        // In Go, the receiver of a method comes before its name.
        let name = match punct(lexemes, at + 1) {
            Some('(') => matching.get(at + 1).copied().flatten().map_or(at + 1, |close| close + 1),
            Some('*') => at + 2,
            _ => at + 1,
        };
        if !matches!(lexemes.get(name).map(|lexeme| lexeme.token), Some(Token::Word(_))) {
            continue;
        }
        if let Some((open, close)) = body(lexemes, matching, name) {
            functions.push(Function { name, open, close });
        }
    }
    functions.sort_by_key(|function| function.open);
    functions
}

/// The braces of the body of a function: the first braces after its name and parameters.
fn body(lexemes: &[Lexeme<'_>], matching: &[Option<usize>], name: usize) -> Option<(usize, usize)> {
    let mut at = name + 1;
    while at < name + MAX_HEAD_TOKENS {
        let close = matching.get(at).copied().flatten();
        match punct(lexemes, at) {
            Some('{') => return close.map(|close| (at, close)),
            Some(';') => return None,
            Some('(' | '[') => at = close? + 1,
            _ => at += 1,
        }
        lexemes.get(at)?;
    }
    None
}
