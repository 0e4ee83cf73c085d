//! What code says about routes: the routes themselves, and which router hangs below which prefix.

use std::collections::BTreeMap;

use crate::document::shortened;
use crate::lex::Tokens;

/// The methods of HTTP.
pub(super) const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
/// Said where a route answers to every method, or to those that its handler picks.
pub(super) const ANY: &str = "ANY";
/// Prefixes, routes and mounts of one file. More are not written by hand.
const REGIONS: usize = 1_000;
const ROUTES: usize = 2_000;
/// Characters of a handler.
const HANDLER: usize = 80;

/// A route as it stands in a file, without the prefixes of what it hangs below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) handler: String,
    /// Names of the router that it hangs on, the nearest first: a variable, then the function around it.
    pub(super) owners: Vec<String>,
}

/// A router that hangs below a prefix of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// Names of the router above.
    pub(super) parents: Vec<String>,
    pub(super) prefix: String,
    pub(super) child: Reference,
    /// Whether the child's own prefix is not to be added.
    pub(super) replaces: bool,
}

/// How a file names a router: in a module, or by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// The folders and the file, without endings. Empty for a name of the file itself. In JavaScript
    /// it starts with `.` where it is relative.
    pub(super) module: Vec<String>,
    /// Nothing for what the module is all about.
    pub(super) name: Option<String>,
}

impl Reference {
    /// `a::b::c`, `a.b.c` or `c`.
    pub(super) fn path(mut parts: Vec<String>) -> Self {
        let name = parts.pop();
        Self { module: parts, name }
    }

    pub(super) fn module(parts: Vec<String>) -> Self {
        Self { module: parts, name: None }
    }
}

/// What a file says about routes.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) routes: Vec<Route>,
    pub(super) mounts: Vec<Mount>,
    /// Prefixes that routers were made with.
    pub(super) own: BTreeMap<String, String>,
    /// What other files' routers are called here.
    pub(super) imports: BTreeMap<String, Reference>,
    /// A prefix before every route of the application around the file.
    pub(super) application_prefix: Option<String>,
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.mounts.is_empty() && self.application_prefix.is_none()
    }

    /// Whether nothing more is taken in, so that reading on is in vain.
    pub(super) fn is_full(&self) -> bool {
        self.routes.len() >= ROUTES || self.mounts.len() >= ROUTES
    }

    /// Adds a route. A handler that is written in place has no name.
    pub(super) fn add(&mut self, method: &str, path: &str, line: usize, handler: &str, owners: Vec<String>) {
        let is_in_place = ["|", "move ", "async ", "lambda "].iter().any(|start| handler.starts_with(start));
        let handler = if is_in_place { String::new() } else { shortened(handler, HANDLER) };
        if self.routes.len() < ROUTES {
            self.routes.push(Route { method: method.to_uppercase(), path: path.to_owned(), line, handler, owners });
        }
    }

    pub(super) fn mount(&mut self, parents: Vec<String>, prefix: &str, child: Reference) {
        if self.mounts.len() < ROUTES {
            self.mounts.push(Mount { parents, prefix: prefix.to_owned(), child, replaces: false });
        }
    }
}

/// Parts of a file in which every path has a prefix, because of what they stand in.
#[derive(Debug, Default)]
pub(super) struct Regions(Vec<(usize, usize, String)>);

impl Regions {
    /// Gives every path between two places the prefix.
    pub(super) fn add(&mut self, start: usize, end: usize, prefix: &str) {
        if self.0.len() < REGIONS {
            self.0.push((start, end, prefix.to_owned()));
        }
    }

    /// `path` with the prefixes of all regions around `at`, the outermost first.
    pub(super) fn path(&self, at: usize, path: &str) -> String {
        let mut around: Vec<_> = self.0.iter().filter(|(start, end, _)| *start < at && at < *end).collect();
        around.sort_by_key(|(start, _, _)| *start);
        around.iter().rev().take(8).fold(path.to_owned(), |path, (_, _, prefix)| joined(prefix, &path))
    }
}

/// One path below another, with one slash between them.
pub(super) fn joined(prefix: &str, path: &str) -> String {
    match (prefix.trim_end_matches('/'), path.trim_start_matches('/')) {
        ("", path) => format!("/{path}"),
        (prefix, "") => format!("/{}", prefix.trim_start_matches('/')),
        (prefix, path) => format!("/{}/{path}", prefix.trim_start_matches('/')),
    }
}

/// Names of the router before the point at `dot`: the variable, within its function and by itself,
/// and the function.
pub(super) fn owners(tokens: &Tokens<'_>, dot: usize) -> Vec<String> {
    let last = dot.saturating_sub(1);
    let start = tokens.expression_start(last);
    let is_variable = (start..=last).all(|at| tokens.word(at).is_some() || tokens.is(at, "."))
        && !tokens.word(last).is_some_and(|word| word.starts_with(char::is_uppercase));
    let variable = if is_variable { tokens.word(last) } else { bound(tokens, start).or_else(|| base(tokens, start)) };
    scoped(tokens, dot, variable)
}

/// The names under which a variable of a place may be known elsewhere.
pub(super) fn scoped(tokens: &Tokens<'_>, at: usize, variable: Option<&str>) -> Vec<String> {
    let function = tokens.function(at);
    let mut names = Vec::new();
    if let Some(variable) = variable {
        names.extend(function.map(|function| format!("{function}/{variable}")));
        names.push(variable.to_owned());
    }
    names.extend(function.map(str::to_owned));
    names
}

/// The variable that a chain of calls starts with.
fn base<'a>(tokens: &Tokens<'a>, start: usize) -> Option<&'a str> {
    tokens.word(start).filter(|word| tokens.is(start + 1, ".") && word.starts_with(char::is_lowercase))
}

/// The variable that gets the value of the expression at `start`.
pub(super) fn bound<'a>(tokens: &Tokens<'a>, start: usize) -> Option<&'a str> {
    let mut before = start.checked_sub(1)?;
    while tokens.word(before).is_some_and(|word| matches!(word, "new" | "await")) || tokens.is(before, "&") {
        before = before.checked_sub(1)?;
    }
    if !tokens.is(before, "=") {
        return None;
    }
    let declared = (before.saturating_sub(16)..before).rev();
    let is_declaration =
        |at: &usize| tokens.word(*at).is_some_and(|word| matches!(word, "let" | "const" | "var" | "static"));
    if let Some(keyword) = declared.take_while(|at| !tokens.is(*at, ";")).find(is_declaration) {
        let name = if tokens.is_word(keyword + 1, "mut") { keyword + 2 } else { keyword + 1 };
        return tokens.word(name);
    }
    // `name := …` of Go, `name = …` of Python.
    let name = if before > 0 && tokens.is(before - 1, ":") { before.checked_sub(2)? } else { before.checked_sub(1)? };
    tokens.word(name)
}
