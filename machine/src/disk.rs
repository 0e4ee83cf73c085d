//! Advice for a file that cannot be written.

use std::io::{self, ErrorKind};

/// How a person can fix `error`, as the end of a sentence.
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "free some space on that disk",
        ErrorKind::ReadOnlyFilesystem => {
            "that file system is read-only: make it writable, or name folders on another one in XDG_DATA_HOME, \
             XDG_STATE_HOME and XDG_CACHE_HOME"
        }
        ErrorKind::NotADirectory => "a file is in the place of one of these folders: move it away",
        _ => "make that folder writable for you",
    }
}
