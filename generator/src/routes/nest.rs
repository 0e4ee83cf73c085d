//! Routes of `NestJS`: methods with decorators, in classes with a prefix.

use super::model::{ANY, Facts, METHODS, joined};
use crate::lex::Tokens;

/// The owner of every route of a controller.
pub(super) const OWNER: &str = "@Controller";
/// Tokens between a decorator and what it decorates.
const BETWEEN: usize = 400;

/// Adds what a file says about controllers.
pub(super) fn read(tokens: &Tokens<'_>, facts: &mut Facts) {
    for at in 0..tokens.len() {
        if tokens.is(at, ".")
            && let Some(("setGlobalPrefix", open)) = tokens.method(at)
        {
            facts.application_prefix = tokens.text(open + 1).map(str::to_owned);
        }
        if tokens.is(at, "@") && tokens.is_word(at + 1, "Controller") && tokens.is(at + 2, "(") {
            controller(tokens, at + 2, facts);
        }
    }
}

fn controller(tokens: &Tokens<'_>, open: usize, facts: &mut Facts) {
    let close = tokens.partner(open);
    let prefixes = tokens.named(open + 1, "path").unwrap_or(open + 1..close);
    let prefixes: Vec<&str> = prefixes.filter_map(|at| tokens.text(at)).collect();
    let prefixes = if prefixes.is_empty() { vec![""] } else { prefixes };
    let Some(class) = (close..close + BETWEEN).find(|at| tokens.is_word(*at, "class")) else { return };
    let Some(body) = (class..class + BETWEEN).find(|at| tokens.is(*at, "{")) else { return };
    let mut at = body + 1;
    while at < tokens.partner(body) {
        if tokens.is(at, "@")
            && let Some(name) = tokens.word(at + 1)
        {
            let method = if name == "All" { ANY } else { name };
            let is_method = method == ANY || METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
            if is_method && tokens.is(at + 2, "(") {
                add(tokens, at, method, &prefixes, facts);
            }
        }
        at = tokens.after(at);
    }
}

fn add(tokens: &Tokens<'_>, at: usize, method: &str, prefixes: &[&str], facts: &mut Facts) {
    let close = tokens.partner(at + 2);
    let paths: Vec<&str> = (at + 3..close).filter_map(|at| tokens.text(at)).collect();
    let paths = if paths.is_empty() { vec![""] } else { paths };
    let handler = decorated(tokens, close + 1).unwrap_or_default();
    for path in prefixes.iter().flat_map(|prefix| paths.iter().map(move |path| joined(prefix, path))) {
        facts.add(method, &path, tokens.line(at), handler, vec![OWNER.to_owned()]);
    }
}

/// The name of the method after the other decorators.
fn decorated<'a>(tokens: &Tokens<'a>, from: usize) -> Option<&'a str> {
    let mut at = from;
    while at < from + BETWEEN {
        if tokens.is(at, "@") {
            at += 2;
            if tokens.is(at, "(") {
                at = tokens.partner(at) + 1;
            }
        } else if tokens.word(at).is_some() && tokens.is(at + 1, "(") {
            return tokens.word(at);
        } else {
            at += 1;
        }
    }
    None
}
