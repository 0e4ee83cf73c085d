//! A whole database as one file, out and in again. The full text index stays behind: it is built again
//! from the notes when the restored database is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deckwatch_api::store;
use rusqlite::{Connection, OpenFlags, params};

use crate::database::Sqlite;
use crate::embedded::private_folder;

/// How long an export waits for a batch to finish.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// An export or a restore that was not done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What is to be made is there already.
    #[error("{} is there already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// The copy is not sound.
    #[error("{} is damaged: {detail}; nothing was changed", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// SQLite can't do it.
    #[error("{}: {source}", .path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The system can't do it.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes what `database` holds at this moment into the new file `to`, while others go on using it.
pub fn export(database: &Path, to: &Path) -> Result<(), BackupError> {
    vacant(to)?;
    let part = beside(to);
    let done = copy(database, &part).and_then(|()| without_index(&part)).and_then(|()| place(&part, to));
    cleared(&part, done)
}

/// Makes the database `database`, which is not there yet, from a file that [`export`] wrote.
pub fn restore(from: &Path, database: &Path) -> Result<(), BackupError> {
    vacant(database)?;
    if let Some(folder) = database.parent() {
        private_folder(folder).map_err(at(folder))?;
    }
    let part = beside(database);
    let done = copy(from, &part).and_then(|()| sound(&part)).and_then(|()| {
        // Opening applies newer migrations and builds the index.
        Sqlite::open(&part).map(drop).map_err(in_file(&part))?;
        place(&part, database)
    });
    cleared(&part, done)
}

/// Copies a database in one transaction: a plain copy could miss what is still in the write-ahead log.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    private_file(to).map_err(at(to))?;
    let copied = || {
        let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        source.busy_timeout(BUSY_TIMEOUT)?;
        source.execute("vacuum into ?1", params![to.to_string_lossy()])
    };
    copied().map(drop).map_err(in_file(from))
}

/// Makes an empty file that is its owner's alone.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn without_index(file: &Path) -> Result<(), BackupError> {
    let dropped = || {
        let connection = Connection::open(file)?;
        connection.execute(&store::drop_index().sql, [])?;
        connection.execute("vacuum", [])
    };
    dropped().map(drop).map_err(in_file(file))?;
    sound(file)
}

fn sound(file: &Path) -> Result<(), BackupError> {
    let check = || {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let said: String = connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
        let stray = connection.prepare("pragma foreign_key_check")?.exists([])?;
        Ok(if stray { "a record points at nothing".to_owned() } else { said })
    };
    match check().map_err(in_file(file))?.as_str() {
        "ok" => Ok(()),
        detail => Err(BackupError::Damaged { path: file.to_owned(), detail: detail.to_owned() }),
    }
}

/// Gives a finished file its name, unless somebody else took it meanwhile.
fn place(part: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::File::open(part).and_then(|file| file.sync_all()).map_err(at(part))?;
    std::fs::hard_link(part, to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => at(to)(error),
    })
}

fn vacant(path: &Path) -> Result<(), BackupError> {
    match path.symlink_metadata() {
        Ok(_) => Err(BackupError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Where a file is made before it is complete.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// Removes what was made on the way, whatever came of it.
fn cleared(part: &Path, done: Result<(), BackupError>) -> Result<(), BackupError> {
    match std::fs::remove_file(part) {
        Err(error) if done.is_ok() && error.kind() != io::ErrorKind::NotFound => Err(at(part)(error)),
        _ => done,
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |source| BackupError::File { path: path.to_owned(), source }
}

fn in_file(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError + '_ {
    |source| BackupError::Database { path: path.to_owned(), source }
}
