//! Only the owner can read the engine's files, whatever the permissions of the folder and the umask.

#![cfg(unix)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_api::Statement;
use deckwatch_server::{Sqlite, backup};
use deckwatch_tests::program;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

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

#[test]
fn a_database_behind_a_symlink_is_its_owners_alone_whether_it_is_there_or_not() {
    for is_there in [false, true] {
        let (folder, elsewhere) = (open_folder(), open_folder());
        let (link, target) = (folder.path().join("context.db"), elsewhere.path().join("data.db"));
        if is_there {
            drop(Sqlite::open(&target).unwrap());
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        symlink(&target, &link).unwrap();
        let database = Sqlite::open(&link).unwrap();
        database.run(&[Statement::new("create table t (n integer)")]).unwrap();
        for name in ["data.db", "data.db-wal", "data.db-shm"] {
            assert_eq!(mode(&elsewhere.path().join(name)), 0o600, "{name}, {is_there}");
            std::fs::set_permissions(elsewhere.path().join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        let again = Sqlite::open(&link).unwrap();
        for name in ["data.db", "data.db-wal", "data.db-shm"] {
            assert_eq!(mode(&elsewhere.path().join(name)), 0o600, "{name}, {is_there}");
        }
        drop((database, again));
    }
}

#[tokio::test]
async fn a_database_of_another_user_is_named_with_its_owner() {
    let folder = open_folder();
    if std::fs::metadata(folder.path()).unwrap().uid() != 0 {
        return println!("skipped: only root can run a program as another user");
    }
    let path = folder.path().join("context.db");
    drop(Sqlite::open(&path).unwrap());
    for (path, mode) in [(folder.path(), 0o777), (&path, 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // Another user may not reach the folder of the build.
    let binary = folder.path().join("deckwatch-server");
    std::fs::copy(program("deckwatch-server"), &binary).unwrap();
    let mut server = Command::new(&binary);
    server.args(["--port", "0", "--data"]).arg(folder.path()).env_clear().uid(65_534);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("belongs to user 0, but this program runs as user 65534") {
                return line;
            }
        }
        panic!("the owner is not named");
    };
    let said = tokio::time::timeout(Duration::from_secs(10), said).await.unwrap();
    assert!(said.contains("context.db") && said.contains("chown 65534"), "{said}");
}
