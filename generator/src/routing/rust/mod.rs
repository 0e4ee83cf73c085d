//! What is special about Rust: its modules and items, the functions and attributes of its frameworks.

mod adopted;
mod attributes;
mod call;
mod crates;
mod filters;
mod functions;
mod items;
mod relevant;
mod tables;
mod unresolved;

pub(super) use self::crates::{Crates, named_paths};
pub(super) use self::filters::{FilterId, Filters};
pub(super) use self::items::{Items, ModuleId, import_path};
pub(super) use self::relevant::irrelevant;

use super::candidates::begins_with_path_part;

/// Texts of which a file that declares routes has one. Most files of a program have none, and reading them takes time.
const MARKERS: [&str; 37] = [
    "Router",
    ".route(",
    ".nest(",
    "routes!",
    "#[get(",
    "#[post(",
    "#[put(",
    "#[delete(",
    "#[patch(",
    "#[head(",
    "#[options(",
    "#[route(",
    "#[routes]",
    "::get(\"/",
    "::post(\"/",
    "::put(\"/",
    "::delete(\"/",
    "::patch(\"/",
    "#[oai(",
    "ServiceConfig",
    "web::scope",
    "web::resource",
    "Resource::new",
    "HttpServiceFactory",
    "App::new",
    "warp::",
    "rocket::build",
    "rocket::custom",
    "Rocket<",
    ".mount(",
    "Route::new",
    "RouteMethod",
    "OpenApiService",
    "GET \"/",
    "\" => get(",
    "\" => post(",
    "\" => [get(",
];
/// The part of a file that says whether a program wrote it, in bytes.
const HEAD: usize = 500;
/// Texts of which a file has one that other files may need for their routes: names from elsewhere.
const USEFUL: [&str; 2] = ["pub use", "pub(crate) use"];
/// The types of constants that may be a part of a path.
const CONSTANTS: [&str; 2] = [": &str = ", ": &'static str = "];
/// The start of a module with tests at the end of a file.
const TESTS: [&str; 2] = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\nmod test {"];

/// Whether a program wrote the file.
fn is_generated(text: &str) -> bool {
    deckwatch_protocol::cut::to_bytes(text, HEAD).contains("@generated")
}

/// Whether a file may declare routes.
pub(super) fn is_candidate(text: &str) -> bool {
    !is_generated(text) && has_marker(text)
}

fn has_marker(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker))
        || text.contains("GET\" \"/")
        || text.contains("Method::GET, \"/")
        || compares_paths(text)
}

/// Whether another file may need a file for its routes. Functions that a document of the API describes are routes only
/// where a macro adds them to a router.
pub(super) fn is_useful(text: &str, has_described_routes: bool) -> bool {
    let has_constant = |start: &&str| {
        let mut rest = text.match_indices(*start).filter_map(|(at, found)| text.get(at + found.len()..));
        rest.any(begins_with_path_part)
    };
    is_candidate(text)
        || USEFUL.iter().any(|text_of_use| text.contains(text_of_use))
        || CONSTANTS.iter().any(has_constant)
        || text.contains("&'static str") && text.contains("\"/")
        || has_described_routes && text.contains("utoipa::path")
}

/// Whether a file adds functions to a router by what their attributes say.
pub(super) fn has_described_routes(text: &str) -> bool {
    text.contains("routes!")
}

/// The text without the module of tests that ends it, which is about half of many files.
pub(super) fn without_tests(text: &str) -> &str {
    let Some((code, tests)) = TESTS.iter().find_map(|start| text.split_once(start)) else { return text };
    // The module ends the file if only its last line is a brace that begins a line.
    if tests.trim_end().split_once("\n}").is_some_and(|(_, rest)| rest.is_empty()) { code } else { text }
}

/// Whether a file may compare the path of a request by hand.
pub(super) fn compares_paths(text: &str) -> bool {
    text.contains(".path()") && text.contains("Method::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_at_the_end_of_a_file_are_left_out() {
        let code = "fn main() {\n}\n";
        let tests = "\n#[cfg(test)]\nmod tests {\n    fn one() {\n    }\n}\n";
        assert_eq!(without_tests(&format!("{code}{tests}")), code);
        let before = format!("{tests}fn after() {{\n}}\n");
        assert_eq!(without_tests(&before), before);
        assert_eq!(without_tests(code), code);
    }
}
