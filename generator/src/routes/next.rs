//! Reads routes of Next.js. A file is a route because of its path: `app/**/route.ts` and `pages/api/**`.

use std::collections::BTreeSet;

use super::model::{ANY, Facts, METHODS};
use crate::lex::{Language, Tokens};
use crate::paths;

/// The path that a file serves. `None` if the file is not a route.
pub(super) fn path_of(file: &str) -> Option<String> {
    let parts: Vec<&str> = paths::stem(file).split('/').collect();
    let name = *parts.last()?;
    if name == "route" {
        let app = parts.iter().position(|part| *part == "app")?;
        return Some(path(parts.get(app + 1..parts.len() - 1)?));
    }
    let pages = parts.windows(2).position(|two| matches!(two, ["pages", "api"]))?;
    let end = if name == "index" { parts.len() - 1 } else { parts.len() };
    Some(path(parts.get(pages + 1..end)?))
}

/// The URL path for these folders. Groups `(…)` and slots `@…` are left out; `[id]` becomes a parameter.
fn path(parts: &[&str]) -> String {
    let segment = |part: &&str| {
        let inside = part.trim_matches(['[', ']']);
        match part.chars().next() {
            Some('(' | '@') => None,
            Some('[') => Some(
                inside.strip_prefix("...").map_or_else(|| format!("{{{inside}}}"), |rest| format!("{{{rest}...}}")),
            ),
            _ => Some((*part).to_owned()),
        }
    };
    format!("/{}", parts.iter().filter_map(segment).collect::<Vec<_>>().join("/"))
}

/// Adds the routes of a file, if its path makes it a route.
pub(super) fn read(file: &str, text: &str, facts: &mut Facts) {
    let Some(path) = path_of(file) else { return };
    let tokens = Tokens::of(text, Language::JavaScript);
    let is_route_file = paths::stem(paths::name(file)) == "route";
    let methods = if is_route_file { exported_methods(&tokens) } else { methods_of_default_handler(&tokens) };
    for (method, line) in methods {
        facts.add(method, &path, line, "", Vec::new());
    }
}

/// `export async function GET`, `export const GET`, `export { handler as GET }`.
fn exported_methods<'a>(tokens: &Tokens<'a>) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !tokens.is_word(at, "export") {
            continue;
        }
        let names = if tokens.is_punct(at + 1, "{") { at + 2..tokens.matching(at + 1) } else { at + 1..at + 4 };
        let is_declaration =
            tokens.is_punct(at + 1, "{") || matches!(tokens.word(at + 1), Some("async" | "function" | "const" | "let"));
        let names = names.filter_map(|at| Some((tokens.word(at)?, tokens.line(at))));
        found.extend(names.filter(|(name, _)| is_declaration && METHODS.contains(name)));
    }
    found
}

/// The methods that the default handler compares the request with, or `ANY` if it compares with none.
fn methods_of_default_handler<'a>(tokens: &Tokens<'a>) -> Vec<(&'a str, usize)> {
    let compared = |at: &usize| *at > 2 && (tokens.is_punct(at - 1, "=") || tokens.is_word(at - 1, "case"));
    let methods = (0..tokens.len()).filter(compared).filter_map(|at| tokens.string(at));
    let methods: BTreeSet<&str> = methods.filter(|text| METHODS.contains(text)).collect();
    let line = (0..tokens.len()).find(|at| tokens.is_word(*at, "default")).map(|at| tokens.line(at));
    match line {
        Some(line) if methods.is_empty() => vec![(ANY, line)],
        Some(line) => methods.into_iter().map(|method| (method, line)).collect(),
        None => Vec::new(),
    }
}
