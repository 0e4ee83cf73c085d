//! The cursor of a lane: for each repository, GitHub's own cursor of the last issue that was shown, on the agent's track
//! and apart from it.

use std::collections::BTreeMap;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{RepoName, Track, cut};

use super::lane::Lane;

/// Where a page of a lane begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LaneCursor(BTreeMap<(RepoName, bool), String>);

/// The lane that a cursor belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CursorOf<'a> {
    pub(crate) lane: Lane,
    pub(crate) track: Option<Track>,
    pub(crate) repos: &'a [RepoName],
}

/// Marks the places of items on the agent's track.
const ON_TRACK: char = 't';

impl LaneCursor {
    /// Parses the text of a cursor. `None` if it is not a cursor of this lane of these repositories.
    pub(crate) fn parse(text: &str, of: CursorOf) -> Option<Self> {
        let mut words = text.split('.');
        if words.next()? != checksum(of) {
            return None;
        }
        let place = |word: &str| {
            let (index, cursor) = word.split_once(':')?;
            let (on_track, index) = index.strip_prefix(ON_TRACK).map_or((false, index), |index| (true, index));
            let repo = of.repos.get(index.parse::<usize>().ok()?)?;
            is_readable(cursor).then(|| ((repo.clone(), on_track), cursor.to_owned()))
        };
        words.map(place).collect::<Option<_>>().map(Self)
    }

    /// The cursor as text, for the same lane and repositories.
    pub(crate) fn text(&self, of: CursorOf) -> String {
        let mut text = checksum(of);
        for (index, repo) in of.repos.iter().enumerate() {
            for (on_track, mark) in [(true, "t"), (false, "")] {
                if let Some(cursor) = self.after(repo, on_track) {
                    text.extend([".", mark, &index.to_string(), ":", cursor]);
                }
            }
        }
        text
    }

    /// GitHub's cursor of the last issue of this repository that was shown, on the agent's track or apart from it.
    pub(crate) fn after(&self, repo: &RepoName, on_track: bool) -> Option<&str> {
        self.0.get(&(repo.clone(), on_track)).map(String::as_str)
    }

    /// Moves the page of this repository behind an issue.
    pub(crate) fn move_behind(&mut self, repo: &RepoName, on_track: bool, cursor: &str) {
        self.0.insert((repo.clone(), on_track), cursor.to_owned());
    }
}

/// Whether this cursor of GitHub can be a part of the text. GitHub's cursors are short and in base64.
pub(super) fn is_readable(cursor: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    (1..=100).contains(&cursor.len()) && cursor.chars().all(is_base64)
}

/// Marks the lane, the track and the repositories, because the text of a cursor counts the repositories.
fn checksum(CursorOf { lane, track, repos }: CursorOf) -> String {
    let names: Vec<&str> = repos.iter().map(RepoName::as_str).collect();
    let track = track.map_or(String::new(), |track| format!("\n{track}"));
    let digest = sha256_hex(format!("{}\n{}{track}", lane.title(), names.join("\n")).as_bytes());
    cut::to_chars(&digest, 8).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_lane_of_the_same_repositories() {
        let repos: Vec<RepoName> = ["a/b", "a/c", "a/d"].map(|name| name.parse().unwrap()).into();
        let of = CursorOf { lane: Lane::Ready, track: None, repos: &repos };
        let mut cursor = LaneCursor::default();
        cursor.move_behind(&repos[2], false, "Y3Vyc29yOjUw");
        cursor.move_behind(&repos[0], false, "Y3Vyc29yOjE=");
        cursor.move_behind(&repos[0], true, "Y3Vyc29yOjI=");
        let text = cursor.text(of);
        assert!(text.ends_with(".t0:Y3Vyc29yOjI=.0:Y3Vyc29yOjE=.2:Y3Vyc29yOjUw"), "{text}");
        assert_eq!(LaneCursor::parse(&text, of), Some(cursor));
        assert_eq!(LaneCursor::parse(&text, CursorOf { lane: Lane::Blocked, ..of }), None);
        assert_eq!(LaneCursor::parse(&text, CursorOf { repos: &repos[..2], ..of }), None);
        assert_eq!(LaneCursor::parse(&text, CursorOf { track: Some("3".parse().unwrap()), ..of }), None);
        let start = LaneCursor::default().text(of);
        assert_eq!(LaneCursor::parse(&start, of), Some(LaneCursor::default()));
        for end in [".", ".0", ".0:", ".3:x", ".0:a b", ".-1:x", ".t:x", ".t3:x", ".tt0:x"] {
            assert_eq!(LaneCursor::parse(&format!("{start}{end}"), of), None, "{end}");
        }
    }
}
