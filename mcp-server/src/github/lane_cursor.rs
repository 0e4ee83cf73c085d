//! The cursor of a lane: for each repository, GitHub's own cursor of the last issue that was shown.

use std::collections::BTreeMap;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{RepoName, cut};

use super::lane::Lane;

/// Where a page of a lane begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LaneCursor(BTreeMap<RepoName, String>);

impl LaneCursor {
    /// Parses the text of a cursor. `None` if it is not a cursor of this lane of these repositories.
    pub(crate) fn parse(text: &str, lane: Lane, repos: &[RepoName]) -> Option<Self> {
        let mut words = text.split('.');
        if words.next()? != checksum(lane, repos) {
            return None;
        }
        let place = |word: &str| {
            let (index, cursor) = word.split_once(':')?;
            let repo = repos.get(index.parse::<usize>().ok()?)?;
            is_readable(cursor).then(|| (repo.clone(), cursor.to_owned()))
        };
        words.map(place).collect::<Option<_>>().map(Self)
    }

    /// The cursor as text, for the same lane and repositories.
    pub(crate) fn text(&self, lane: Lane, repos: &[RepoName]) -> String {
        let place = |(index, repo): (usize, &RepoName)| Some(format!(".{index}:{}", self.after(repo)?));
        let places: String = repos.iter().enumerate().filter_map(place).collect();
        checksum(lane, repos) + &places
    }

    /// GitHub's cursor of the last issue of this repository that was shown.
    pub(crate) fn after(&self, repo: &RepoName) -> Option<&str> {
        self.0.get(repo).map(String::as_str)
    }

    /// Moves the page of this repository behind an issue.
    pub(crate) fn move_behind(&mut self, repo: &RepoName, cursor: &str) {
        self.0.insert(repo.clone(), cursor.to_owned());
    }
}

/// Whether this cursor of GitHub can be a part of the text. GitHub's cursors are short and in base64.
pub(super) fn is_readable(cursor: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    (1..=100).contains(&cursor.len()) && cursor.chars().all(is_base64)
}

/// Marks the lane and the repositories, because the text of a cursor counts the repositories.
fn checksum(lane: Lane, repos: &[RepoName]) -> String {
    let names: Vec<&str> = repos.iter().map(RepoName::as_str).collect();
    let digest = sha256_hex(format!("{}\n{}", lane.title(), names.join("\n")).as_bytes());
    cut::to_chars(&digest, 8).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_lane_of_the_same_repositories() {
        let repos: Vec<RepoName> = ["a/b", "a/c", "a/d"].map(|name| name.parse().unwrap()).into();
        let mut cursor = LaneCursor::default();
        cursor.move_behind(&repos[2], "Y3Vyc29yOjUw");
        cursor.move_behind(&repos[0], "Y3Vyc29yOjE=");
        let text = cursor.text(Lane::Ready, &repos);
        assert!(text.ends_with(".0:Y3Vyc29yOjE=.2:Y3Vyc29yOjUw"), "{text}");
        assert_eq!(LaneCursor::parse(&text, Lane::Ready, &repos), Some(cursor));
        assert_eq!(LaneCursor::parse(&text, Lane::Blocked, &repos), None);
        assert_eq!(LaneCursor::parse(&text, Lane::Ready, &repos[..2]), None);
        let start = LaneCursor::default().text(Lane::Ready, &repos);
        assert_eq!(LaneCursor::parse(&start, Lane::Ready, &repos), Some(LaneCursor::default()));
        for end in [".", ".0", ".0:", ".3:x", ".0:a b", ".-1:x"] {
            assert_eq!(LaneCursor::parse(&format!("{start}{end}"), Lane::Ready, &repos), None, "{end}");
        }
    }
}
