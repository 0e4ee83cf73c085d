//! Applies the migrations. It uses the same table as `wrangler d1 migrations`, so that a database can move between
//! the engines.

use deckwatch_api::{BEFORE_FIRST_RELEASE, MIGRATIONS, Row, Statement, store};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::connection::rows;

const BOOKKEEPING: &str = "
    create table if not exists d1_migrations (
      id integer primary key autoincrement,
      name text unique,
      applied_at timestamp default current_timestamp not null
    )";

/// What to do with a database from before the first release.
pub(crate) const BEFORE_RELEASE_ADVICE: &str = "it was made by a Deckwatch from before its first release, whose tables this program can't read; nothing was changed. \
     To keep its records, go on with the program that made it. To begin with an empty database, move the file away, \
     together with its -wal and -shm files";

/// Applies the missing migrations in order, as one transaction. Two processes that open a new file at the same time
/// take turns, and a killed process leaves nothing behind.
pub(crate) fn apply(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(BOOKKEEPING, [])?;
    let is_applied = |name: &str| {
        let known = "select exists (select 1 from d1_migrations where name = ?1)";
        transaction.query_row(known, params![name], |row| row.get::<_, bool>(0))
    };
    for name in BEFORE_FIRST_RELEASE {
        if is_applied(name)? {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_SCHEMA);
            return Err(rusqlite::Error::SqliteFailure(code, Some(BEFORE_RELEASE_ADVICE.to_owned())));
        }
    }
    for (name, sql) in MIGRATIONS {
        if !is_applied(name)? {
            transaction.execute_batch(sql)?;
            transaction.execute("insert into d1_migrations (name) values (?1)", params![name])?;
        }
    }
    // A backup has no full text index.
    let indexed: bool = transaction.query_row(
        "select exists (select 1 from sqlite_schema where name = 'note_search')",
        params![],
        |row| row.get(0),
    )?;
    if !indexed {
        for statement in store::rebuild_index() {
            transaction.execute(&statement.sql, [])?;
        }
    }
    transaction.commit()
}

/// Indexes notes that are older than the index, some at a time, so that other processes can write in between.
pub(crate) fn index_notes(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    loop {
        let waiting = transact(connection, &[store::waiting()])?.into_iter().next().unwrap_or_default();
        if waiting.is_empty() {
            return Ok(());
        }
        transact(connection, &store::indexed(&waiting))?;
    }
}

fn transact(connection: &mut Connection, statements: &[Statement]) -> Result<Vec<Vec<Row>>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let rows = statements.iter().map(|statement| rows(&transaction, statement)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(rows)
}
