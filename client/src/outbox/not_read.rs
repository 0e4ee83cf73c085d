//! Says that writes in the outbox could not be read. Every program uses this text.

use std::fmt;

use super::Skipped;
use super::folder::StorageError;

/// Why writes in the outbox could not be read, and what a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// The folder or the files, and the error.
    pub cause: String,
    /// What a person can do, as one or two sentences.
    pub remedy: &'static str,
}

impl NotRead {
    /// The folder of the queue can't be read.
    pub(super) fn folder(error: &StorageError) -> Self {
        Self { cause: error.to_string(), remedy: "Check that the disk works and that the folder belongs to your user." }
    }

    /// These files can't be read. `None` if there are none.
    pub(super) fn files(files: &[Skipped]) -> Option<Self> {
        let (first, others) = files.split_first()?;
        let more = match others.len() {
            0 => String::new(),
            1 => " (and 1 more file)".to_owned(),
            count => format!(" (and {count} more files)"),
        };
        Some(Self {
            cause: format!("can't read {}: {}{more}", first.path.display(), first.cause),
            remedy: "Keep such a file, because it may contain a write that is not recorded. Make it readable for your \
                     user, or update Deckwatch.",
        })
    }
}

/// The whole message. It begins in lower case, because a label such as `warning:` stands before it.
impl fmt::Display for NotRead {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "writes that wait on this machine may be missing: {}. {}", self.cause, self.remedy)
    }
}
