//! Reads routes of `NestJS`: methods with decorators in controller classes, which have a prefix.

use super::model::{ANY, Facts, METHODS, joined};
use crate::lex::Tokens;

/// The owner name of all routes of controllers.
pub(super) const OWNER: &str = "@Controller";
/// The maximum number of tokens between a decorator and the class or method that it decorates.
const MAX_DISTANCE: usize = 400;

/// Adds the routes of the controllers in a file.
pub(super) fn read(tokens: &Tokens<'_>, facts: &mut Facts) {
    for at in 0..tokens.len() {
        if tokens.is_punct(at, ".")
            && let Some(("setGlobalPrefix", open)) = tokens.method(at)
        {
            facts.application_prefix = tokens.string(open + 1).map(str::to_owned);
        }
        if tokens.is_punct(at, "@") && tokens.is_word(at + 1, "Controller") && tokens.is_punct(at + 2, "(") {
            controller(tokens, at + 2, facts);
        }
    }
}

fn controller(tokens: &Tokens<'_>, open: usize, facts: &mut Facts) {
    let close = tokens.matching(open);
    let prefixes = tokens.named(open + 1, "path").unwrap_or(open + 1..close);
    let prefixes: Vec<&str> = prefixes.filter_map(|at| tokens.string(at)).collect();
    let prefixes = if prefixes.is_empty() { vec![""] } else { prefixes };
    let Some(class) = (close..close + MAX_DISTANCE).find(|at| tokens.is_word(*at, "class")) else { return };
    let Some(body) = (class..class + MAX_DISTANCE).find(|at| tokens.is_punct(*at, "{")) else { return };
    let mut at = body + 1;
    while at < tokens.matching(body) {
        if tokens.is_punct(at, "@")
            && let Some(name) = tokens.word(at + 1)
        {
            let method = if name == "All" { ANY } else { name };
            let is_method = method == ANY || METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
            if is_method && tokens.is_punct(at + 2, "(") {
                add(tokens, at, method, &prefixes, facts);
            }
        }
        at = tokens.after(at);
    }
}

fn add(tokens: &Tokens<'_>, at: usize, method: &str, prefixes: &[&str], facts: &mut Facts) {
    let close = tokens.matching(at + 2);
    let paths: Vec<&str> = (at + 3..close).filter_map(|at| tokens.string(at)).collect();
    let paths = if paths.is_empty() { vec![""] } else { paths };
    let handler = decorated_method(tokens, close + 1).unwrap_or_default();
    for path in prefixes.iter().flat_map(|prefix| paths.iter().map(move |path| joined(prefix, path))) {
        facts.add(method, &path, tokens.line(at), handler, vec![OWNER.to_owned()]);
    }
}

/// The name of the method after the other decorators.
fn decorated_method<'a>(tokens: &Tokens<'a>, from: usize) -> Option<&'a str> {
    let mut at = from;
    while at < from + MAX_DISTANCE {
        if tokens.is_punct(at, "@") {
            at += 2;
            if tokens.is_punct(at, "(") {
                at = tokens.matching(at) + 1;
            }
        } else if tokens.word(at).is_some() && tokens.is_punct(at + 1, "(") {
            return tokens.word(at);
        } else {
            at += 1;
        }
    }
    None
}
