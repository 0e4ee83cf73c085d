//! What is special about Rust: its modules and items, the functions and attributes of its frameworks.

mod adopted;
mod attributes;
mod call;
mod crates;
mod filters;
mod functions;
mod items;
mod unresolved;

pub(super) use self::crates::{Crates, named_paths};
pub(super) use self::filters::{FilterId, Filters};
pub(super) use self::items::{Items, ModuleId, import_path};

/// Texts of which a file that declares routes has one.
const MARKERS: [&str; 24] = [
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
    "#[oai(",
    "utoipa::path",
    "ServiceConfig",
    "web::",
    "actix_web::",
    "warp::",
    "rocket",
    "poem",
    "matchit",
    "\"GET\"",
    "Method::",
];

/// Whether a file may declare routes.
pub(super) fn is_candidate(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker)) || text.contains("GET \"/")
}

/// Whether a file may compare the path of a request by hand.
pub(super) fn compares_paths(text: &str) -> bool {
    text.contains(".path()") && text.contains("Method::")
}
