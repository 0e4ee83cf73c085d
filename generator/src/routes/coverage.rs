//! Finds the tests that mention a route: it compares the paths in test files with the route, segment by segment.
//!
//! It does not parse the language of a test. A path is the text from a slash after a quote, a host or a template
//! expression up to the next quote.

use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of paths that are read from one test file.
const MAX_PATHS: usize = 2_000;
/// The maximum size of a path in bytes.
const MAX_BYTES: usize = 200;

/// The paths that a test file mentions.
pub(super) fn paths(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let (mut last, mut next) = (' ', 0);
    for (at, c) in text.char_indices() {
        if c == '/' && at >= next {
            let start = match last {
                '"' | '\'' | '`' | '}' => Some(at),
                '/' => after_host(text, at),
                _ => None,
            };
            if let Some(path) = start.and_then(|start| path_at(text, start)) {
                next = at + path.len();
                found.insert(path);
            }
        }
        last = c;
        if found.len() >= MAX_PATHS {
            break;
        }
    }
    found.into_iter().collect()
}

/// The start of the path after `http://host`. `at` is the position of the second slash.
fn after_host(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at.checked_sub(1)?)?;
    let host = text.get(at + 1..)?;
    let is_address = before.ends_with("http:") || before.ends_with("https:");
    let end = host.char_indices().take(MAX_BYTES).find(|(_, c)| matches!(c, '/' | '"' | '\'' | '`' | '\n' | ' '))?.0;
    is_address.then_some(at + 1 + end)
}

fn path_at(text: &str, start: usize) -> Option<String> {
    let rest = text.get(start..)?;
    let ends = |c: char| matches!(c, '"' | '\'' | '`' | '\n' | '?' | '#' | ' ' | '\\');
    let end = rest.char_indices().take(MAX_BYTES + 1).find(|(_, c)| ends(*c)).map_or(rest.len(), |(end, _)| end);
    let path = rest.get(..end)?;
    (path.len() > 1 && path.len() <= MAX_BYTES && path.starts_with('/') && !path.starts_with("//"))
        .then(|| path.to_owned())
}

/// The segments of a path and the index of the test file that mentions it.
type Mention = (Vec<String>, usize);

/// An index of the paths that test files mention.
#[derive(Default)]
pub(super) struct Coverage {
    /// By the number of segments and the first segment.
    mentions: BTreeMap<(usize, String), Vec<Mention>>,
    files: Vec<String>,
}

impl Coverage {
    pub(super) fn add(&mut self, file: &str, paths: &[String]) {
        for path in paths {
            let segments: Vec<String> = segments(path).map(str::to_owned).collect();
            let key = (segments.len(), segments.first().cloned().unwrap_or_default());
            self.mentions.entry(key).or_default().push((segments, self.files.len()));
        }
        self.files.push(file.to_owned());
    }

    /// The test files that mention a path which the route serves.
    pub(super) fn of(&self, route: &str) -> Vec<&str> {
        let wanted: Vec<&str> = segments(route).collect();
        let Some(first) = wanted.first().filter(|first| !is_parameter(first)) else { return Vec::new() };
        let Some(mentions) = self.mentions.get(&(wanted.len(), (*first).to_owned())) else { return Vec::new() };
        let fits = |segments: &[String]| {
            wanted
                .iter()
                .zip(segments)
                .all(|(wanted, segment)| if is_parameter(wanted) { !segment.is_empty() } else { wanted == segment })
        };
        let files: BTreeSet<usize> =
            mentions.iter().filter(|(segments, _)| fits(segments)).map(|(_, file)| *file).collect();
        files.into_iter().filter_map(|file| self.files.get(file)).map(String::as_str).collect()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Whether a segment is a parameter: `{id}`, `:id`, `<int:id>`, `*`, `$id`.
pub(super) fn is_parameter(segment: &str) -> bool {
    segment.starts_with(['{', ':', '<', '*', '(', '[', '$']) || segment.contains('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_all_forms() {
        let text = r#"get("/users/1?x=1") post('/a b') `${base}/users/${id}/x` "http://localhost:80/v1/y" "//no" format!("{url}/z")"#;
        assert_eq!(paths(text), ["/a", "/users/${id}/x", "/users/1", "/v1/y", "/z"]);
    }

    #[test]
    fn a_parameter_matches_any_segment_and_a_word_only_itself() {
        let mut coverage = Coverage::default();
        coverage.add("t.rs", &["/users/1".to_owned(), "/users/${id}/x".to_owned()]);
        assert_eq!(coverage.of("/users/{id}"), ["t.rs"]);
        assert_eq!(coverage.of("/users/:id/x"), ["t.rs"]);
        assert_eq!(coverage.of("/users/me"), Vec::<&str>::new());
        assert_eq!(coverage.of("/{any}/1"), Vec::<&str>::new());
    }
}
