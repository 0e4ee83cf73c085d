//! Reads routes from Rust code: axum, actix-web, rocket, warp, the router of Cloudflare Workers, matchit, and tables of
//! methods and paths.

use std::ops::Range;

use super::model::{ANY, Facts, METHODS, Reference, Regions, owners, scoped_names};
use crate::lex::{Language, Tokens};

/// Texts of which a file with routes contains at least one.
pub(super) const MARKERS: [&str; 8] =
    [".route(", "#[get(", "#[post(", "#[put(", "Router::", "path!(", "\"GET\" \"/", "matchit"];
/// The maximum number of tokens from a filter of warp to the end of its statement.
const MAX_STATEMENT_TOKENS: usize = 400;

/// Reads the routes and mounts of a file.
pub(super) fn read(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::Rust);
    let mut reader = Reader { tokens: &tokens, regions: Regions::default(), facts: Facts::default() };
    let mut tests: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() && !reader.facts.is_full() {
        if let Some(end) = test_module(&tokens, at) {
            tests.push(at..end);
            at = end;
            continue;
        }
        reader.attribute(at);
        reader.scope(at);
        reader.call(at, text);
        reader.table_row(at);
        reader.warp(at);
        at += 1;
    }
    reader.facts
}

/// The end of the test module that starts at `at`. `None` if none starts there.
fn test_module(tokens: &Tokens<'_>, at: usize) -> Option<usize> {
    let is_test = tokens.is_punct(at, "#[") && tokens.is_word(at + 2, "cfg") && tokens.is_word(at + 4, "test");
    let keyword = at + 7;
    (is_test && tokens.is_word(keyword, "mod") && tokens.is_punct(keyword + 2, "{"))
        .then(|| tokens.matching(keyword + 2))
}

struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    regions: Regions,
    facts: Facts,
}

