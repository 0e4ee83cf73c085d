//! Exports a database into one file and restores it. An export has no full text index. Opening the restored database
//! rebuilds the index from the notes.

mod integrity;
mod staged_file;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deckwatch_api::store;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use self::integrity::{require_complete, require_intact, require_whole_pages};
use self::staged_file::{StagedFile, require_absent};
use crate::database::Sqlite;
use crate::private_files::private_folder;

/// How long an export waits for a running batch.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an export or a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The target file exists.
    #[error("{} exists already; nothing was changed. Choose another name or move the file", .0.display())]
    Exists(PathBuf),
    /// SQLite would use this existing file as a part of the target.
    #[error(
        "{} exists: it belongs to a database that was moved or is still in use, and it may hold the last writes of \
         that database; nothing was changed. Move it next to that database, with the matching name, or move it away",
        .0.display()
    )]
    LeftBehind(PathBuf),
    /// The file has migrations that this program does not know.
    #[error("{} was made by a newer Deckwatch: this program does not know the migration {migration}; nothing was \
             changed. Update this program", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first unknown migration.
        migration: String,
    },
    /// The file has the tables of a time before the first release.
    #[error("{} can't be used: {advice}", .path.display())]
    BeforeRelease {
        /// The file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The file is a backup of the other engine.
    #[error(
        "{} is a backup of D1, not of this engine; nothing was changed. Restore it with scripts/backup and --engine \
         worker or --database",
        .0.display()
    )]
    OfD1(PathBuf),
    /// The file is damaged, or it is not a Deckwatch database.
    #[error("{} is damaged, or it is not a Deckwatch database: {detail}; nothing was changed", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// SQLite failed.
    #[error("{}: {source}; nothing was changed", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The operating system failed.
    #[error("{}: {source}; nothing was changed", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Writes the current content of `database` into the new file `to`. Other processes can use the database meanwhile.
pub fn export(database: &Path, to: &Path) -> Result<(), BackupError> {
    require_absent(to)?;
    let staged = StagedFile::next_to(to)?;
    copy(database, staged.file()).map_err(with_full_disk_path(to))?;
    without_index(staged.file()).map_err(in_file(to))?;
    require_intact(staged.file(), database)?;
    staged.publish(to)
}

/// Creates the new database `database` from a file that [`export`] wrote.
pub fn restore(from: &Path, database: &Path) -> Result<(), BackupError> {
    require_absent(database)?;
    if let Some(folder) = database.parent() {
        private_folder(folder).map_err(at(folder))?;
    }
    let staged = StagedFile::next_to(database)?;
    copy(from, staged.file()).map_err(with_full_disk_path(database))?;
    require_whole_pages(from)?;
    require_intact(staged.file(), from)?;
    // Opening the file applies newer migrations and builds the index.
    let opened = Sqlite::open(staged.file()).map_err(in_file(from)).map_err(with_full_disk_path(database))?;
    require_complete(&opened, from)?;
    drop(opened);
    staged.publish(database)
}

/// Copies a database in one transaction. A plain file copy could miss data in the write-ahead log.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let copied = || {
        let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        source.busy_timeout(BUSY_TIMEOUT)?;
        // SQLite takes the bytes of a name without changes, also if they are not UTF-8.
        let name = to.as_os_str().as_encoded_bytes();
        source.execute("vacuum into cast(?1 as text)", params![name])
    };
    copied().map(drop).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) if integrity::is_of_d1(from) => BackupError::OfD1(from.to_owned()),
        _ => in_file(from)(error),
    })
}

fn without_index(file: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(file)?;
    connection.execute(&store::drop_index().sql, [])?;
    connection.execute("vacuum", []).map(drop)
}

/// Reports a full disk as an error of the file that is being written, also if the failed step was reading another
/// file.
fn with_full_disk_path(target: &Path) -> impl Fn(BackupError) -> BackupError + '_ {
    |error| match error {
        BackupError::Database { source, .. } if source.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            in_file(target)(source)
        }
        error => error,
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |source| BackupError::File { path: path.to_owned(), source }
}

fn in_file(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError + '_ {
    |source| BackupError::Database { path: path.to_owned(), source }
}
