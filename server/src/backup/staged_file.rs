//! A file that gets its final name only when it is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BackupError, at};
use crate::private_files::{private_file, sidecar_files};

/// Maximum number of temporary folders that killed processes may leave.
const MAX_LEFTOVERS: u32 = 1000;

/// A temporary file in a folder of its own next to its final path. So it is deleted together with the files that
/// SQLite creates next to it.
pub(super) struct StagedFile {
    folder: PathBuf,
    file: PathBuf,
}

impl StagedFile {
    /// Creates an empty file that only its owner can read. It will become `to`.
    pub(super) fn next_to(to: &Path) -> Result<Self, BackupError> {
        let name = to.file_name().unwrap_or_default();
        let folder = own_folder(to).map_err(at(to))?;
        let staged = Self { file: folder.join(name), folder };
        private_file(&staged.file).map_err(at(to))?;
        Ok(staged)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Renames the finished file to its final name, unless a file with that name exists by now.
    pub(super) fn publish(self, to: &Path) -> Result<(), BackupError> {
        // If SQLite has no space to write the log into the database, it closes the database without an error.
        if leftover_sidecar(&self.file).is_some() {
            return Err(at(to)(io::Error::new(
                io::ErrorKind::StorageFull,
                "not enough disk space for the file and for SQLite's log; free some space and try again",
            )));
        }
        fs::File::open(&self.file).and_then(|file| file.sync_all()).map_err(at(to))?;
        require_absent(to)?;
        fs::hard_link(&self.file, to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => at(to)(error),
        })?;
        // Sync the folder, so that the name survives a power loss.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
            log::warn!("could not sync {}: {error}", folder.display());
        }
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log::warn!("could not remove {}: {error}", self.folder.display());
        }
    }
}

/// Fails if `path`, or a file that SQLite would use as a part of it, exists.
pub(super) fn require_absent(path: &Path) -> Result<(), BackupError> {
    if path.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(path.to_owned()));
    }
    leftover_sidecar(path).map_or(Ok(()), |file| Err(BackupError::LeftBehind(file)))
}

/// A file that SQLite would use as a part of the database.
fn leftover_sidecar(database: &Path) -> Option<PathBuf> {
    sidecar_files(database).find(|path| path.symlink_metadata().is_ok())
}

fn own_folder(to: &Path) -> io::Result<PathBuf> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    for n in 0..MAX_LEFTOVERS {
        let folder = to.with_file_name(format!(".{name}.{}.{n}", std::process::id()));
        match builder.create(&folder) {
            // A killed process left it, or a process with the same number in another container uses it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|()| folder),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!(
            "too many temporary folders; remove the folders \
                                                              .{name}.* next to it"
        ),
    ))
}
