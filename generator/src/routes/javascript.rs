//! Reads routes from JavaScript and TypeScript code: Express, Fastify, Hono, Koa's router, itty-router, `NestJS`.
//!
//! HTTP clients have calls such as `.get("/path", …)` too. So such a call counts as a route only on a router that the
//! file creates or on a variable with the name of a router, and only if the last argument can be a handler.

use std::collections::BTreeSet;
use std::ops::Range;

use super::model::{ANY, Facts, METHODS, Reference, Regions, assigned_variable, owners, scoped_names};
use super::nest;
use crate::lex::{Language, Tokens};

/// Texts of which a file with routes contains at least one.
pub(super) const MARKERS: [&str; 8] =
    ["express", "fastify", "hono", "outer", "@Controller", "setGlobalPrefix", "app.", "server."];
/// Functions and classes that create a router.
const CONSTRUCTORS: [&str; 10] =
    ["express", "Router", "Hono", "OpenAPIHono", "fastify", "Fastify", "KoaRouter", "AutoRouter", "IttyRouter", "Koa"];

/// Reads the routes and mounts of a file.
pub(super) fn read(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::JavaScript);
    let mut reader =
        Reader { tokens: &tokens, regions: Regions::default(), routers: BTreeSet::new(), facts: Facts::default() };
    for at in 0..tokens.len() {
        if reader.facts.is_full() {
            break;
        }
        reader.import(at);
        reader.constructor(at);
        reader.call(at);
    }
    nest::read(&tokens, &mut reader.facts);
    reader.facts
}

/// The path parts of the module that an import names.
fn module(specifier: &str) -> Vec<String> {
    let specifier =
        [".js", ".ts", ".mjs", ".tsx"].iter().find_map(|ending| specifier.strip_suffix(ending)).unwrap_or(specifier);
    let parts: Vec<&str> = specifier.split('/').filter(|part| !part.is_empty()).collect();
    let whole = parts.last() == Some(&"index") && parts.len() > 1;
    let kept = if whole { parts.len() - 1 } else { parts.len() };
    parts.into_iter().take(kept).map(str::to_owned).collect()
}

struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    regions: Regions,
    /// The variables that contain a router which the file creates.
    routers: BTreeSet<String>,
    facts: Facts,
}

