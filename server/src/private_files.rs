//! Files that only their owner can read, because the data of agents is confidential.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The suffixes of the files that SQLite keeps next to a database.
const SIDECAR_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Creates a folder and its missing parent folders, accessible only to the owner.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Creates an empty file that only its owner can read and write. Fails if the file exists.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    private(fs::OpenOptions::new().write(true).create_new(true)).open(path).map(drop)
}

/// Makes the file of a database, and the files next to it, readable only by the owner, independent of the umask and
/// of the program that created them. SQLite gives new files next to a database the same permissions. A failure is
/// only logged: the database is still usable, and only its owner can change the permissions.
pub(crate) fn make_private(database: &Path) {
    // Do not open an existing file: closing it would release the locks that SQLite holds on it in this process. A
    // symlink may point to a missing file. If the file can't be created, SQLite reports the error later.
    if fs::metadata(database).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let _ = private(fs::OpenOptions::new().write(true).create(true).truncate(false)).open(database);
    }
    // SQLite follows symlinks too, and puts its files next to the real file.
    let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    for file in std::iter::once(database.clone()).chain(sidecar_files(&database)) {
        if let Err(error) = restrict_permissions(&file) {
            log::warn!("could not make {} private, so other users may be able to read it: {error}", file.display());
        }
    }
    if let Some(warning) = owner_warning(&database) {
        log::warn!("{warning}");
    }
}

/// `options` for a file that only its owner may read and write.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// The warning for a file that belongs to another user than the one who runs this program.
#[cfg(unix)]
fn owner_warning(file: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    let owner = fs::metadata(file).ok()?.uid();
    let user = rustix::process::geteuid().as_raw();
    // Root may access every file.
    (owner != user && user != 0).then(|| {
        format!(
            "{} belongs to user {owner}, but this program runs as user {user}. So the program can't make the file private, and it may be unable to write to it. Run this program as user {owner}, or ask an administrator to run `chown {user}` on the file and on the files next to it.",
            file.display()
        )
    })
}

#[cfg(not(unix))]
fn owner_warning(_file: &Path) -> Option<String> {
    None
}

/// The files that SQLite keeps next to a database.
pub(crate) fn sidecar_files(database: &Path) -> impl Iterator<Item = PathBuf> {
    SIDECAR_SUFFIXES.iter().map(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

#[cfg(unix)]
fn restrict_permissions(file: &Path) -> io::Result<()> {
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
fn restrict_permissions(_file: &Path) -> io::Result<()> {
    Ok(())
}
