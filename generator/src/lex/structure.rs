//! How tokens hang together: brackets and their partners, chains of calls, functions and their bodies.
//!
//! Everything is found in one pass, so that no question asked later costs more than a look.

use super::{Lexeme, Token};

/// Tokens between the name of a function and its body.
const HEAD: usize = 400;
/// Tokens between `Type::<` and `>`.
const TYPE: usize = 24;

/// Functions inside and before one another that are looked at to find the one around a place.
const NESTED: usize = 512;

/// A function: the place of its name and the brackets of its body.
struct Function {
    name: usize,
    open: usize,
    close: usize,
}

/// The structure of a list of tokens.
pub(super) struct Structure {
    partners: Vec<Option<usize>>,
    starts: Vec<usize>,
    /// By the place where the body opens.
    functions: Vec<Function>,
}

impl Structure {
    pub(super) fn of(lexemes: &[Lexeme<'_>]) -> Self {
        let partners = partners(lexemes);
        let starts = starts(lexemes, &partners);
        let functions = functions(lexemes, &partners);
        Self { partners, starts, functions }
    }

    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partners.get(at).copied().flatten()
    }

    pub(super) fn expression_start(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or(at)
    }

    pub(super) fn function(&self, at: usize) -> Option<usize> {
        let before = self.functions.partition_point(|function| function.open < at);
        let around = self.functions.get(..before)?.iter().rev().take(NESTED).find(|function| function.close > at)?;
        Some(around.name)
    }
}

fn sign(lexemes: &[Lexeme<'_>], at: usize) -> Option<char> {
    lexemes.get(at).and_then(|lexeme| match lexeme.token {
        Token::Sign(sign) => Some(sign),
        Token::Word(_) | Token::Text(_) => None,
    })
}

/// Both partners of each pair of brackets. One that nothing closes has none.
fn partners(lexemes: &[Lexeme<'_>]) -> Vec<Option<usize>> {
    let mut partners = vec![None; lexemes.len()];
    let mut open: Vec<(usize, char)> = Vec::new();
    for at in 0..lexemes.len() {
        let closes = match sign(lexemes, at) {
            Some(c @ ('(' | '[' | '{')) => {
                open.push((at, c));
                continue;
            }
            Some(')') => '(',
            Some(']') => '[',
            Some('}') => '{',
            _ => continue,
        };
        // A bracket of another kind that is still open was never closed.
        let Some(depth) = open.iter().rev().take(8).position(|(_, c)| *c == closes) else { continue };
        open.truncate(open.len() - depth);
        if let Some((start, _)) = open.pop() {
            for (from, to) in [(start, at), (at, start)] {
                if let Some(partner) = partners.get_mut(from) {
                    *partner = Some(to);
                }
            }
        }
    }
    partners
}

/// Where the expression starts that ends with each token.
fn starts(lexemes: &[Lexeme<'_>], partners: &[Option<usize>]) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::with_capacity(lexemes.len());
    for (at, lexeme) in lexemes.iter().enumerate() {
        let before = |at: usize| at.checked_sub(1).and_then(|last| starts.get(last).copied());
        let start = match lexeme.token {
            Token::Word(_) | Token::Text(_) => qualifier_end(lexemes, at).and_then(|end| starts.get(end).copied()),
            Token::Sign(')' | ']') => {
                let open = partners.get(at).copied().flatten();
                open.and_then(|open| if follows_expression(lexemes, open) { before(open) } else { Some(open) })
            }
            Token::Sign('?' | '!') => before(at),
            Token::Sign(_) => None,
        };
        starts.push(start.unwrap_or(at));
    }
    starts
}

/// The last token of what a name hangs on by `.`, `?.` or `::`.
fn qualifier_end(lexemes: &[Lexeme<'_>], at: usize) -> Option<usize> {
    let last = at.checked_sub(1)?;
    match sign(lexemes, last)? {
        '.' => last.checked_sub(1),
        ':' if last.checked_sub(1).and_then(|before| sign(lexemes, before)) == Some(':') => {
            let end = last.checked_sub(2)?;
            if sign(lexemes, end) == Some('>') { before_type_arguments(lexemes, end) } else { Some(end) }
        }
        _ => None,
    }
}

/// The name before `::<…>`, whose last sign stands at `close`.
fn before_type_arguments(lexemes: &[Lexeme<'_>], close: usize) -> Option<usize> {
    let open = (close.saturating_sub(TYPE)..close).rev().find(|at| sign(lexemes, *at) == Some('<'))?;
    let is_turbofish = open >= 2 && sign(lexemes, open - 1) == Some(':');
    open.checked_sub(if is_turbofish { 3 } else { 1 })
}

/// Whether a bracket calls or indexes what stands before it.
fn follows_expression(lexemes: &[Lexeme<'_>], open: usize) -> bool {
    let Some(last) = open.checked_sub(1).and_then(|last| lexemes.get(last)) else { return false };
    match last.token {
        Token::Word(word) => !matches!(word, "return" | "await" | "in" | "if" | "match" | "of" | "=" | "let"),
        Token::Sign(sign) => matches!(sign, ')' | ']' | '!'),
        Token::Text(_) => false,
    }
}

/// Functions that have a name and a body in braces.
fn functions(lexemes: &[Lexeme<'_>], partners: &[Option<usize>]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, lexeme) in lexemes.iter().enumerate() {
        let Token::Word("fn" | "func" | "function") = lexeme.token else { continue };
        // Go writes the receiver of a method before its name.
        let name = match sign(lexemes, at + 1) {
            Some('(') => partners.get(at + 1).copied().flatten().map_or(at + 1, |close| close + 1),
            Some('*') => at + 2,
            _ => at + 1,
        };
        if !matches!(lexemes.get(name).map(|lexeme| lexeme.token), Some(Token::Word(_))) {
            continue;
        }
        if let Some((open, close)) = body(lexemes, partners, name) {
            functions.push(Function { name, open, close });
        }
    }
    functions.sort_by_key(|function| function.open);
    functions
}

/// The first braces after a function's name, past its parameters.
fn body(lexemes: &[Lexeme<'_>], partners: &[Option<usize>], name: usize) -> Option<(usize, usize)> {
    let mut at = name + 1;
    while at < name + HEAD {
        let partner = partners.get(at).copied().flatten();
        match sign(lexemes, at) {
            Some('{') => return partner.map(|close| (at, close)),
            Some(';') => return None,
            Some('(' | '[') => at = partner? + 1,
            _ => at += 1,
        }
        lexemes.get(at)?;
    }
    None
}
