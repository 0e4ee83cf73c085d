//! Files that are their owner's alone: what agents tell each other is nobody else's business.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes a folder, and those above it, for its owner alone.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes an empty file that is its owner's alone, where none is.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes the file of a database and what lies beside it private, whatever the umask and whoever made them. SQLite
/// gives the files beside a database the rights of the database. What can't be done is logged: the database is of
/// use all the same, and only its owner can change its rights.
pub(crate) fn keep_private(database: &Path) {
    // One that is there stays; one that can't be made is an error of SQLite's in a moment.
    let _ = private_file(database);
    for file in std::iter::once(database.to_owned()).chain(beside(database)) {
        if let Err(error) = tighten(&file) {
            log::warn!("others may read {}: {error}", file.display());
        }
    }
}

/// The names that SQLite gives to the files beside a database.
pub(crate) fn beside(database: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE.iter().map(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

#[cfg(unix)]
fn tighten(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let Ok(metadata) = fs::metadata(file) else { return Ok(()) };
    let mode = metadata.permissions().mode() & 0o777;
    let private = mode & 0o700;
    if !metadata.is_file() || mode == private {
        return Ok(());
    }
    fs::set_permissions(file, fs::Permissions::from_mode(private))
}

#[cfg(not(unix))]
fn tighten(_file: &Path) -> io::Result<()> {
    Ok(())
}
