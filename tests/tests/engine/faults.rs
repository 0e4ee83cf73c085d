//! Errors of SQLite and how the engine classifies them.

use deckwatch_api::fault::Outage;
use deckwatch_api::{Database, DatabaseError, Statement};
use deckwatch_server::Sqlite;

async fn run(database: &Sqlite, sql: &str) -> Result<(), DatabaseError> {
    database.batch(&[Statement::new(sql.to_owned())]).await.map(drop)
}

#[tokio::test]
async fn a_full_database_works_again_when_it_may_grow() {
    let home = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&home.path().join("context.db")).unwrap();
    run(&database, "create table ballast (text text)").await.unwrap();
    let large = "insert into ballast values (hex(zeroblob(500000)))";
    run(&database, "pragma max_page_count = 1").await.unwrap();
    let error = run(&database, large).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Outage(Outage::Full, _)), "{error}");
    run(&database, "pragma max_page_count = 1073741823").await.unwrap();
    run(&database, large).await.unwrap();
}

#[tokio::test]
async fn a_too_large_value_a_bad_statement_and_a_constraint_violation_are_distinguished() {
    let database = Sqlite::in_memory().unwrap();
    let large = run(&database, "select hex(zeroblob(1500000))").await.unwrap_err();
    assert!(matches!(large, DatabaseError::TooLarge(_)), "{large}");
    let bad = run(&database, "select * from nothing_of_this_name").await.unwrap_err();
    assert!(matches!(bad, DatabaseError::Failed(_)), "{bad}");
    run(&database, "create table one (n unique)").await.unwrap();
    run(&database, "insert into one values (1)").await.unwrap();
    let twice = run(&database, "insert into one values (1)").await.unwrap_err();
    assert!(matches!(twice, DatabaseError::Constraint(_)), "{twice}");
}

#[tokio::test]
async fn a_damaged_file_is_reported_as_broken() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("context.db");
    let database = Sqlite::open(&file).unwrap();
    // Closing the database writes the WAL into the file.
    drop(database);
    let whole = std::fs::read(&file).unwrap();
    assert!(whole.len() > 8192);
    let damaged: Vec<u8> = whole.iter().enumerate().map(|(n, b)| if n < 4096 { *b } else { 0x5a }).collect();
    std::fs::write(&file, damaged).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    let error = connection.query_row("select count(*) from sessions", [], |_| Ok(())).unwrap_err();
    let code = error.sqlite_extended_error_code().unwrap();
    let meant = deckwatch_api::fault::of_sqlite_code(code, String::new());
    assert_eq!(meant, DatabaseError::Outage(Outage::Broken, String::new()), "{error}");
}
