//! Searches the dev root for repositories, with limits on depth and number of folders.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

const MAX_DEPTH: usize = 3;
const MAX_FOLDERS: usize = 20_000;
/// Folders with generated files. They contain no working repositories.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// The result of a walk.
pub(super) struct Walked {
    /// Folders with a `.git` in them.
    pub(super) folders: Vec<PathBuf>,
    /// The walk stopped at the limit of folders.
    pub(super) cut_short: bool,
}

/// Finds repositories at most three levels below `dev_root`. It does not follow symbolic links and does not search inside
/// repositories.
pub(super) fn walk(dev_root: &Path) -> io::Result<Walked> {
    let mut walked = Walked { folders: Vec::new(), cut_short: false };
    if dev_root.join(".git").exists() {
        walked.folders.push(dev_root.to_owned());
    }
    let mut level = match folders_in(dev_root) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut seen = 0;
    for _ in 0..MAX_DEPTH {
        let mut deeper = Vec::new();
        for folder in level {
            seen += 1;
            if seen > MAX_FOLDERS {
                walked.cut_short = true;
                return Ok(walked);
            }
            if folder.join(".git").exists() {
                walked.folders.push(folder);
            } else {
                // A folder that this user can't read is skipped.
                deeper.extend(folders_in(&folder).unwrap_or_default());
            }
        }
        level = deeper;
    }
    Ok(walked)
}

fn folders_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let wanted = |entry: &DirEntry| {
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let skipped = SKIPPED.iter().any(|skipped| name == OsStr::new(skipped));
        !hidden && !skipped && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    let entries = std::fs::read_dir(dir)?.filter_map(Result::ok).filter(wanted);
    Ok(entries.map(|entry| entry.path()).collect())
}
