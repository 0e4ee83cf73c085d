//! Reads routes from Go code: net/http with and without methods in its patterns, chi, gin, echo, fiber, gorilla/mux.

use std::collections::BTreeSet;
use std::ops::Range;

use super::model::{ANY, Facts, METHODS, Reference, Regions, assigned_variable, owners, scoped_names};
use crate::lex::{Language, Tokens};

/// Texts of which a file with routes contains at least one.
pub(super) const MARKERS: [&str; 6] = [".Handle", "(\"/", ".GET(", ".Group(", ".Mount(", ".Route("];

/// Reads the routes and mounts of a file.
pub(super) fn read(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::Go);
    let mut reader =
        Reader { tokens: &tokens, regions: Regions::default(), routers: BTreeSet::new(), facts: Facts::default() };
    for at in 0..tokens.len() {
        if reader.facts.is_full() {
            break;
        }
        reader.constructor(at);
        reader.call(at);
        reader.router_arguments(at);
    }
    reader.facts
}

struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    regions: Regions,
    /// The variables that contain a router.
    routers: BTreeSet<String>,
    facts: Facts,
}

impl Reader<'_> {
    /// `r := chi.NewRouter()`, `gin.Default()`, `echo.New()`, `http.NewServeMux()`, `mux.NewRouter()`.
    fn constructor(&mut self, dot: usize) {
        let tokens = self.tokens;
        let Some((name, _)) = tokens.method(dot) else { return };
        if matches!(name, "NewRouter" | "NewMux" | "NewServeMux" | "Default" | "New") {
            let name = assigned_variable(tokens, tokens.expression_start(dot.saturating_sub(1)));
            self.routers.extend(name.map(str::to_owned));
        }
    }

    fn call(&mut self, dot: usize) {
        let tokens = self.tokens;
        let Some((name, open)) = tokens.method(dot) else { return };
        let arguments = tokens.arguments(open);
        let texts: Vec<Option<&str>> = arguments.iter().map(|argument| tokens.only_string(argument)).collect();
        match (name, texts.as_slice()) {
            ("HandleFunc" | "Handle", [Some(pattern), None]) => self.pattern(dot, open, pattern, arguments.get(1)),
            ("Method" | "MethodFunc" | "Handle" | "Add", [Some(method), Some(path), ..])
                if METHODS.contains(method) =>
            {
                self.add(dot, method, path, arguments.last());
            }
            ("Route", [Some(prefix), None]) => self.regions.add(open, tokens.matching(open), prefix),
            ("Mount", [Some(prefix), None]) => {
                let prefix = self.regions.path(dot, prefix);
                self.mount(dot, &prefix, arguments.get(1));
            }
            ("Group" | "PathPrefix", [Some(prefix), ..]) => self.group(dot, prefix),
            ("Any" | "All", [Some(path), _, ..]) if path.starts_with('/') => self.add(dot, ANY, path, arguments.last()),
            (method, [Some(path), _, ..]) => {
                let known = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
                let is_upper_case = METHODS.contains(&method);
                let is_path = path.starts_with('/') || is_upper_case && path.is_empty();
                let is_handler = texts.last().is_some_and(Option::is_none);
                if known && is_path && is_handler && !self.is_client(dot) && method.starts_with(char::is_uppercase) {
                    self.add(dot, method, path, arguments.last());
                }
            }
            _ => {}
        }
    }

    /// Whether the call belongs to an HTTP client: `http.Post(…)` and `client.Get(…)` send requests and are no routes.
    fn is_client(&self, dot: usize) -> bool {
        let name = self.tokens.word(dot.saturating_sub(1)).unwrap_or_default().to_ascii_lowercase();
        matches!(name.as_str(), "http" | "resty" | "req" | "request") || name.ends_with("client")
    }

    /// `"GET example.org/path"` of net/http; `"/path"` with `.Methods("GET")` of gorilla/mux.
    fn pattern(&mut self, dot: usize, open: usize, pattern: &str, handler: Option<&Range<usize>>) {
        let tokens = self.tokens;
        let (method, rest) =
            pattern.split_once(' ').filter(|(method, _)| METHODS.contains(method)).unwrap_or((ANY, pattern));
        let Some(path) = rest.find('/').and_then(|slash| rest.get(slash..)) else { return };
        let after = tokens.method(tokens.matching(open) + 1).filter(|(name, _)| *name == "Methods");
        let named = after.map(|(_, open)| open + 1..tokens.matching(open)).unwrap_or_default();
        let mut methods: Vec<&str> = named
            .filter_map(|at| tokens.string(at).or_else(|| tokens.word(at).and_then(|word| word.strip_prefix("Method"))))
            .filter(|method| METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)))
            .collect();
        if methods.is_empty() {
            methods.push(method);
        }
        for method in methods {
            self.add(dot, method, path, handler);
        }
    }

    fn add(&mut self, dot: usize, method: &str, path: &str, handler: Option<&Range<usize>>) {
        let tokens = self.tokens;
        let handler = handler.filter(|handler| (handler.start..handler.end).all(|at| !tokens.is_word(at, "func")));
        let handler = handler.map(|handler| tokens.source(handler.clone())).unwrap_or_default();
        let path = self.regions.path(dot, path);
        self.facts.add(method, &path, tokens.line(dot), &handler, owners(tokens, dot));
    }

    /// `v1 := r.Group("/v1")`, `s := r.PathPrefix("/v1").Subrouter()`.
    fn group(&mut self, dot: usize, prefix: &str) {
        let tokens = self.tokens;
        let start = tokens.expression_start(dot.saturating_sub(1));
        let Some(name) = assigned_variable(tokens, start) else { return };
        self.routers.insert(name.to_owned());
        let parents = scoped_names(tokens, dot, tokens.word(dot.saturating_sub(1)));
        let child = scoped_names(tokens, dot, Some(name)).into_iter().next();
        let prefix = self.regions.path(dot, prefix);
        self.facts.mount(parents, &prefix, Reference { module: Vec::new(), name: child });
    }

    /// A function that gets a router as an argument: `users.Register(v1)`, `register(r.Group("/users"))`.
    fn router_arguments(&mut self, open: usize) {
        let tokens = self.tokens;
        if !tokens.is_punct(open, "(") || open == 0 || tokens.word(open - 1).is_none() {
            return;
        }
        let name = tokens.expression_start(open - 1);
        if name > 0 && matches!(tokens.word(name - 1), Some("func")) {
            return;
        }
        for argument in tokens.arguments(open).into_iter().take(6) {
            let Some(router) = tokens.word(argument.start) else { continue };
            let group = tokens.method(argument.start + 1).filter(|(name, _)| *name == "Group");
            let prefix = match group {
                Some((_, open)) => tokens.string(open + 1).unwrap_or_default(),
                None if argument.len() == 1 && self.routers.contains(router) => "",
                None => continue,
            };
            let parents = scoped_names(tokens, open, Some(router));
            let parts = (name..open).filter_map(|at| tokens.word(at)).map(str::to_owned).collect();
            self.facts.mount(parents, prefix, Reference::path(parts));
        }
    }

    fn mount(&mut self, dot: usize, prefix: &str, child: Option<&Range<usize>>) {
        let tokens = self.tokens;
        let Some(child) = child else { return };
        let path = child.clone().take_while(|at| tokens.word(*at).is_some() || tokens.is_punct(*at, "."));
        let parts: Vec<String> = path.filter_map(|at| tokens.word(at)).map(str::to_owned).collect();
        let is_call = tokens.is_punct(child.start + parts.len().max(1) * 2 - 1, "(");
        let local = scoped_names(tokens, dot, parts.first().map(String::as_str)).into_iter().next();
        let child = if parts.len() == 1 && !is_call {
            Reference { module: Vec::new(), name: local }
        } else {
            Reference::path(parts)
        };
        self.facts.mount(owners(tokens, dot), prefix, child);
    }
}
