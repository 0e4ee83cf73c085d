//! Writing a file so that it is there whole or not at all, also after a crash or a power cut.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `bytes` to `path`, readable by this user alone. `unfinished` is in the same folder and nobody
/// else writes to it; a crash may leave it behind.
pub(crate) fn write(path: &Path, unfinished: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)?;
    sync_folder_of(path)
}

/// Makes what was renamed or made in the folder of `path` last.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
