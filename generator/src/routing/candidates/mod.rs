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

/// A file of this size in bytes is needed if another one imports it, since reading it is cheaper than a mistake.
const SMALL: usize = 600;

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
pub(super) fn is_needed(path: &str, text: &str) -> bool {
    match language(path) {
        Some(Language::Rust) => rust::is_useful(text),
        Some(Language::Java) => spring::is_needed(text),
        Some(Language::Go) => go::is_needed(text),
        Some(Language::JavaScript) => javascript::is_needed(text),
        Some(Language::Python) => python::is_needed(path, text),
        _ => true,
    }
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

/// Whether a line that is at most a little indented gives a name a text, as in `prefix = "api"`.
fn assigns_text(text: &str) -> bool {
    let assigns = |line: &str| {
        let trimmed = line.trim_start();
        let Some((left, right)) = trimmed.split_once('=').filter(|_| line.len() - trimmed.len() <= 4) else {
            return false;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | ':' | ' ' | '[' | ']' | '|');
        let right = right.trim_start();
        let right = right.strip_prefix(['f', 'r']).unwrap_or(right);
        left.chars().all(is_name) && right.starts_with(['"', '\'', '`'])
    };
    text.lines().any(assigns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_texts_with_a_name() {
        for line in ["PREFIX = \"api\"", "export const API_VERSION = 'v1';", "    prefix: str = f\"{x}\""] {
            assert!(assigns_text(line), "{line}");
        }
        for line in ["a == b", "        deep = 'x'", "call(name='x')", "PREFIX = other"] {
            assert!(!assigns_text(line), "{line}");
        }
    }
}
