//! Files of Python.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::super::framework;
use super::{SMALL, Words, has_any, has_path_constant};
use crate::code::Language;
use crate::paths;

/// Texts of which a file that declares routes has one, beside the import of a framework.
const MARKERS: [&str; 13] = [
    "urlpatterns",
    "APIRouter",
    "Blueprint(",
    "RouteTableDef",
    ".add_url_rule(",
    ".add_api_route(",
    ".add_route",
    ".add_subapp(",
    "web.View",
    "(app):",
    "(app,",
    ".route(",
    "Route(",
];
/// Texts of which a file that declares routes with Django has one. Most files of such a program import Django.
const DJANGO_MARKERS: [&str; 8] =
    ["path(", "url(", "include(", ".register(", ".as_view(", "@api_view", "@action", "outer("];
/// Texts of which a file has one that may have a part of a route: views, classes above views, prefixes, and routers.
const PARTS: [&str; 29] = [
    "outer",
    "View",
    "Resource",
    "ontroller",
    "Endpoint",
    "include(",
    "urls",
    "path(",
    "path =",
    "path=",
    "path:",
    "prefix",
    "version = ",
    "methods",
    "actions =",
    "@action",
    "lookup_",
    "route",
    "def get(",
    "def post(",
    "def put(",
    "def patch(",
    "def delete(",
    "def list(",
    "def create(",
    "\"/",
    "'/",
    "/\"",
    "/'",
];
/// Texts of which a file has one whose own imports may have a part of a route.
const LINKS: [&str; 12] = [
    "outer",
    "View",
    "Resource",
    "Mixin",
    "ontroller",
    "Endpoint",
    "include(",
    "urls",
    "refix",
    "PREFIX",
    "ettings",
    "onfig",
];

static DECLARING: Words = LazyLock::new(|| {
    let packages = framework::packages(Language::Python).filter(|package| !is_django(package));
    let imports = packages.flat_map(|package| [format!("from {package}"), format!("import {package}")]);
    AhoCorasick::new(imports.chain(MARKERS.map(str::to_owned))).ok()
});
static DJANGO: Words = LazyLock::new(|| AhoCorasick::new(["import django", "from django", "rest_framework"]).ok());
static DJANGO_DECLARING: Words = LazyLock::new(|| AhoCorasick::new(DJANGO_MARKERS).ok());
static LINK: Words = LazyLock::new(|| AhoCorasick::new(LINKS).ok());
static PART: Words = LazyLock::new(|| AhoCorasick::new(PARTS).ok());

fn is_django(package: &str) -> bool {
    package == "django" || package.starts_with("rest_framework")
}

pub(super) fn is_candidate(text: &str) -> bool {
    has_any(&DECLARING, text) || has_any(&DJANGO, text) && has_any(&DJANGO_DECLARING, text)
}

pub(super) fn is_needed(path: &str, text: &str) -> bool {
    text.len() <= SMALL || imports_matter(path, text) || has_any(&PART, text) || has_path_constant(text)
}

pub(super) fn imports_matter(path: &str, text: &str) -> bool {
    paths::name(path) == "__init__.py" || has_any(&LINK, text)
}
