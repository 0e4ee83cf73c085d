//! Routes that the path of a file declares: Next.js, `SvelteKit`, Nuxt, Remix, React Router and Astro.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::calls::each_expression;
use super::evaluate::source_of;
use super::framework::ANY;
use super::program::Program;
use super::router::FoundRoute;
use super::value::Value;
use crate::code::{Expression, TextPart};
use crate::paths;

/// The HTTP methods that a file can export.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ALL"];

/// How a file declares routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each export that has the name of a method is a route. `fallback` of `SvelteKit` answers the others.
    Methods,
    /// The default export answers all methods, or those that it compares.
    Default,
    /// The file's name or the default export has the method.
    Named(&'static str),
    /// `loader` answers `GET`, `action` answers the others.
    LoaderAndAction,
    /// The functions of `actions` answer `POST`.
    Actions,
}

/// Whether a file may declare routes by its path.
pub(super) fn is_file_route(path: &str) -> bool {
    of_path(path).is_some()
}

/// Whether a file whose path is that of a route may serve it: its text has what would declare the methods.
pub(super) fn may_serve(path: &str, text: &str) -> bool {
    let has_method = || METHODS.iter().any(|method| text.contains(method)) || text.contains("fallback");
    match of_path(path) {
        Some((_, Form::Methods)) => has_method() || text.contains("export *"),
        Some((_, Form::LoaderAndAction)) => {
            ["loader", "action", "route(", "index("].iter().any(|name| text.contains(name)) || text.contains("export *")
        }
        found => found.is_some(),
    }
}

/// The URL path of a file, and how it declares its methods.
fn of_path(path: &str) -> Option<(String, Form)> {
    let stem = paths::stem(path);
    let name = paths::name(stem);
    let folder = paths::folder(path);
    if name == "route" || name == "route.page" {
        return Some((url(after(folder, "app")?), Form::Methods));
    }
    if name == "+server" {
        return Some((url(after(folder, "routes")?), Form::Methods));
    }
    if name == "+page.server" {
        return Some((url(after(folder, "routes")?), Form::Actions));
    }
    if let Some(rest) = after(stem, "pages/api") {
        return Some((url(&format!("api/{}", without_index(rest))), Form::Default));
    }
    if let Some(rest) = after(stem, "server/api")
        .map(|rest| format!("api/{rest}"))
        .or_else(|| after(stem, "server/routes").map(str::to_owned))
    {
        return Some(nitro(&rest));
    }
    if let Some(rest) = after(stem, "app/routes") {
        return Some((flat_file(rest), Form::LoaderAndAction));
    }
    let rest = after(stem, "src/pages")?;
    Some((url(without_index(rest)), Form::Methods))
}

/// The part of a path after a folder of this name.
fn after<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if path == folder || path.ends_with(&format!("/{folder}")) {
        return Some("");
    }
    let inside = format!("{folder}/");
    if let Some(rest) = path.strip_prefix(&inside) {
        return Some(rest);
    }
    path.split_once(&format!("/{inside}")).map(|(_, rest)| rest)
}

fn without_index(path: &str) -> &str {
    if path == "index" { "" } else { path.strip_suffix("/index").unwrap_or(path) }
}

/// The URL path for folders. Groups `(…)` and slots `@name` are left out; `[id]`, `[id=kind]`, `[...rest]` and `[[id]]` are
/// parameters.
fn url(path: &str) -> String {
    let is_slot = |part: &str| part.starts_with('@') && !part.contains('[');
    let segments = path.split('/').filter(|part| !part.is_empty() && !part.starts_with('(') && !is_slot(part));
    let segments: Vec<String> = segments.map(parameter).collect();
    format!("/{}", segments.join("/"))
}

/// A segment with its parameters in braces.
fn parameter(segment: &str) -> String {
    let mut written = String::new();
    let mut rest = segment;
    while let Some((before, inside)) = rest.split_once('[') {
        let is_optional = inside.starts_with('[');
        let end = if is_optional { "]]" } else { "]" };
        let Some((name, behind)) = inside.trim_start_matches('[').split_once(end) else { break };
        let name = name.split('=').next().unwrap_or_default();
        let (name, dots) = name.strip_prefix("...").map_or((name, ""), |name| (name, "..."));
        written.push_str(before);
        let mark = if is_optional { "?" } else { "" };
        let _ = write!(written, "{{{name}{dots}{mark}}}");
        rest = behind;
    }
    written + rest
}

/// `users/[id].get` of Nitro: the method is the last part of the name.
fn nitro(path: &str) -> (String, Form) {
    const NAMED: [(&str, &str); 7] = [
        (".get", "GET"),
        (".post", "POST"),
        (".put", "PUT"),
        (".patch", "PATCH"),
        (".delete", "DELETE"),
        (".head", "HEAD"),
        (".options", "OPTIONS"),
    ];
    let named = NAMED.iter().find_map(|(ending, method)| Some((path.strip_suffix(ending)?, *method)));
    let (path, method) = named.unwrap_or((path, ANY));
    (url(without_index(path)), Form::Named(method))
}

