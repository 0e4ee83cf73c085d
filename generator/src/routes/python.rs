//! Reads routes from Python code: `FastAPI`, Flask, Starlette, Django and its REST framework.

use std::ops::Range;

use super::model::{ANY, Facts, METHODS, Mount, Reference, Regions, assigned_variable};
use crate::lex::{Language, Tokens};

/// Texts of which a file with routes contains at least one.
pub(super) const MARKERS: [&str; 6] =
    ["@", "urlpatterns", "include_router", "register_blueprint", "Route(", "add_url_rule"];
/// The maximum number of tokens between a decorator and its function.
const MAX_DISTANCE: usize = 600;

/// Reads the routes and mounts of a file.
pub(super) fn read(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::Python);
    let is_django = text.contains("urlpatterns");
    let mut reader = Reader { tokens: &tokens, regions: Regions::default(), facts: Facts::default(), is_django };
    for at in 0..tokens.len() {
        if reader.facts.is_full() {
            break;
        }
        reader.import(at);
        reader.constructor(at);
        reader.decorator(at);
        reader.call(at);
        reader.route_list_entry(at);
    }
    reader.facts
}

struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    regions: Regions,
    facts: Facts,
    is_django: bool,
}

impl Reader<'_> {
    fn named_string(&self, open: usize, name: &str) -> Option<&str> {
        self.tokens.named(open, name).and_then(|value| self.tokens.only_string(&value))
    }

    /// `from a.b import c as d, e` and `import a.b as c`.
    fn import(&mut self, at: usize) {
        let tokens = self.tokens;
        let is_from = tokens.is_word(at, "from");
        if !is_from && !tokens.is_word(at, "import")
            || is_from && tokens.word(at + 1).is_none() && !tokens.is_punct(at + 1, ".")
        {
            return;
        }
        let (module, mut next) = dotted(tokens, at + 1);
        if !is_from && at > 0 && tokens.line(at - 1) == tokens.line(at) {
            return;
        }
        if !is_from {
            if let Some(alias) = tokens.word(next + 1).filter(|_| tokens.is_word(next, "as")) {
                self.facts.imports.insert(alias.to_owned(), Reference::module(module));
            }
            return;
        }
        if !tokens.is_word(next, "import") {
            return;
        }
        next += 1;
        let end = if tokens.is_punct(next, "(") { tokens.matching(next) } else { next + 120 };
        while next < end {
            if tokens.is_punct(next, "(") || tokens.is_punct(next, ",") {
                next += 1;
                continue;
            }
            let Some(name) = tokens.word(next).filter(|_| {
                tokens.is_punct(next - 1, ",") || tokens.is_punct(next - 1, "(") || tokens.is_word(next - 1, "import")
            }) else {
                break;
            };
            let alias = tokens.word(next + 2).filter(|_| tokens.is_word(next + 1, "as"));
            next += if alias.is_some() { 3 } else { 1 };
            let reference = Reference { module: module.clone(), name: Some(name.to_owned()) };
            self.facts.imports.insert(alias.unwrap_or(name).to_owned(), reference);
        }
    }

    /// `router = APIRouter(prefix="/p")`, `bp = Blueprint("b", __name__, url_prefix="/p")`.
    fn constructor(&mut self, at: usize) {
        let tokens = self.tokens;
        let prefix = match tokens.word(at).zip(tokens.call_after(at)) {
            Some(("APIRouter", open)) => self.named_string(open, "prefix"),
            Some(("Blueprint", open)) => self.named_string(open, "url_prefix"),
            _ => return,
        };
        let prefix = prefix.unwrap_or_default().to_owned();
        if let Some(name) = assigned_variable(tokens, tokens.expression_start(at)) {
            self.facts.own_prefixes.insert(name.to_owned(), prefix);
        }
    }

    /// `@router.get("/path")` and `@app.route("/path", methods=["GET"])`.
    fn decorator(&mut self, at: usize) {
        let tokens = self.tokens;
        if !tokens.is_punct(at, "@") {
            return;
        }
        let (names, open) = dotted(tokens, at + 1);
        let [.., owner, kind] = names.as_slice() else { return };
        if !tokens.is_punct(open, "(") {
            return;
        }
        let is_method = METHODS.iter().any(|known| known.eq_ignore_ascii_case(kind));
        if !is_method && !matches!(kind.as_str(), "route" | "api_route" | "websocket") {
            return;
        }
        let path = tokens
            .arguments(open)
            .first()
            .and_then(|path| tokens.only_string(path))
            .or_else(|| self.named_string(open, "path"));
        let Some(path) = path else { return };
        let close = tokens.matching(open);
        let function =
            (close..close + MAX_DISTANCE).find(|at| tokens.is_word(*at, "def") || tokens.is_word(*at, "class"));
        let handler = function.and_then(|at| tokens.word(at + 1)).unwrap_or_default();
        let path = path.to_owned();
        // The methods of a class are not known here, so its route is listed with any method.
        let methods = match kind.as_str() {
            "websocket" => vec!["WS".to_owned()],
            "route" | "api_route" => {
                self.methods(open, if handler.starts_with(char::is_uppercase) { ANY } else { "GET" })
            }
            method => vec![method.to_owned()],
        };
        let line = tokens.line(at);
        for method in &methods {
            self.facts.add(method, &path, line, handler, vec![owner.clone()]);
        }
    }

    /// The methods that a call names, or the default method.
    fn methods(&self, open: usize, default: &str) -> Vec<String> {
        let named = self.tokens.named(open, "methods");
        let methods: Vec<String> =
            named.into_iter().flatten().filter_map(|at| self.tokens.string(at)).map(str::to_owned).collect();
        if methods.is_empty() { vec![default.to_owned()] } else { methods }
    }

    /// A method call on a router.
    fn call(&mut self, dot: usize) {
        let tokens = self.tokens;
        let Some((name, open)) = tokens.method(dot) else { return };
        let Some(owner) = tokens.word(dot.saturating_sub(1)).map(str::to_owned) else { return };
        let arguments = tokens.arguments(open);
        let first = arguments.first().cloned();
        let path = first.as_ref().and_then(|path| tokens.only_string(path));
        let prefix = |name: &str| self.named_string(open, name).map(str::to_owned);
        match (name, first, path) {
            ("include_router" | "mount", Some(router), None) => {
                let prefix = prefix("prefix").unwrap_or_default();
                self.mount(&owner, &prefix, &router, false);
            }
            ("register_blueprint", Some(router), None) => {
                let prefix = prefix("url_prefix");
                self.mount(&owner, prefix.as_deref().unwrap_or(""), &router, prefix.is_some());
            }
            ("mount", Some(_), Some(prefix)) => {
                if let Some(router) = arguments.get(1) {
                    self.mount(&owner, prefix, router, false);
                }
            }
            ("add_url_rule" | "add_api_route" | "add_route", Some(_), Some(path)) => {
                let handler = tokens.named(open, "view_func").or_else(|| arguments.get(1).cloned());
                let handler = handler.map(|handler| tokens.source(handler)).unwrap_or_default();
                let methods = self.methods(open, "GET");
                for method in &methods {
                    self.facts.add(method, path, tokens.line(dot), &handler, vec![owner.clone()]);
                }
            }
            ("register", Some(_), Some(path)) if arguments.len() >= 2 && !path.contains(' ') => {
                self.view_set(dot, &owner, path, &arguments);
            }
            _ => {}
        }
    }

    /// `router.register("users", UserViewSet)` of Django's REST framework.
    fn view_set(&mut self, dot: usize, owner: &str, path: &str, arguments: &[Range<usize>]) {
        let view = arguments.get(1).map(|view| self.tokens.source(view.clone())).unwrap_or_default();
        if view.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase)) {
            let path = path.trim_matches('/');
            for path in [format!("{path}/"), format!("{path}/{{pk}}/")] {
                self.facts.add(ANY, &path, self.tokens.line(dot), &view, vec![owner.to_owned()]);
            }
        }
    }

    fn mount(&mut self, owner: &str, prefix: &str, router: &Range<usize>, replaces: bool) {
        let (parts, _) = dotted(self.tokens, router.start);
        if !parts.is_empty() {
            let child = Reference::path(parts);
            self.facts.mounts.push(Mount {
                parents: vec![owner.to_owned()],
                prefix: prefix.to_owned(),
                child,
                replaces,
            });
        }
    }

    /// `path("x/", view)` of Django, `Route("/x", endpoint)` and `Mount("/x", …)` of Starlette.
    fn route_list_entry(&mut self, at: usize) {
        let tokens = self.tokens;
        let Some((name, open)) =
            tokens.word(at).zip(tokens.call_after(at)).filter(|_| at == 0 || !tokens.is_punct(at - 1, "."))
        else {
            return;
        };
        let arguments = tokens.arguments(open);
        let Some(path) = arguments.first().and_then(|path| tokens.only_string(path)) else { return };
        let Some(second) = arguments.get(1) else { return };
        match name {
            "path" | "re_path" | "url" if self.is_django => self.django(at, open, path, second),
            "Route" | "WebSocketRoute" => {
                let methods = if name == "Route" { self.methods(open, "GET") } else { vec!["WS".to_owned()] };
                let handler = tokens.named(open, "endpoint").unwrap_or_else(|| second.clone());
                let (handler, path) = (tokens.source(handler), self.regions.path(at, path));
                let names = self.list_variable(at);
                for method in &methods {
                    self.facts.add(method, &path, tokens.line(at), &handler, names.clone());
                }
            }
            "Mount" => {
                self.regions.add(open, tokens.matching(open), path);
                let child = tokens
                    .named(open, "app")
                    .or_else(|| tokens.named(open, "routes"))
                    .unwrap_or_else(|| second.clone());
                let (parts, _) = dotted(tokens, child.start);
                if !parts.is_empty() && !tokens.is_punct(child.start + 1, "(") {
                    let prefix = self.regions.path(at, path);
                    self.facts.mount(self.list_variable(at), &prefix, Reference::path(parts));
                }
            }
            _ => {}
        }
    }

    fn django(&mut self, at: usize, open: usize, path: &str, view: &Range<usize>) {
        let tokens = self.tokens;
        let path = path.trim_start_matches('^').trim_end_matches('$');
        if !tokens.is_word(view.start, "include") || !tokens.is_punct(view.start + 1, "(") {
            let whole = self.regions.path(at, path);
            let names = self.list_variable(at);
            self.facts.add(ANY, &whole, tokens.line(at), &tokens.source(view.clone()), names);
            return;
        }
        let mut inside = view.start + 2;
        if tokens.is_punct(inside, "(") {
            inside += 1;
        }
        if tokens.is_punct(inside, "[") {
            self.regions.add(open, tokens.matching(open), path);
            return;
        }
        let child = if let Some(module) = tokens.string(inside) {
            Reference::module(module.split('.').map(str::to_owned).collect())
        } else {
            let (mut parts, _) = dotted(tokens, inside);
            if parts.last().is_some_and(|last| last == "urls") && parts.len() > 1 {
                parts.pop();
            }
            Reference::path(parts)
        };
        let prefix = self.regions.path(at, path);
        self.facts.mount(self.list_variable(at), &prefix, child);
    }

    /// The variable of the list that contains the element at `at`.
    fn list_variable(&self, at: usize) -> Vec<String> {
        let tokens = self.tokens;
        let starts = (at.saturating_sub(4_000)..at).rev().find(|open| {
            tokens.is_punct(*open, "[")
                && tokens.matching(*open) > at
                && *open > 1
                && (tokens.is_punct(open - 1, "=") || tokens.is_punct(open - 1, "+"))
        });
        let name = starts.and_then(|open| (open.saturating_sub(6)..open).rev().find_map(|at| tokens.word(at)));
        name.map(str::to_owned).into_iter().collect()
    }
}

/// Reads a dotted name such as `.a.b.c`. Returns its parts, with the leading dots as `.` and `..`, and the position
/// after it.
fn dotted(tokens: &Tokens<'_>, from: usize) -> (Vec<String>, usize) {
    let (mut parts, mut at) = (Vec::new(), from);
    while tokens.is_punct(at, ".") {
        parts.push(if parts.is_empty() { "." } else { ".." }.to_owned());
        at += 1;
    }
    while let Some(word) = tokens.word(at).filter(|word| *word != "import") {
        parts.push(word.to_owned());
        at += 1;
        if !tokens.is_punct(at, ".") {
            break;
        }
        at += 1;
    }
    (parts, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotted_name_is_split_into_parts() {
        let tokens = Tokens::of("..a.b import", Language::Python);
        assert_eq!(dotted(&tokens, 0), (vec![".".into(), "..".into(), "a".into(), "b".into()], 5));
    }
}