impl Reader<'_> {
    /// `#[get("/path")] async fn handler`.
    fn attribute(&mut self, at: usize) {
        let tokens = self.tokens;
        if !tokens.is_punct(at, "#[") {
            return;
        }
        let close = tokens.matching(at + 1);
        let Some(open) = (at + 2..close.min(at + 12)).find(|at| tokens.is_punct(*at, "(")) else { return };
        let Some(name) = tokens.word(open - 1) else { return };
        let arguments = tokens.arguments(open);
        let texts: Vec<&str> = arguments.iter().filter_map(|argument| tokens.only_string(argument)).collect();
        let Some(path) = texts.first() else { return };
        let function = (close..close + 80).find(|at| tokens.is_word(*at, "fn"));
        let Some(handler) = function.and_then(|at| tokens.word(at + 1)) else { return };
        let method = if name == "route" {
            let named = tokens.named(open, "method").and_then(|value| tokens.only_string(&value));
            named.or_else(|| tokens.word(open + 1)).unwrap_or(ANY)
        } else {
            name
        };
        if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            self.facts.add(method, path, tokens.line(at), handler, vec![handler.to_owned()]);
        }
    }

    /// `web::scope("/prefix").service(…)` of actix: all routes in the scope have the prefix.
    fn scope(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some(open) = tokens.call_after(at) else { return };
        let Some(path) = tokens.arguments(open).first().and_then(|path| tokens.only_string(path)) else { return };
        match tokens.word(at) {
            Some("scope") => self.regions.add(open, chain_end(tokens, open), path),
            Some("resource") if tokens.is_punct(at.saturating_sub(2), "::") => self.resource(at, open, path),
            _ => {}
        }
    }

    /// `web::resource("/path").route(web::get().to(handler))`.
    fn resource(&mut self, at: usize, open: usize, path: &str) {
        let tokens = self.tokens;
        let end = chain_end(tokens, open);
        let path = self.regions.path(at, path);
        let before = self.facts.routes.len();
        let names = scoped_names(tokens, at, None);
        self.methods(open..end, &path, tokens.line(at), &names);
        if self.facts.routes.len() == before {
            let to = (open..end).find(|at| tokens.is_punct(*at, ".") && tokens.is_word(at + 1, "to"));
            let handler = to.map(|dot| tokens.source(dot + 3..tokens.matching(dot + 2))).unwrap_or_default();
            self.facts.add(ANY, &path, tokens.line(at), &handler, names);
        }
    }

    /// `.route("/path", get(handler))` and the other calls on a router.
    fn call(&mut self, dot: usize, text: &str) {
        let tokens = self.tokens;
        let Some((name, open)) = tokens.method(dot) else { return };
        let arguments = tokens.arguments(open);
        let Some(first) = arguments.first() else { return };
        let path = tokens.only_string(first);
        let second = arguments.get(1).cloned();
        let line = tokens.line(dot + 1);
        match (name, path, second) {
            ("route" | "route_with_tsr", Some(path), Some(handlers)) => {
                let names = owners(tokens, dot);
                let path = self.regions.path(dot, path);
                let before = self.facts.routes.len();
                self.methods(handlers.clone(), &path, line, &names);
                if self.facts.routes.len() == before {
                    self.facts.add(ANY, &path, line, &tokens.source(handlers), names);
                }
            }
            ("route_service", Some(path), Some(service)) => {
                self.facts.add(ANY, path, line, &tokens.source(service), owners(tokens, dot));
            }
            ("nest" | "nest_service", Some(prefix), Some(router)) => self.mount(dot, prefix, &router),
            ("merge" | "service" | "configure", None, None) => {
                let prefix = self.regions.path(dot, "");
                self.mount(dot, &prefix, first);
            }
            ("mount", Some(prefix), Some(list)) if tokens.is_punct(list.start + 1, "![") => {
                for handler in tokens.arguments(list.start + 2) {
                    self.mount(dot, prefix, &handler);
                }
            }
            ("insert", Some(path), Some(value)) if path.starts_with('/') && text.contains("matchit") => {
                self.facts.add(ANY, path, line, &tokens.source(value), owners(tokens, dot));
            }
            (method, Some(path), Some(handler)) if path.starts_with('/') && text.contains("Router::") => {
                let method = method.trim_end_matches("_async");
                if let Some(method) = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method)) {
                    self.facts.add(method, path, line, &tokens.source(handler), owners(tokens, dot));
                }
            }
            _ => {}
        }
    }

    /// Adds a route for every `get(handler)`, `web::get().to(handler)` and `on(MethodFilter::GET, handler)` in a range.
    fn methods(&mut self, range: Range<usize>, path: &str, line: usize, names: &[String]) {
        let tokens = self.tokens;
        let mut at = range.start;
        while at < range.end {
            let call = tokens.word(at).zip(tokens.call_after(at));
            let Some((word, open)) = call else {
                at += 1;
                continue;
            };
            let close = tokens.matching(open);
            let method = word.trim_end_matches("_service");
            if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) || method == "any" {
                let mut handler = tokens.source(open + 1..close);
                if handler.is_empty() {
                    let to = (close..close + 200).take_while(|at| *at < range.end).find(|at| tokens.is_word(*at, "to"));
                    handler = to.map(|to| tokens.source(to + 2..tokens.matching(to + 1))).unwrap_or_default();
                }
                self.facts.add(method, path, line, &handler, names.to_vec());
            } else if word == "on" {
                let filters = (open..close).filter_map(|at| tokens.word(at)).filter(|word| METHODS.contains(word));
                let filters: Vec<&str> = filters.collect();
                let handler = tokens.arguments(open).get(1).cloned().map(|handler| tokens.source(handler));
                let handler = handler.unwrap_or_default();
                for method in &filters {
                    self.facts.add(method, path, line, &handler, names.to_vec());
                }
            }
            // The arguments of a wrapper may contain more methods. The arguments of a handler contain none.
            at = if matches!(word, "route" | "with" | "wrap") { open + 1 } else { close + 1 };
        }
    }

    /// A router or handler that is mounted on another router: `users::router()`, `api`, `list`.
    fn mount(&mut self, dot: usize, prefix: &str, child: &Range<usize>) {
        let tokens = self.tokens;
        let parts: Vec<String> = child
            .clone()
            .take_while(|at| tokens.word(*at).is_some() || tokens.is_punct(*at, ":"))
            .filter_map(|at| tokens.word(at))
            .map(str::to_owned)
            .collect();
        let is_inline = parts.first().is_some_and(|first| matches!(first.as_str(), "web" | "Router" | "OpenApiRouter"));
        if parts.is_empty() || is_inline {
            return;
        }
        let mut child = Reference::path(parts);
        if let (true, Some(name), Some(function)) = (child.module.is_empty(), child.name.as_ref(), tokens.function(dot))
        {
            let local = format!("{function}/{name}");
            if self.facts.routes.iter().any(|route| route.owners.contains(&local)) {
                child.name = Some(local);
            }
        }
        self.facts.mount(owners(tokens, dot), prefix, child);
    }

    /// A row of a table of routes: `"GET" "/path"`, `(Method::GET, "/path", …)`. The arguments of a call are not a row.
    fn table_row(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some(method) = tokens.string(at).or_else(|| tokens.word(at)).filter(|word| METHODS.contains(word)) else {
            return;
        };
        let path = if tokens.is_punct(at + 1, ",") { at + 2 } else { at + 1 };
        let Some(text) = tokens.string(path).filter(|text| text.starts_with('/')) else { return };
        let start = tokens.expression_start(at);
        let opens = start.checked_sub(1).filter(|before| tokens.is_punct(*before, "("));
        let is_call =
            opens.is_some_and(|open| open > 0 && (tokens.word(open - 1).is_some() || tokens.is_punct(open - 1, "!")));
        let in_list = start.checked_sub(1).is_some_and(|before| tokens.is_punct(before, ","));
        if !is_call && !in_list && !tokens.is_punct(at + 1, "=") {
            // The word before the row is its name, as in the table of a macro.
            let name = start.checked_sub(1).and_then(|before| tokens.string(before).or_else(|| tokens.word(before)));
            self.facts.add(method, text, tokens.line(at), name.unwrap_or_default(), Vec::new());
        }
    }

    /// `warp::path!("a" / u32).and(warp::get())`.
    fn warp(&mut self, at: usize) {
        let tokens = self.tokens;
        if !(tokens.is_word(at, "path") && tokens.is_punct(at + 1, "!(")) {
            return;
        }
        let close = tokens.matching(at + 2);
        let parts = (at + 3..close).filter_map(|at| {
            tokens.string(at).map(str::to_owned).or_else(|| tokens.word(at).map(|kind| format!("{{{kind}}}")))
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let end = (close..close + MAX_STATEMENT_TOKENS)
            .find(|at| tokens.is_punct(*at, ";") || tokens.is_punct(*at, "}"))
            .unwrap_or(close);
        let method = (close..end).filter_map(|at| tokens.word(at).filter(|_| tokens.is_punct(at + 1, "()")));
        let method = method.into_iter().find(|word| METHODS.iter().any(|known| known.eq_ignore_ascii_case(word)));
        self.facts.add(method.unwrap_or(ANY), &path, tokens.line(at), "", scoped_names(tokens, at, None));
    }
}

/// The end of the chain of calls that starts with the call whose bracket opens at `open`.
fn chain_end(tokens: &Tokens<'_>, open: usize) -> usize {
    let mut close = tokens.matching(open);
    while let Some((_, next)) = tokens.method(close + 1) {
        close = tokens.matching(next);
    }
    close + 1
}
