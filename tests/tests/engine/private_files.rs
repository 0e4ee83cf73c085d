//! Only the owner can read the engine's files, whatever the permissions of the folder and the umask.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use deckwatch_api::Statement;
use deckwatch_server::{Sqlite, backup};
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A folder that other users can read.
fn open_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn only_the_owner_can_read_a_database_and_its_backups() {
    let folder = open_folder();
    let path = folder.path().join("context.db");
    let database = Sqlite::open(&path).unwrap();
    database.run(&[Statement::new("create table t (n integer)")]).unwrap();
    for name in ["context.db", "context.db-wal", "context.db-shm"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
    backup::export(&path, &folder.path().join("backup.db")).unwrap();
    assert_eq!(mode(&folder.path().join("backup.db")), 0o600);
    backup::restore(&folder.path().join("backup.db"), &folder.path().join("again.db")).unwrap();
    assert_eq!(mode(&folder.path().join("again.db")), 0o600);
}

#[test]
fn opening_files_removes_the_permissions_of_others() {
    let folder = open_folder();
    let path = folder.path().join("context.db");
    let first = Sqlite::open(&path).unwrap();
    let names = ["context.db", "context.db-wal", "context.db-shm"];
    for name in names {
        let wide = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(folder.path().join(name), wide).unwrap();
    }
    let second = Sqlite::open(&path).unwrap();
    for name in names {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
    drop((first, second));
}
