//! A file that gets its name when it is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BackupError, at};
use crate::private_files::{beside, private_file};

/// How many drafts of processes that were killed may lie about.
const MOST_LEFT: u32 = 1000;

/// A file in a folder of its own beside where it is to be, so that it goes with all that SQLite puts beside it.
pub(super) struct Draft {
    folder: PathBuf,
    file: PathBuf,
}

impl Draft {
    /// An empty file that is its owner's alone, to become `to`.
    pub(super) fn beside(to: &Path) -> Result<Self, BackupError> {
        let name = to.file_name().unwrap_or_default();
        let folder = own_folder(to).map_err(at(to))?;
        let draft = Self { file: folder.join(name), folder };
        private_file(&draft.file).map_err(at(to))?;
        Ok(draft)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Gives the finished file its name, unless somebody else took it meanwhile.
    pub(super) fn place(self, to: &Path) -> Result<(), BackupError> {
        // SQLite closes a database without a word where there is no room to write its log into it.
        if left_behind(&self.file).is_some() {
            return Err(at(to)(io::Error::new(
                io::ErrorKind::StorageFull,
                "no room for it, or for SQLite's log on the way",
            )));
        }
        fs::File::open(&self.file).and_then(|file| file.sync_all()).map_err(at(to))?;
        vacant(to)?;
        fs::hard_link(&self.file, to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => at(to)(error),
        })?;
        // The name, too, must outlive a loss of power.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
            log::warn!("{} could not be synced: {error}", folder.display());
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log::warn!("{} could not be removed: {error}", self.folder.display());
        }
    }
}

/// Fails when `path`, or what SQLite would take for a part of it, is there.
pub(super) fn vacant(path: &Path) -> Result<(), BackupError> {
    if path.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(path.to_owned()));
    }
    left_behind(path).map_or(Ok(()), |file| Err(BackupError::LeftBehind(file)))
}

/// What SQLite would take for a part of the database.
fn left_behind(database: &Path) -> Option<PathBuf> {
    beside(database).find(|path| path.symlink_metadata().is_ok())
}

fn own_folder(to: &Path) -> io::Result<PathBuf> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    for n in 0..MOST_LEFT {
        let folder = to.with_file_name(format!(".{name}.{}.{n}", std::process::id()));
        match builder.create(&folder) {
            // Of a process that was killed, or of one in another container with the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("remove the folders .{name}.* beside it")))
}
