//! Decides by its text whether a file is parsed. Parsing takes most of the time of a document, and most files of a
//! repository declare no routes.
//!
//! A candidate is a file that may declare routes. The files that candidates import are needed if they may have a part of
//! a route: a path, a constant, a router, or a function that makes one.

mod javascript;
mod python;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

pub(super) use self::javascript::compares_paths;
use super::modules::Modules;
use super::{go, language, laravel, rails, rust, spring};
use crate::code::Language;
use crate::skipped::Reason;

/// A file of this size in bytes is needed if another one imports it, since reading it is cheaper than a mistake.
const SMALL: usize = 2_048;

/// The maximum indentation of a member with a text that may be a part of a path, in bytes.
const MAX_INDENT: usize = 4;
/// The maximum size of such a text, in bytes.
const MAX_PART: usize = 80;

/// Several texts that are searched at once.
type Words = LazyLock<Option<AhoCorasick>>;

/// Whether a file may declare routes.
pub(super) fn is_candidate(path: &str, text: &str, modules: &Modules) -> bool {
    match language(path) {
        Some(Language::Python) => python::is_candidate(text),
        Some(Language::Rust) => rust::is_candidate(text),
        Some(Language::Go) => go::is_candidate(text),
        Some(Language::Ruby) => rails::is_candidate(path, text),
        Some(Language::Php) => laravel::is_candidate(path, text),
        Some(Language::Java) => spring::is_candidate(text),
        Some(Language::JavaScript) => javascript::is_candidate(path, text, modules),
        None => false,
    }
}

/// Whether a file that another one names is read.
pub(super) fn is_needed(path: &str, text: &str, has_described_routes: bool) -> bool {
    match language(path) {
        Some(Language::Rust) => rust::is_useful(text, has_described_routes),
        Some(Language::Java) => spring::is_needed(text),
        Some(Language::Go) => go::is_needed(text),
        Some(Language::JavaScript) => javascript::is_needed(text),
        Some(Language::Python) => python::is_needed(path, text),
        _ => true,
    }
}

/// Why a file is not read although it may look like one that declares routes. `None` if it does not look so.
pub(super) fn reason_to_skip(path: &str, text: &str) -> Option<Reason> {
    if language(path) == Some(Language::JavaScript) { javascript::reason_to_skip(text) } else { None }
}

/// Whether the values that a file of JavaScript or Python imports matter: it mounts them, or exports them as its own.
pub(super) fn imports_matter(path: &str, text: &str) -> bool {
    match language(path) {
        Some(Language::Python) => python::imports_matter(path, text),
        _ => javascript::imports_matter(path, text),
    }
}

fn has_any(words: &Words, text: &str) -> bool {
    words.as_ref().is_some_and(|words| words.is_match(text))
}

/// Whether a file gives a name a text that may be a part of a path, as in `PREFIX = "api"`: at the top of the file, or as
/// a member of a class, an enumeration or a record.
fn has_path_constant(text: &str) -> bool {
    text.lines().any(is_path_constant)
}

fn is_path_constant(line: &str) -> bool {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    let Some((left, right)) = trimmed.split_once('=').filter(|_| indent <= MAX_INDENT) else { return false };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | ':' | ' ' | '[' | ']' | '|');
    let is_local = || ["const ", "let ", "var "].iter().any(|start| left.starts_with(start));
    let is_member =
        |left: &str| !left.trim_end().contains(|c: char| c.is_ascii_lowercase()) || left.contains([':', ' ']);
    let is_kept = indent == 0 || !is_local() && is_member(left.trim_end()) || right.trim_end().ends_with(',');
    is_kept && !left.starts_with('_') && left.chars().all(is_name) && begins_with_path_part(right.trim_start())
}

/// Whether a source text begins with a string literal that may be a part of a path.
pub(super) fn begins_with_path_part(source: &str) -> bool {
    let source = source.strip_prefix(['f', 'r']).unwrap_or(source);
    let Some(quote) = source.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`')) else { return false };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./{}:$*<>()".contains(c);
    let inside = source.get(1..).unwrap_or_default();
    inside
        .find(quote)
        .is_some_and(|end| (1..=MAX_PART).contains(&end) && inside.chars().take_while(|c| *c != quote).all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_texts_with_a_name() {
        for line in [
            "PREFIX = \"api\"",
            "export const API_VERSION = 'v1';",
            "    prefix: str = f\"{x}\"",
            "    PREFIX = 'v1'",
            "  Users = 'users',",
            "  static base = '/users'",
        ] {
            assert!(is_path_constant(line), "{line}");
        }
        for line in [
            "a == b",
            "        deep = 'x'",
            "call(name='x')",
            "PREFIX = other",
            "TEXT = 'one two'",
            "    local = 'x'",
            "  const local = 'x'",
            "__version__ = '1.0'",
        ] {
            assert!(!is_path_constant(line), "{line}");
        }
    }
}
