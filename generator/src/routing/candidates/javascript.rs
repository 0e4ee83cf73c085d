//! Files of JavaScript and TypeScript.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::super::file_routes;
use super::super::framework;
use super::super::modules::Modules;
use super::{SMALL, Words, has_any, has_path_constant};
use crate::code::Language;
use crate::paths;
use crate::skipped::Reason;

/// The calls with which routers add routes. Other objects have such methods too: `map.get(key)`.
const VERBS: [&str; 9] = [".get(", ".post(", ".put(", ".patch(", ".delete(", ".del(", ".all(", ".openapi(", ".on("];
/// The ends of the names that variables with routers have.
const ROUTER_NAMES: [&str; 14] = [
    "app",
    "router",
    "server",
    "api",
    "fastify",
    "routes",
    "route",
    "instance",
    "scope",
    "group",
    "application",
    "express",
    "hono",
    "web",
];
/// Texts of which a file without a framework that declares routes has one.
const TABLE_MARKERS: [&str; 5] = ["'GET /", "\"GET /", "'POST /", "\"POST /", "Bun.serve"];
/// Texts of which a file that puts routers together has one. The files that it imports are read too.
const MOUNTS: [&str; 15] = [
    "initTRPC",
    "serve(",
    ".use(",
    ".route(",
    ".routes",
    ".register(",
    ".group(",
    ".basePath(",
    ".mount(",
    "outer({",
    "outers(",
    "@Controller",
    "@Module",
    "setGlobalPrefix",
    "createRoute(",
];
/// Texts of which a file has one that may have a part of a route: paths, prefixes, routers, and values of other files.
const PARTS: [&str; 17] = [
    "'/",
    "\"/",
    "`/",
    "outer",
    "refix",
    "PREFIX",
    "VERSION",
    "ersion: 'v",
    "ersion: \"v",
    "path:",
    "basePath",
    "PATH",
    "rocedure",
    "ontroller",
    "export *",
    "export {",
    "module.exports",
];

/// The size from which a file may be minified, in bytes.
const MIN_MINIFIED: usize = 4 * 1024;
/// The mean length of lines that people write is below this number of bytes.
const MAX_MEAN_LINE: usize = 300;

static DECLARING: Words = LazyLock::new(|| {
    let packages = framework::packages(Language::JavaScript);
    let quoted = packages.flat_map(|package| [format!("'{package}"), format!("\"{package}")]);
    AhoCorasick::new(quoted.chain(TABLE_MARKERS.map(str::to_owned))).ok()
});
static NAMING: Words = LazyLock::new(|| {
    let packages = framework::packages(Language::JavaScript);
    AhoCorasick::new(packages.flat_map(|package| [format!("'{package}"), format!("\"{package}")])).ok()
});
static MOUNTING: Words = LazyLock::new(|| AhoCorasick::new(MOUNTS).ok());
static CALLING: Words = LazyLock::new(|| AhoCorasick::new(VERBS).ok());
static PART: Words = LazyLock::new(|| AhoCorasick::new(PARTS).ok());

pub(super) fn is_candidate(path: &str, text: &str, modules: &Modules) -> bool {
    if is_minified(text) {
        return false;
    }
    // A component of a page that names no framework serves nothing.
    let is_component = matches!(paths::extension(path), "tsx" | "jsx");
    file_routes::may_serve(path, text)
        || compares_paths(text)
        || has_any(&DECLARING, text)
        || !is_component && modules.may_serve(path) && (has_any(&MOUNTING, text) || calls_router(text))
}

/// Minified code, and code with calls like those of routers that is no candidate.
pub(super) fn reason_to_skip(text: &str) -> Option<Reason> {
    if is_minified(text) { Some(Reason::Minified) } else { calls_router(text).then_some(Reason::Browser) }
}

pub(super) fn is_needed(text: &str) -> bool {
    let may_have_part =
        || has_any(&PART, text) || has_any(&DECLARING, text) || has_any(&MOUNTING, text) || has_path_constant(text);
    !is_minified(text) && (text.len() <= SMALL || may_have_part() || calls_router(text))
}

pub(super) fn imports_matter(path: &str, text: &str) -> bool {
    let exports_imports = || {
        ["export {", "export *", "export const {", "export default ", "module.exports"]
            .iter()
            .any(|start| text.contains(start))
    };
    has_any(&MOUNTING, text)
        || has_any(&NAMING, text)
        || file_routes::is_file_route(path) && exports_imports()
        || text.contains("export *")
}

/// Whether a file compares the path of a request by hand.
pub(in super::super) fn compares_paths(text: &str) -> bool {
    text.contains("pathname") && text.contains("new URL(") && text.contains(".url")
        || text.contains("createServer(") && text.contains(".url")
}

/// Whether a text has the long lines of code that a program wrote. Such code is that of a browser.
fn is_minified(text: &str) -> bool {
    text.len() > MIN_MINIFIED && text.len() / (text.bytes().filter(|byte| *byte == b'\n').count() + 1) > MAX_MEAN_LINE
}

/// Whether a file has a call that may add a route: `.get('/users', …)` on anything, and `.get(PATH, …)` on something that
/// is named like a router.
fn calls_router(text: &str) -> bool {
    let Some(verbs) = CALLING.as_ref() else { return true };
    verbs.find_iter(text).any(|found| {
        let is_on = text.get(found.range()) == Some(".on(");
        let mut rest = text.get(found.end()..).unwrap_or_default().trim_start().chars();
        match (rest.next(), rest.next()) {
            (Some('"' | '\'' | '`'), Some(first)) if is_on => first.is_ascii_uppercase(),
            (Some(quote @ ('"' | '\'' | '`')), Some(first)) => first == quote || "/*:^$".contains(first),
            (Some('/' | '['), _) => true,
            (None | Some(')' | '{'), _) => false,
            _ => is_named_like_router(text.get(..found.start()).unwrap_or_default()),
        }
    })
}

/// Whether the text before a call ends with the name of a router, or with another call.
fn is_named_like_router(before: &str) -> bool {
    let before = before.trim_end();
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').map_or(0, |at| at + 1);
    let Some(name) = before.get(start..) else { return true };
    let name = name.to_ascii_lowercase();
    before.ends_with(')') || ROUTER_NAMES.iter().any(|router| name.ends_with(router))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_routers_are_told_from_those_of_other_objects() {
        for text in [
            "x.get('/users', list)",
            "users.post(`/`, add)",
            "usersRouter.get(PATHS.users, list)",
            "create().get(PATH, list)",
            "app\n  .get(PATH, list)",
            "x.get(['/a', '/b'], list)",
            "x.all(/^\\/a/, list)",
            "app.on('GET', '/x', list)",
            "x.get('', list)",
        ] {
            assert!(calls_router(text), "{text}");
        }
        for text in ["map.get(key)", "Promise.all(tasks)", "set.delete(id)", "map.get('key')", "button.on('click', f)"]
        {
            assert!(!calls_router(text), "{text}");
        }
    }
}