impl Reader<'_> {
    /// `import a, { b as c } from './m'` and `const a = require('./m')`.
    fn import(&mut self, at: usize) {
        let tokens = self.tokens;
        if tokens.is_word(at, "require") && tokens.is_punct(at + 1, "(") {
            let specifier = tokens.string(at + 2);
            if let (Some(name), Some(specifier)) = (assigned_variable(tokens, at), specifier) {
                self.facts.imports.insert(name.to_owned(), Reference::module(module(specifier)));
            }
            return;
        }
        if !tokens.is_word(at, "import") {
            return;
        }
        let Some(from) = (at + 1..at + 120).find(|at| tokens.is_word(*at, "from")) else { return };
        let Some(specifier) = tokens.string(from + 1) else { return };
        let module = module(specifier);
        let mut place = at + 1;
        while place < from {
            if let Some(name) = tokens.word(place).filter(|name| !matches!(*name, "type" | "as")) {
                let is_default = place == at + 1 || tokens.is_punct(place - 1, "*");
                let (alias, next) = if tokens.is_word(place + 1, "as") {
                    (tokens.word(place + 2), place + 3)
                } else {
                    (Some(name), place + 1)
                };
                let name = (!is_default && name != "default").then(|| name.to_owned());
                let reference = Reference { module: module.clone(), name };
                self.facts.imports.insert(alias.unwrap_or_default().to_owned(), reference);
                place = next;
            } else {
                place += 1;
            }
        }
    }

    /// `const app = express()`, `new Hono()`, with the prefix of the router.
    fn constructor(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some(open) = tokens.word(at).filter(|word| CONSTRUCTORS.contains(word)).and_then(|_| tokens.call_after(at))
        else {
            return;
        };
        let Some(name) = assigned_variable(tokens, tokens.expression_start(at)) else { return };
        self.routers.insert(name.to_owned());
        let options = tokens.arguments(open).first().map(|options| options.start);
        let prefix = options.and_then(|open| tokens.named(open, "prefix").or_else(|| tokens.named(open, "base")));
        let prefix = prefix.and_then(|value| tokens.only_string(&value));
        let base_path = tokens.method(tokens.matching(open) + 1).filter(|(method, _)| *method == "basePath");
        let prefix = prefix.or_else(|| base_path.and_then(|(_, open)| tokens.string(open + 1)));
        if let Some(prefix) = prefix {
            self.facts.own_prefixes.insert(name.to_owned(), prefix.to_owned());
        }
    }

    fn call(&mut self, dot: usize) {
        let tokens = self.tokens;
        let Some((name, open)) = tokens.method(dot) else { return };
        if !self.is_router(dot) {
            return;
        }
        let arguments = tokens.arguments(open);
        let texts: Vec<Option<&str>> = arguments.iter().map(|argument| tokens.only_string(argument)).collect();
        let first = texts.first().copied().flatten();
        match name {
            "use" => {
                self.mounts(
                    dot,
                    first.unwrap_or(""),
                    arguments.get(usize::from(first.is_some())..).unwrap_or_default(),
                );
            }
            "route" if arguments.len() == 2 => {
                self.mounts(dot, first.unwrap_or(""), arguments.get(1..).unwrap_or_default());
            }
            "route" => match first {
                Some(path) => self.chain(dot, open, path),
                None => self.route_object(dot, arguments.first()),
            },
            "basePath" => self.base_path(dot, first),
            "register" => self.plugin(dot, &arguments),
            "on" => self.on(dot, &arguments),
            method => self.route(dot, method, &arguments, &texts),
        }
    }

    /// Whether the expression before the dot is a router.
    fn is_router(&self, dot: usize) -> bool {
        let tokens = self.tokens;
        let last = dot.saturating_sub(1);
        let start = tokens.expression_start(last);
        let is_name = |at: usize| {
            tokens.word(at).is_some_and(|word| {
                let word_in_lower = word.to_ascii_lowercase();
                let plain = matches!(
                    word,
                    "app" | "router" | "fastify" | "server" | "instance" | "route" | "routes" | "api" | "r"
                );
                let named = ["router", "routes", "app", "api"].iter().any(|end| word_in_lower.ends_with(end));
                self.routers.contains(word) || plain || named && word.starts_with(char::is_lowercase)
            })
        };
        let is_constructed =
            (start..last).take(4).any(|at| tokens.word(at).is_some_and(|word| CONSTRUCTORS.contains(&word)));
        let is_chain = tokens.is_punct(last, ")");
        if is_chain { is_constructed || is_name(start) } else { is_name(last) }
    }

    /// `.get('/path', …, handler)`, and `.get('name', '/path', handler)` of Koa's router.
    fn route(&mut self, dot: usize, method: &str, arguments: &[Range<usize>], texts: &[Option<&str>]) {
        let method = match method {
            "all" | "any" => ANY,
            "del" => "DELETE",
            "openapi" => return self.openapi_route(dot, arguments),
            method => method,
        };
        let is_method = method == ANY || METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
        let is_path = |text: &&str| text.starts_with(['/', '*', ':']) || text.is_empty();
        let path = texts.iter().take(2).flatten().copied().find(is_path);
        let (Some(path), Some(handler)) = (path, arguments.last().filter(|_| arguments.len() >= 2)) else { return };
        let is_data = self.tokens.is_punct(handler.start, "{") || self.tokens.only_string(handler).is_some();
        if is_method
            && !is_data
            && method.chars().all(|c| c.is_ascii_lowercase() || method == ANY || method == "DELETE")
        {
            self.add(dot, method, path, handler);
        }
    }

    fn add(&mut self, dot: usize, method: &str, path: &str, handler: &Range<usize>) {
        let path = self.regions.path(dot, path);
        let handler = handler_name(self.tokens, handler);
        self.facts.add(method, &path, self.tokens.line(dot + 1), &handler, owners(self.tokens, dot));
    }

    /// `app.route('/path').get(a).post(b)` of Express.
    fn chain(&mut self, dot: usize, open: usize, path: &str) {
        let tokens = self.tokens;
        let mut close = tokens.matching(open);
        while let Some((method, open)) = tokens.method(close + 1) {
            let method = if method == "all" { ANY } else { method };
            let known = method == ANY || METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
            if let Some(handler) = tokens.arguments(open).last().filter(|_| known) {
                let whole = self.regions.path(dot, path);
                let handler = handler_name(tokens, handler);
                self.facts.add(method, &whole, tokens.line(close + 2), &handler, owners(tokens, dot));
            }
            close = tokens.matching(open);
        }
    }

    /// `fastify.route({ method: 'GET', url: '/path', handler })`.
    fn route_object(&mut self, dot: usize, options: Option<&Range<usize>>) {
        let tokens = self.tokens;
        let Some(open) = options.map(|options| options.start) else { return };
        let path = tokens.named(open, "url").or_else(|| tokens.named(open, "path"));
        let (Some(path), Some(methods)) =
            (path.and_then(|value| tokens.only_string(&value)), tokens.named(open, "method"))
        else {
            return;
        };
        let handler = tokens.named(open, "handler").unwrap_or(open..open);
        let methods: Vec<&str> = methods.filter_map(|at| tokens.string(at)).collect();
        for method in methods {
            self.add(dot, method, path, &handler);
        }
    }

    /// `app.openapi(createRoute({ method: 'get', path: '/path' }), handler)` of Hono.
    fn openapi_route(&mut self, dot: usize, arguments: &[Range<usize>]) {
        let tokens = self.tokens;
        let Some(open) = arguments.first().map(|route| route.start).filter(|at| tokens.is_word(*at, "createRoute"))
        else {
            return;
        };
        self.route_object(dot, Some(&(open + 2..open + 3)));
    }

    /// `app.on(['GET', 'POST'], '/path', handler)` of Hono.
    fn on(&mut self, dot: usize, arguments: &[Range<usize>]) {
        let [methods, path, .., handler] = arguments else { return };
        let methods: Vec<&str> = methods.clone().filter_map(|at| self.tokens.string(at)).collect();
        let Some(path) = self.tokens.only_string(path).filter(|path| path.starts_with('/')) else { return };
        for method in methods.iter().filter(|method| METHODS.contains(*method)) {
            self.add(dot, method, path, handler);
        }
    }

    /// `const v1 = app.basePath('/v1')`.
    fn base_path(&mut self, dot: usize, prefix: Option<&str>) {
        let tokens = self.tokens;
        let start = tokens.expression_start(dot.saturating_sub(1));
        if let (Some(name), Some(prefix)) =
            (assigned_variable(tokens, start), prefix.filter(|_| !tokens.is_punct(dot - 1, ")")))
        {
            self.routers.insert(name.to_owned());
            self.facts.mount(owners(tokens, dot), prefix, Reference::path(vec![name.to_owned()]));
        }
    }

    /// `app.register(plugin, { prefix: '/prefix' })` of Fastify.
    fn plugin(&mut self, dot: usize, arguments: &[Range<usize>]) {
        let tokens = self.tokens;
        let Some(plugin) = arguments.first() else { return };
        let prefix = arguments.get(1).and_then(|options| tokens.named(options.start, "prefix"));
        let prefix = prefix.and_then(|value| tokens.only_string(&value)).unwrap_or("");
        if plugin.clone().any(|at| tokens.is_punct(at, "=>")) || tokens.is_word(plugin.start, "function") {
            self.regions.add(plugin.start, plugin.end, prefix);
        } else {
            self.mounts(dot, prefix, std::slice::from_ref(plugin));
        }
    }

    /// Mounts every argument that can be a router. An argument that is none does no harm, because it has no routes.
    fn mounts(&mut self, dot: usize, prefix: &str, arguments: &[Range<usize>]) {
        let tokens = self.tokens;
        for argument in arguments {
            let at = argument.start;
            let imported = matches!(tokens.word(at), Some("require" | "import")) && tokens.is_punct(at + 1, "(");
            let child = if imported {
                tokens.string(at + 2).map(|specifier| Reference::module(module(specifier)))
            } else {
                self.named_router(at, argument.end)
            };
            if let Some(child) = child {
                let prefix = self.regions.path(dot, prefix);
                self.facts.mount(owners(tokens, dot), &prefix, child);
            }
        }
    }

    /// `users`, `users.router`, `users.routes()`, `createUsers(db)`.
    fn named_router(&self, at: usize, end: usize) -> Option<Reference> {
        let tokens = self.tokens;
        let name = tokens.word(at)?;
        let member = tokens.word(at + 2).filter(|_| tokens.is_punct(at + 1, ".") && at + 2 < end);
        match member {
            Some(member) if !matches!(member, "routes" | "middleware" | "default" | "handle") => {
                Some(Reference { module: vec![name.to_owned()], name: Some(member.to_owned()) })
            }
            _ => {
                let local = scoped_names(tokens, at, Some(name)).into_iter().find(|name| self.is_local(name));
                Some(Reference::path(vec![local.unwrap_or_else(|| name.to_owned())]))
            }
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.facts.routes.iter().any(|route| route.owners.iter().any(|owner| owner == name))
    }
}

/// The name of a handler. Empty for a function expression.
pub(super) fn handler_name(tokens: &Tokens<'_>, range: &Range<usize>) -> String {
    let is_function = range.clone().take(60).any(|at| tokens.is_punct(at, "=>") || tokens.is_word(at, "function"));
    if is_function { String::new() } else { tokens.source(range.clone()) }
}
