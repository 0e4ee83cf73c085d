//! Routes in Rust: axum, actix-web, rocket, warp, the router of Cloudflare Workers, matchit, and
//! tables of methods and paths.

use std::ops::Range;

use super::model::{ANY, Facts, METHODS, Reference, Regions, owners, scoped};
use crate::lex::{Language, Tokens};

/// What a file with routes has in it.
pub(super) const SIGNS: [&str; 8] =
    [".route(", "#[get(", "#[post(", "#[put(", "Router::", "path!(", "\"GET\" \"/", "matchit"];
/// Tokens from a filter of warp to the end of its statement.
const STATEMENT: usize = 400;

/// What a file says about routes.
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
        reader.row(at);
        reader.warp(at);
        at += 1;
    }
    reader.facts
}

/// The end of the module for tests that starts here.
fn test_module(tokens: &Tokens<'_>, at: usize) -> Option<usize> {
    let is_test = tokens.is(at, "#[") && tokens.is_word(at + 2, "cfg") && tokens.is_word(at + 4, "test");
    let keyword = at + 7;
    (is_test && tokens.is_word(keyword, "mod") && tokens.is(keyword + 2, "{")).then(|| tokens.partner(keyword + 2))
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
        if !tokens.is(at, "#[") {
            return;
        }
        let close = tokens.partner(at + 1);
        let Some(open) = (at + 2..close.min(at + 12)).find(|at| tokens.is(*at, "(")) else { return };
        let Some(name) = tokens.word(open - 1) else { return };
        let arguments = tokens.arguments(open);
        let texts: Vec<&str> = arguments.iter().filter_map(|argument| tokens.only_text(argument)).collect();
        let Some(path) = texts.first() else { return };
        let function = (close..close + 80).find(|at| tokens.is_word(*at, "fn"));
        let Some(handler) = function.and_then(|at| tokens.word(at + 1)) else { return };
        let method = if name == "route" {
            let named = tokens.named(open, "method").and_then(|value| tokens.only_text(&value));
            named.or_else(|| tokens.word(open + 1)).unwrap_or(ANY)
        } else {
            name
        };
        if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            self.facts.add(method, path, tokens.line(at), handler, vec![handler.to_owned()]);
        }
    }

    /// `web::scope("/prefix").service(…)` of actix: what hangs on it has the prefix.
    fn scope(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some(open) = tokens.call_after(at) else { return };
        let Some(path) = tokens.arguments(open).first().and_then(|path| tokens.only_text(path)) else { return };
        match tokens.word(at) {
            Some("scope") => self.regions.add(open, chain_end(tokens, open), path),
            Some("resource") if tokens.is(at.saturating_sub(2), "::") => self.resource(at, open, path),
            _ => {}
        }
    }

    /// `web::resource("/path").route(web::get().to(handler))`.
    fn resource(&mut self, at: usize, open: usize, path: &str) {
        let tokens = self.tokens;
        let end = chain_end(tokens, open);
        let path = self.regions.path(at, path);
        let before = self.facts.routes.len();
        let names = scoped(tokens, at, None);
        self.methods(open..end, &path, tokens.line(at), &names);
        if self.facts.routes.len() == before {
            let to = (open..end).find(|at| tokens.is(*at, ".") && tokens.is_word(at + 1, "to"));
            let handler = to.map(|dot| tokens.source(dot + 3..tokens.partner(dot + 2))).unwrap_or_default();
            self.facts.add(ANY, &path, tokens.line(at), &handler, names);
        }
    }

    /// `.route("/path", get(handler))` and everything else that hangs on a router.
    fn call(&mut self, dot: usize, text: &str) {
        let tokens = self.tokens;
        let Some((name, open)) = tokens.method(dot) else { return };
        let arguments = tokens.arguments(open);
        let Some(first) = arguments.first() else { return };
        let path = tokens.only_text(first);
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
            ("mount", Some(prefix), Some(list)) if tokens.is(list.start + 1, "![") => {
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

    /// Every `get(handler)`, `web::get().to(handler)` and `on(MethodFilter::GET, handler)` in a range.
    fn methods(&mut self, range: Range<usize>, path: &str, line: usize, names: &[String]) {
        let tokens = self.tokens;
        let mut at = range.start;
        while at < range.end {
            let call = tokens.word(at).zip(tokens.call_after(at));
            let Some((word, open)) = call else {
                at += 1;
                continue;
            };
            let close = tokens.partner(open);
            let method = word.trim_end_matches("_service");
            if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) || method == "any" {
                let mut handler = tokens.source(open + 1..close);
                if handler.is_empty() {
                    let to = (close..close + 200).take_while(|at| *at < range.end).find(|at| tokens.is_word(*at, "to"));
                    handler = to.map(|to| tokens.source(to + 2..tokens.partner(to + 1))).unwrap_or_default();
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
            // What a handler is wrapped into has methods in it; what the handler is called with has none.
            at = if matches!(word, "route" | "with" | "wrap") { open + 1 } else { close + 1 };
        }
    }

    /// A router or handler that another one takes in: `users::router()`, `api`, `list`.
    fn mount(&mut self, dot: usize, prefix: &str, child: &Range<usize>) {
        let tokens = self.tokens;
        let parts: Vec<String> = child
            .clone()
            .take_while(|at| tokens.word(*at).is_some() || tokens.is(*at, ":"))
            .filter_map(|at| tokens.word(at))
            .map(str::to_owned)
            .collect();
        let is_made_here =
            parts.first().is_some_and(|first| matches!(first.as_str(), "web" | "Router" | "OpenApiRouter"));
        if parts.is_empty() || is_made_here {
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

    /// A row of a table: `"GET" "/path"`, `(Method::GET, "/path", …)`, but not the arguments of a call.
    fn row(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some(method) = tokens.text(at).or_else(|| tokens.word(at)).filter(|word| METHODS.contains(word)) else {
            return;
        };
        let path = if tokens.is(at + 1, ",") { at + 2 } else { at + 1 };
        let Some(text) = tokens.text(path).filter(|text| text.starts_with('/')) else { return };
        let start = tokens.expression_start(at);
        let opens = start.checked_sub(1).filter(|before| tokens.is(*before, "("));
        let is_call =
            opens.is_some_and(|open| open > 0 && (tokens.word(open - 1).is_some() || tokens.is(open - 1, "!")));
        let in_list = start.checked_sub(1).is_some_and(|before| tokens.is(before, ","));
        if !is_call && !in_list && !tokens.is(at + 1, "=") {
            // The word before the row names it, as in a macro's table.
            let name = start.checked_sub(1).and_then(|before| tokens.text(before).or_else(|| tokens.word(before)));
            self.facts.add(method, text, tokens.line(at), name.unwrap_or_default(), Vec::new());
        }
    }

    /// `warp::path!("a" / u32).and(warp::get())`.
    fn warp(&mut self, at: usize) {
        let tokens = self.tokens;
        if !(tokens.is_word(at, "path") && tokens.is(at + 1, "!(")) {
            return;
        }
        let close = tokens.partner(at + 2);
        let parts = (at + 3..close).filter_map(|at| {
            tokens.text(at).map(str::to_owned).or_else(|| tokens.word(at).map(|kind| format!("{{{kind}}}")))
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let end = (close..close + STATEMENT).find(|at| tokens.is(*at, ";") || tokens.is(*at, "}")).unwrap_or(close);
        let method = (close..end).filter_map(|at| tokens.word(at).filter(|_| tokens.is(at + 1, "()")));
        let method = method.into_iter().find(|word| METHODS.iter().any(|known| known.eq_ignore_ascii_case(word)));
        self.facts.add(method.unwrap_or(ANY), &path, tokens.line(at), "", scoped(tokens, at, None));
    }
}

/// Where the chain of calls ends that starts with the call whose bracket opens at `open`.
fn chain_end(tokens: &Tokens<'_>, open: usize) -> usize {
    let mut close = tokens.partner(open);
    while let Some((_, next)) = tokens.method(close + 1) {
        close = tokens.partner(next);
    }
    close + 1
}