/// The URL path of a flat file of Remix: dots are slashes, `$id` is a parameter, `_layout` and `_index` add nothing.
fn flat_file(name: &str) -> String {
    let name = name.strip_suffix("/route").unwrap_or(name);
    let mut segments = vec![String::new()];
    let mut is_escaped = false;
    for c in name.chars() {
        match c {
            '[' => is_escaped = true,
            ']' => is_escaped = false,
            '.' | '/' if !is_escaped => segments.push(String::new()),
            c => segments.last_mut().into_iter().for_each(|segment| segment.push(c)),
        }
    }
    let segments = segments.iter().filter(|segment| !segment.is_empty() && !segment.starts_with('_'));
    let segments: Vec<String> = segments.map(|segment| flat_segment(segment.trim_end_matches('_'))).collect();
    format!("/{}", segments.join("/"))
}

fn flat_segment(segment: &str) -> String {
    let optional = segment.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    let mark = if optional.is_some() { "?" } else { "" };
    let inner = optional.unwrap_or(segment);
    match inner.strip_prefix('$') {
        Some("") => "{*...}".to_owned(),
        Some(name) => format!("{{{name}{mark}}}"),
        None => format!("{inner}{mark}"),
    }
}

impl Program<'_> {
    /// The routes that the paths of files declare.
    pub(super) fn file_routes(&mut self) -> BTreeSet<FoundRoute> {
        let mut found = self.configured_routes();
        let has_configuration = !found.is_empty();
        let files = self.files;
        for (index, file) in files.iter().enumerate() {
            let Some((path, form)) = of_path(&file.path) else { continue };
            // A configuration of routes names the files by itself.
            if form == Form::LoaderAndAction && has_configuration {
                continue;
            }
            for (method, suffix) in self.methods_of(index, form) {
                let path = format!("{path}{suffix}");
                let line = self.export_line(index, &method);
                found.insert(FoundRoute { path, method, file: index, line, handler: String::new() });
            }
        }
        found
    }

    /// The line of the export that answers a method.
    fn export_line(&self, file: usize, method: &str) -> usize {
        let names =
            [method, "default", if method == "GET" { "loader" } else { "action" }, "actions", "fallback", "ALL"];
        let lines = names.iter().filter_map(|name| self.export_lines.get(&(file, (*name).to_owned())));
        lines.copied().next().unwrap_or(1)
    }

    /// The methods of a file that has a `loader` or an `action`.
    pub(super) fn loader_and_action(&mut self, file: usize) -> Vec<String> {
        self.methods_of(file, Form::LoaderAndAction).into_iter().map(|(method, _)| method).collect()
    }

    /// The methods of a file, with what is added to its path.
    fn methods_of(&mut self, file: usize, form: Form) -> Vec<(String, String)> {
        let module = self.module(file);
        let exports = module.exports.fields.borrow().clone();
        let plain = |method: &str| (method.to_owned(), String::new());
        match form {
            Form::Methods => {
                let named = exports.keys().filter(|name| METHODS.contains(&name.as_str()));
                named
                    .map(|name| plain(if name == "ALL" { ANY } else { name }))
                    .chain(exports.contains_key("fallback").then(|| plain(ANY)))
                    .collect()
            }
            Form::Default => {
                if exports.keys().any(|name| METHODS.contains(&name.as_str())) {
                    return self.methods_of(file, Form::Methods);
                }
                if !exports.contains_key("default") && module.replaced.borrow().is_none() {
                    return Vec::new();
                }
                let compared = self.compared_methods(file);
                if compared.is_empty() {
                    vec![plain(ANY)]
                } else {
                    compared.iter().map(|method| plain(method)).collect()
                }
            }
            Form::Named(method) => match exports.get("default") {
                Some(Value::Router(_)) | None => Vec::new(),
                Some(_) => vec![plain(method)],
            },
            Form::LoaderAndAction => {
                let mut methods: Vec<(String, String)> =
                    exports.contains_key("loader").then(|| plain("GET")).into_iter().collect();
                if exports.contains_key("action") {
                    let compared = self.compared_methods(file);
                    let compared: Vec<_> =
                        compared.iter().filter(|method| *method != "GET").map(|method| plain(method)).collect();
                    methods.extend(if compared.is_empty() { vec![plain("POST")] } else { compared });
                }
                methods
            }
            Form::Actions => {
                let actions = exports.get("actions").map(Self::fields).unwrap_or_default();
                let suffix = |name: &String| if name == "default" { String::new() } else { format!("?/{name}") };
                actions.keys().map(|name| ("POST".to_owned(), suffix(name))).collect()
            }
        }
    }

    /// The methods with which a file compares the method of the request.
    fn compared_methods(&self, file: usize) -> BTreeSet<String> {
        let files = self.files;
        let mut found = BTreeSet::new();
        let Some(source) = files.get(file) else { return found };
        let mut visit = |located: &crate::code::Located| {
            if let Expression::Equal { left, right, .. } = &located.expression
                && source_of(left).ends_with("method")
                && let Expression::Text(parts) = &right.expression
                && let [TextPart::Literal(method)] = parts.as_slice()
                && METHODS.contains(&method.as_str())
            {
                found.insert(method.clone());
            }
        };
        each_expression(&source.statements, &mut visit);
        found
    }
}
