//! Atomic file writes: after a crash or a power cut, a file has its old content or its new content, never a part.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// The ending of a file that is being written. A process that is killed can leave such a file behind.
pub const UNFINISHED: &str = "new";

/// Writes `bytes` to `path`, readable only for this user. The folder must exist.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes `bytes` to `path` with these permissions. The folder must exist. If several processes or threads write the
/// same file, the last one wins.
pub fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    unfinished(path, bytes, mode)?.persist(path).map_err(|error| error.error)?;
    sync_folder_of(path)
}

/// Creates `path` with `bytes`, readable only for this user. If several processes or threads create the same file, the
/// first one wins, and the others get [`io::ErrorKind::AlreadyExists`].
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    unfinished(path, bytes, 0o600)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder_of(path)
}

/// A temporary file beside `path`, with a random name that begins with a dot.
fn unfinished(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = Builder::new().prefix(".").suffix(&format!(".{UNFINISHED}")).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Syncs the folder of `path`, so that renamed and new files survive a power cut.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn many_writers_leave_one_whole_file_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("record.json");
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| super::write(path, &[writer; 10_000]).unwrap()));
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() == 10_000 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_of_many_creators_wins() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("id");
        let created: Vec<bool> = std::thread::scope(|scope| {
            let start = |creator: u8| {
                let path = &path;
                scope.spawn(move || super::create(path, &[creator]).is_ok())
            };
            let creators: Vec<_> = (0..8).map(start).collect();
            creators.into_iter().map(|creator| creator.join().unwrap()).collect()
        });
        assert_eq!(created.iter().filter(|won| **won).count(), 1);
        let winner = u8::try_from(created.iter().position(|won| *won).unwrap()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [winner]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("record.json");
        std::fs::create_dir(&folder).unwrap();
        super::write(&folder, b"a folder can't be replaced by a file").unwrap_err();
        assert!(folder.is_dir());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
