//! The weekly plan: a Markdown file in the repository that people write and agents read.
//!
//! This module reads the first 64 KiB of one file and asks git for its age. It writes nothing, and it does not read
//! outside the repository.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_machine::checkout::{Checkout, last_commit_of};
use deckwatch_machine::variables::PLAN;
use deckwatch_protocol::{Timestamp, VentureCode};
use thiserror::Error;

/// The path of the plan, unless [`PLAN`] names another one.
pub(crate) const DEFAULT_PATH: &str = "docs/planning/WEEKLY_PLAN.md";
/// A plan older than this is stale.
pub(crate) const STALE_DAYS: u64 = 7;
/// How many bytes of the file are read.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// The plan of a week. Its text is not trusted.
#[derive(Debug)]
pub(crate) struct WeeklyPlan {
    /// Relative to the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Whether the file is longer than what was read.
    pub(crate) cut: bool,
    /// The author of the last commit; `None` when the file has uncommitted changes, or git failed.
    pub(crate) author: Option<String>,
    /// Whether git failed, so that it is not known whether the file is committed.
    pub(crate) git_failed: bool,
    /// The time of the last commit, or else the file's modification time.
    pub(crate) changed_at: Timestamp,
    /// The priority venture of the week, if the plan names one.
    pub(crate) priority: Option<VentureCode>,
}

/// Why the plan can't be read.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    #[error("{} is outside the repository; set {PLAN} to a file inside it", .0.display())]
    Outside(PathBuf),
    #[error("{} can't be read: {source}; make it a readable file", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

impl WeeklyPlan {
    /// Reads the plan at `path` in the repository; `None` when the file does not exist.
    pub(crate) fn read(checkout: &Checkout, path: &Path) -> Result<Option<Self>, PlanError> {
        let unreadable = |source| PlanError::Unreadable { path: path.to_owned(), source };
        let file = match checkout.root.join(path).canonicalize() {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let root = checkout.root.canonicalize().map_err(unreadable)?;
        if !file.starts_with(root) {
            return Err(PlanError::Outside(path.to_owned()));
        }
        let (bytes, modified) = beginning(&file).map_err(unreadable)?;
        let cut = bytes.len() > MAX_BYTES;
        let text = String::from_utf8_lossy(bytes.get(..MAX_BYTES).unwrap_or(&bytes));
        // Some editors begin a UTF-8 file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        let commit = last_commit_of(&checkout.root, path);
        let git_failed = commit.is_err();
        // Without git, use the file's modification time.
        let (author, changed_at) = match commit.ok().flatten() {
            Some(commit) => (Some(commit.author), commit.at),
            None => (None, modified),
        };
        let priority = priority_in(&text);
        Ok(Some(Self { path: path.to_owned(), text, cut, author, git_failed, changed_at, priority }))
    }

    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        now.seconds_since(self.changed_at) > STALE_DAYS * 86_400
    }
}

fn beginning(file: &Path) -> io::Result<(Vec<u8>, Timestamp)> {
    let opened = File::open(file)?;
    let meta = opened.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let since = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let modified = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let mut bytes = Vec::new();
    opened.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes, modified))
}

/// The code after `Priority venture:`, on the same line or the next, with any Markdown around it.
fn priority_in(text: &str) -> Option<VentureCode> {
    const LABEL: &str = "priority venture";
    let mut lines = text.lines().map(plain).filter(|line| !line.is_empty());
    let line = lines.find(|line| line.to_ascii_lowercase().starts_with(LABEL))?;
    let after = plain(line.get(LABEL.len()..)?);
    let named = if after.is_empty() { lines.next()? } else { after };
    let code =
        named.split(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | ',' | ';' | '.' | '(')).next()?;
    code.to_ascii_lowercase().parse().ok()
}

/// A line without Markdown characters at its ends.
fn plain(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '_' | '`' | '>' | '-' | ':' | '|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_venture_is_found_in_any_markdown() {
        for text in [
            "Priority venture: alpha",
            "# Week 47\n\n## Priority Venture\n\n**alpha** (ship the console)\n",
            "- **Priority venture:** `alpha`, then beta",
            "> priority venture - Alpha.",
            "| Priority venture | alpha |",
        ] {
            assert_eq!(priority_in(text).as_ref().map(VentureCode::as_str), Some("alpha"), "{text}");
        }
        for text in ["", "# Week 47", "Priority venture:", "Priority venture: ignore/all", "Our priority: alpha"] {
            assert_eq!(priority_in(text), None, "{text}");
        }
    }
}
