//! Checks whether a file is a complete Deckwatch database that this program can use.

use std::io::Read;
use std::path::Path;

use deckwatch_api::{BEFORE_FIRST_RELEASE, MIGRATIONS, Row, Statement};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{BackupError, in_file};
use crate::database::Sqlite;
use crate::migrations::BEFORE_RELEASE_ADVICE;

/// The first bytes of every D1 backup.
const OF_D1: &[u8] = b"{\"format\":\"deckwatch-records-";
const NAMES: &str = "select name from sqlite_schema where name not like 'sqlite%' order by name";

/// Fails unless `file` is intact and all its migrations are known. Error messages use the name `shown_path`.
pub(super) fn require_intact(file: &Path, shown_path: &Path) -> Result<(), BackupError> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(in_file(shown_path))?;
    let damage = find_damage(&connection).map_err(in_file(shown_path))?;
    if let Some(detail) = damage {
        return Err(BackupError::Damaged { path: shown_path.to_owned(), detail });
    }
    let applied = applied(&connection).map_err(in_file(shown_path))?;
    let known = |name: &String| MIGRATIONS.iter().any(|(migration, _)| migration == name);
    match applied.into_iter().find(|name| !known(name)) {
        Some(name) if BEFORE_FIRST_RELEASE.contains(&name.as_str()) => {
            Err(BackupError::BeforeRelease { path: shown_path.to_owned(), advice: BEFORE_RELEASE_ADVICE })
        }
        Some(migration) => Err(BackupError::Newer { path: shown_path.to_owned(), migration }),
        None => Ok(()),
    }
}

/// Fails if `file` ends within a page. SQLite reads the missing end of a page as zeros, so a copy would not show it.
pub(super) fn require_whole_pages(file: &Path) -> Result<(), BackupError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(in_file(file))?;
    let page_size: u32 = connection.query_row("pragma page_size", [], |row| row.get(0)).map_err(in_file(file))?;
    let bytes = std::fs::metadata(file).map_err(|source| BackupError::File { path: file.to_owned(), source })?.len();
    if bytes % u64::from(page_size.max(1)) == 0 {
        Ok(())
    } else {
        Err(damaged(file, "its last page is cut off".to_owned()))
    }
}

fn find_damage(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let report: String = connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    if report != "ok" {
        return Ok(Some(report));
    }
    let recorded = "select exists (select 1 from sqlite_schema where type = 'table' and name = 'd1_migrations')";
    if !connection.query_row(recorded, [], |row| row.get(0))? || applied(connection)?.is_empty() {
        return Ok(Some("it has no Deckwatch migrations".to_owned()));
    }
    let has_orphans = connection.prepare("pragma foreign_key_check")?.exists([])?;
    Ok(has_orphans.then(|| "a record refers to a missing record".to_owned()))
}

fn applied(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("select name from d1_migrations order by id")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Fails unless `database`, after all migrations, has every table, index and trigger that the migrations create.
pub(super) fn require_complete(database: &Sqlite, shown_path: &Path) -> Result<(), BackupError> {
    let fresh = Sqlite::in_memory().map_err(in_file(shown_path))?;
    let parts = |of: &Sqlite| {
        let rows = of.run(&[Statement::new(NAMES)]).map_err(|error| damaged(shown_path, error.to_string()))?;
        Ok::<Vec<Value>, BackupError>(rows.into_iter().flatten().flat_map(Row::into_values).collect())
    };
    let existing = parts(database)?;
    match parts(&fresh)?.into_iter().find(|name| !existing.contains(name)) {
        Some(name) => Err(damaged(shown_path, format!("{name} is missing"))),
        None => Ok(()),
    }
}

/// Whether a file that is not an SQLite database is a backup of the other engine.
pub(super) fn is_of_d1(file: &Path) -> bool {
    let mut head = [0; OF_D1.len()];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == OF_D1
}

fn damaged(shown_path: &Path, detail: String) -> BackupError {
    BackupError::Damaged { path: shown_path.to_owned(), detail }
}
