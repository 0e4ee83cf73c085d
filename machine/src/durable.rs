//! Atomic file writes: after a crash or a power cut, a file has its old content or its new content, never a part.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `bytes` to `path` with mode 0600. `unfinished` is a temporary file in the same folder that no other process
/// writes. A crash can leave it behind.
pub fn write(path: &Path, unfinished: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)?;
    sync_folder_of(path)
}

/// Syncs the folder of `path`, so that renamed and new files survive a power cut.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
