//! The weekly plan: a Markdown file of the repository that people write and agents read.
//!
//! It reads one file and asks git how old it is. It never leaves the repository, writes nothing, and
//! takes no more than a bounded beginning of the file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_client::checkout::{Checkout, last_commit_of};
use deckwatch_client::variables::PLAN;
use deckwatch_protocol::{Timestamp, VentureCode};
use thiserror::Error;

/// Where the plan is, unless [`PLAN`] says otherwise.
pub(crate) const DEFAULT_PATH: &str = "docs/planning/WEEKLY_PLAN.md";
/// A plan older than this is stale.
pub(crate) const STALE_DAYS: u64 = 7;
/// As much of its file as is read.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// The plan of a week. Its text is that of whoever wrote it.
#[derive(Debug)]
pub(crate) struct WeeklyPlan {
    /// Below the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Its file has more than was read.
    pub(crate) cut: bool,
    /// Who committed it last; `None` when it has changes that are not committed, or git did not say.
    pub(crate) author: Option<String>,
    /// Git did not say whether it is committed.
    pub(crate) git_failed: bool,
    /// When it was committed last, or when its file changed.
    pub(crate) changed_at: Timestamp,
    /// The venture that comes first this week, if the plan names one.
    pub(crate) priority: Option<VentureCode>,
}

/// Why there is no plan to read.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    #[error("{} leads out of the repository; name a file inside it in {PLAN}", .0.display())]
    Outside(PathBuf),
    #[error("{} can't be read: {source}; make it a readable file", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

impl WeeklyPlan {
    /// Reads the plan at `path` in the repository; `None` when it is not there.
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
        // Some editors mark a file as UTF-8 at its beginning.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        let commit = last_commit_of(&checkout.root, path);
        let git_failed = commit.is_err();
        // Without git the file's own time is what there is.
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
        return Err(io::Error::other("it is no file"));
    }
    let since = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let modified = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let mut bytes = Vec::new();
    opened.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes, modified))
}

/// The code after `Priority venture:`, in whatever Markdown it is dressed, on that line or the next.
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

/// A line without the marks of Markdown at its ends.
fn plain(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '_' | '`' | '>' | '-' | ':' | '|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_venture_is_found_in_every_dress() {
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
