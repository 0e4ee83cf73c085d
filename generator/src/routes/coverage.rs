//! Which tests name which path: the texts of test files that look like one, matched segment by segment.
//!
//! It reads no language: a path is what follows a quote, a host or a template up to the next quote.

use std::collections::{BTreeMap, BTreeSet};

/// Paths of one test file, and bytes of one path.
const PATHS: usize = 2_000;
const BYTES: usize = 200;

/// The paths that a test file names.
pub(super) fn paths(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let (mut last, mut past) = (' ', 0);
    for (at, c) in text.char_indices() {
        if c == '/' && at >= past {
            let start = match last {
                '"' | '\'' | '`' | '}' => Some(at),
                '/' => after_host(text, at),
                _ => None,
            };
            if let Some(path) = start.and_then(|start| path_at(text, start)) {
                past = at + path.len();
                found.insert(path);
            }
        }
        last = c;
        if found.len() >= PATHS {
            break;
        }
    }
    found.into_iter().collect()
}

/// Where the path starts after `http://host`, whose second slash stands at `at`.
fn after_host(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at.checked_sub(1)?)?;
    let host = text.get(at + 1..)?;
    let is_address = before.ends_with("http:") || before.ends_with("https:");
    let end = host.char_indices().take(BYTES).find(|(_, c)| matches!(c, '/' | '"' | '\'' | '`' | '\n' | ' '))?.0;
    is_address.then_some(at + 1 + end)
}

fn path_at(text: &str, start: usize) -> Option<String> {
    let rest = text.get(start..)?;
    let ends = |c: char| matches!(c, '"' | '\'' | '`' | '\n' | '?' | '#' | ' ' | '\\');
    let end = rest.char_indices().take(BYTES + 1).find(|(_, c)| ends(*c)).map_or(rest.len(), |(end, _)| end);
    let path = rest.get(..end)?;
    (path.len() > 1 && path.len() <= BYTES && path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned())
}

/// A path in segments, and the file that names it.
type Named = (Vec<String>, usize);

/// The test files that name a path, by the segments of what they name.
#[derive(Default)]
pub(super) struct Coverage {
    /// Files by number of segments and first segment.
    named: BTreeMap<(usize, String), Vec<Named>>,
    files: Vec<String>,
}

impl Coverage {
    pub(super) fn add(&mut self, file: &str, paths: &[String]) {
        for path in paths {
            let segments: Vec<String> = segments(path).map(str::to_owned).collect();
            let key = (segments.len(), segments.first().cloned().unwrap_or_default());
            self.named.entry(key).or_default().push((segments, self.files.len()));
        }
        self.files.push(file.to_owned());
    }

    /// The files with a path that the route can answer.
    pub(super) fn of(&self, route: &str) -> Vec<&str> {
        let wanted: Vec<&str> = segments(route).collect();
        let Some(first) = wanted.first().filter(|first| !is_parameter(first)) else { return Vec::new() };
        let Some(named) = self.named.get(&(wanted.len(), (*first).to_owned())) else { return Vec::new() };
        let fits = |segments: &[String]| {
            wanted
                .iter()
                .zip(segments)
                .all(|(wanted, named)| if is_parameter(wanted) { !named.is_empty() } else { wanted == named })
        };
        let files: BTreeSet<usize> =
            named.iter().filter(|(segments, _)| fits(segments)).map(|(_, file)| *file).collect();
        files.into_iter().filter_map(|file| self.files.get(file)).map(String::as_str).collect()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// `{id}`, `:id`, `<int:id>`, `*`, `$id`.
pub(super) fn is_parameter(segment: &str) -> bool {
    segment.starts_with(['{', ':', '<', '*', '(', '[', '$']) || segment.contains('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_every_way_to_write_them() {
        let text = r#"get("/users/1?x=1") post('/a b') `${base}/users/${id}/x` "http://localhost:80/v1/y" "//no" format!("{url}/z")"#;
        assert_eq!(paths(text), ["/a", "/users/${id}/x", "/users/1", "/v1/y", "/z"]);
    }

    #[test]
    fn a_parameter_fits_everything_and_a_word_itself() {
        let mut coverage = Coverage::default();
        coverage.add("t.rs", &["/users/1".to_owned(), "/users/${id}/x".to_owned()]);
        assert_eq!(coverage.of("/users/{id}"), ["t.rs"]);
        assert_eq!(coverage.of("/users/:id/x"), ["t.rs"]);
        assert_eq!(coverage.of("/users/me"), Vec::<&str>::new());
        assert_eq!(coverage.of("/{any}/1"), Vec::<&str>::new());
    }
}
