//! The facts that code declares about routes: the routes themselves, and the prefixes under which routers are mounted.

use std::collections::BTreeMap;

use deckwatch_protocol::cut;

use crate::lex::Tokens;

/// The HTTP methods.
pub(super) const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
/// The method of a route that answers all methods, or those that its handler selects.
pub(super) const ANY: &str = "ANY";
/// The maximum number of prefix regions of one file. Files that people write have fewer.
const MAX_REGIONS: usize = 1_000;
/// The maximum number of routes, and of mounts, of one file. Files that people write have fewer.
const MAX_ROUTES: usize = 2_000;
/// The maximum length of a handler, in characters.
const MAX_HANDLER_CHARS: usize = 80;

/// A route as a file declares it, without the prefixes of the routers above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) handler: String,
    /// The names of the router that the route belongs to, the most specific first: a variable, then the function around
    /// it.
    pub(super) owners: Vec<String>,
}

/// A router that is mounted on another router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The names of the router on which the child is mounted.
    pub(super) parents: Vec<String>,
    pub(super) prefix: String,
    pub(super) child: Reference,
    /// Whether the prefix replaces the child's own prefix.
    pub(super) replaces: bool,
}

/// The name by which a file refers to a router, with its module if it has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// The folders and the file, without extension. Empty if the name belongs to the same file. A relative module of
    /// JavaScript starts with `.`.
    pub(super) module: Vec<String>,
    /// The name in the module. `None` for the module itself.
    pub(super) name: Option<String>,
}

impl Reference {
    /// `a::b::c`, `a.b.c` or `c`.
    pub(super) fn path(mut parts: Vec<String>) -> Self {
        let name = parts.pop();
        Self { module: parts, name }
    }
}

/// The routes and mounts of a file.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) routes: Vec<Route>,
    pub(super) mounts: Vec<Mount>,
    /// The prefixes with which routers were created, by router.
    pub(super) own_prefixes: BTreeMap<String, String>,
    /// The names that this file gives to the routers of other files.
    pub(super) imports: BTreeMap<String, Reference>,
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.mounts.is_empty()
    }

    /// Whether the limit of routes or mounts is reached, so that reading can stop.
    pub(super) fn is_full(&self) -> bool {
        self.routes.len() >= MAX_ROUTES || self.mounts.len() >= MAX_ROUTES
    }

    /// Adds a route. A handler that is a closure has no name.
    pub(super) fn add(&mut self, method: &str, path: &str, line: usize, handler: &str, owners: Vec<String>) {
        let is_closure = ["|", "move ", "async ", "lambda "].iter().any(|start| handler.starts_with(start));
        let handler =
            if is_closure { String::new() } else { cut::with_ellipsis(handler, MAX_HANDLER_CHARS).into_owned() };
        if self.routes.len() < MAX_ROUTES {
            self.routes.push(Route { method: method.to_uppercase(), path: path.to_owned(), line, handler, owners });
        }
    }

    pub(super) fn mount(&mut self, parents: Vec<String>, prefix: &str, child: Reference) {
        if self.mounts.len() < MAX_ROUTES {
            self.mounts.push(Mount { parents, prefix: prefix.to_owned(), child, replaces: false });
        }
    }
}

/// The parts of a file in which every path gets a prefix, because a call with the prefix encloses them.
#[derive(Debug, Default)]
pub(super) struct Regions(Vec<(usize, usize, String)>);

impl Regions {
    /// Adds the prefix to every path between two positions.
    pub(super) fn add(&mut self, start: usize, end: usize, prefix: &str) {
        if self.0.len() < MAX_REGIONS {
            self.0.push((start, end, prefix.to_owned()));
        }
    }

    /// The path with the prefixes of all regions around `at`. The outermost prefix comes first.
    pub(super) fn path(&self, at: usize, path: &str) -> String {
        let mut around: Vec<_> = self.0.iter().filter(|(start, end, _)| *start < at && at < *end).collect();
        around.sort_by_key(|(start, _, _)| *start);
        around.iter().rev().take(8).fold(path.to_owned(), |path, (_, _, prefix)| joined(prefix, &path))
    }
}

/// Joins a prefix and a path with one slash between them.
pub(super) fn joined(prefix: &str, path: &str) -> String {
    match (prefix.trim_end_matches('/'), path.trim_start_matches('/')) {
        ("", path) => format!("/{path}"),
        (prefix, "") => format!("/{}", prefix.trim_start_matches('/')),
        (prefix, path) => format!("/{}/{path}", prefix.trim_start_matches('/')),
    }
}

/// The names of the router before the dot: the variable with its function, the variable alone, and the function.
pub(super) fn owners(tokens: &Tokens<'_>, dot: usize) -> Vec<String> {
    let last = dot.saturating_sub(1);
    let start = tokens.expression_start(last);
    let is_variable = (start..=last).all(|at| tokens.word(at).is_some() || tokens.is_punct(at, "."))
        && !tokens.word(last).is_some_and(|word| word.starts_with(char::is_uppercase));
    let variable = if is_variable {
        tokens.word(last)
    } else {
        assigned_variable(tokens, start).or_else(|| chain_variable(tokens, start))
    };
    scoped_names(tokens, dot, variable)
}

/// The names for a variable at a position: `function/variable`, the variable, and the function.
pub(super) fn scoped_names(tokens: &Tokens<'_>, at: usize, variable: Option<&str>) -> Vec<String> {
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
fn chain_variable<'a>(tokens: &Tokens<'a>, start: usize) -> Option<&'a str> {
    tokens.word(start).filter(|word| tokens.is_punct(start + 1, ".") && word.starts_with(char::is_lowercase))
}

/// The variable to which the expression at `start` is assigned.
pub(super) fn assigned_variable<'a>(tokens: &Tokens<'a>, start: usize) -> Option<&'a str> {
    let mut before = start.checked_sub(1)?;
    while tokens.word(before).is_some_and(|word| matches!(word, "new" | "await")) || tokens.is_punct(before, "&") {
        before = before.checked_sub(1)?;
    }
    if !tokens.is_punct(before, "=") {
        return None;
    }
    let declared = (before.saturating_sub(16)..before).rev();
    let is_declaration =
        |at: &usize| tokens.word(*at).is_some_and(|word| matches!(word, "let" | "const" | "var" | "static"));
    if let Some(keyword) = declared.take_while(|at| !tokens.is_punct(*at, ";")).find(is_declaration) {
        let name = if tokens.is_word(keyword + 1, "mut") { keyword + 2 } else { keyword + 1 };
        return tokens.word(name);
    }
    // `name := …` of Go, `name = …` of Python.
    let name =
        if before > 0 && tokens.is_punct(before - 1, ":") { before.checked_sub(2)? } else { before.checked_sub(1)? };
    tokens.word(name)
}
