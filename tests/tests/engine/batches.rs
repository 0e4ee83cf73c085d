//! The batches of the embedded engine: batches that wait together share a commit, but fail separately; a batch without
//! a waiting caller does not run; every batch has a time limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deckwatch_api::fault::{Outage, Violated};
use deckwatch_api::{Database, DatabaseError, Statement};
use deckwatch_server::Sqlite;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// A query that never ends.
pub(crate) const ENDLESS: &str =
    "with recursive c (n) as (select 1 union all select n + 1 from c) select count(*) from c";

fn database() -> (TempDir, Sqlite, Connection) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("context.db");
    let database = Sqlite::open(&path).unwrap();
    database.run(&[Statement::new("create table kept (n integer not null constraint kept_once unique)")]).unwrap();
    (folder, database, Connection::open(path).unwrap())
}

/// A read that takes at least so long, and how long it took.
pub(crate) async fn taking(least: Duration) -> (Statement, Duration) {
    let database = Sqlite::in_memory().unwrap();
    let mut n = 100_000_u64;
    loop {
        let work = Statement::new(ENDLESS.replace("from c)", &format!("from c where n < {n})")));
        let started = Instant::now();
        database.batch_without_deadline(std::slice::from_ref(&work)).await.unwrap();
        if started.elapsed() >= least {
            return (work, started.elapsed());
        }
        n *= 2;
    }
}

fn insert(n: i64) -> Statement {
    Statement::new("insert into kept (n) values (?1)").bind(n)
}

fn kept(connection: &Connection) -> i64 {
    connection.query_row("select count(*) from kept", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_share_a_commit_fail_separately() {
    let (_folder, database, other) = database();
    // Another process holds the lock, so that all batches wait.
    other.execute_batch("begin immediate").unwrap();
    let mut batches = JoinSet::new();
    for n in 0..100 {
        let database = database.clone();
        batches.spawn(async move {
            // Every tenth batch writes a row and then fails.
            let again = if n % 10 == 0 { insert(n) } else { insert(1000 + n) };
            (n, database.batch(&[insert(n), again]).await)
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("commit").unwrap();
    for (n, result) in batches.join_all().await {
        match result {
            Ok(_) => assert_ne!(n % 10, 0),
            Err(DatabaseError::Constraint(violated)) => {
                assert_eq!((n % 10, violated), (0, Violated::Unique("kept.n".into())));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(kept(&other), 180);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_write_does_not_affect_other_writes() {
    let (_folder, database, other) = database();
    other.execute_batch("begin immediate").unwrap();
    let endless = format!("insert into kept (n) select -n from ({})", ENDLESS.replace("count(*)", "n"));
    let mut batches = JoinSet::new();
    for n in 0..10 {
        let (database, endless) = (database.clone(), endless.clone());
        batches.spawn(async move {
            let statements = if n == 5 { vec![insert(n), Statement::new(endless)] } else { vec![insert(n)] };
            (n, database.batch(&statements).await)
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("commit").unwrap();
    for (n, result) in batches.join_all().await {
        assert_eq!(result.is_ok(), n != 5, "{n}: {result:?}");
    }
    assert_eq!(kept(&other), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_time_limit() {
    let (_folder, database, _) = database();
    let count = Statement::new("insert into kept (n) values (1)").non_durable();
    for batch in [vec![Statement::new(ENDLESS)], vec![count, Statement::new(ENDLESS)]] {
        let started = Instant::now();
        let stopped = database.batch(&batch).await;
        assert!(matches!(stopped, Err(DatabaseError::Unavailable(_))), "{stopped:?}");
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
    database.batch(&[insert(1)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_without_a_waiting_caller_has_no_time_limit() {
    let (_folder, database, _) = database();
    // The query takes about seven seconds, longer than the limit for a request.
    let started = Instant::now();
    let mut n = 20_000_000_u64;
    while started.elapsed() < Duration::from_secs(6) {
        let long = ENDLESS.replace("from c)", &format!("from c where n < {n})"));
        database.batch_without_deadline(&[Statement::new(long)]).await.unwrap();
        n *= 2;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_caller_is_gone_stops_or_does_not_start() {
    let (_folder, database, other) = database();
    let database = Arc::new(database);
    // Reads: all four readers are busy; after the abort, they are free again.
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let database = Arc::clone(&database);
        readers.spawn(async move { database.batch(&[Statement::new(ENDLESS)]).await.map(drop) });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    readers.shutdown().await;
    let started = Instant::now();
    database.batch(&[Statement::new("select 1 as one")]).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    // Writes: one batch runs, one waits.
    let running = tokio::spawn({
        let database = Arc::clone(&database);
        async move { database.batch(&[insert(1), Statement::new(ENDLESS)]).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let waiting = tokio::spawn({
        let database = Arc::clone(&database);
        async move { database.batch(&[insert(2)]).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    waiting.abort();
    running.abort();
    let started = Instant::now();
    database.batch(&[insert(3)]).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let sum: i64 = other.query_row("select sum(n) from kept", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_takes_long_shares_its_commit_with_no_other() {
    let (_folder, database, other) = database();
    let (work, takes) = taking(Duration::from_secs(1)).await;
    other.execute_batch("begin immediate").unwrap();
    let mut batches = JoinSet::new();
    for n in 0..5 {
        let (database, work) = (database.clone(), work.clone());
        batches.spawn(async move {
            // They come in this order.
            tokio::time::sleep(Duration::from_millis(20 * n)).await;
            let n = i64::try_from(n).unwrap();
            let statements = if n == 2 { vec![insert(n), work] } else { vec![insert(n)] };
            database.batch(&statements).await.unwrap();
            (n, Instant::now())
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("commit").unwrap();
    let unlocked = Instant::now();
    for (n, answered) in batches.join_all().await {
        let waited = answered - unlocked;
        assert!(n >= 2 || waited < takes / 2, "{n} waited {waited:?} for one of {takes:?}");
    }
    assert_eq!(kept(&other), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_forgotten_passes_the_writes_that_wait() {
    let (_folder, database, other) = database();
    let (work, takes) = taking(Duration::from_millis(500)).await;
    other.execute_batch("begin immediate").unwrap();
    let mut long = JoinSet::new();
    for n in 0..4 {
        let (database, work) = (database.clone(), work.clone());
        long.spawn(async move { database.batch(&[insert(n), work]).await.map(drop) });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let brief = tokio::spawn({
        let database = database.clone();
        async move { database.batch(&[insert(9).non_durable()]).await.map(|_| Instant::now()) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.execute_batch("commit").unwrap();
    let unlocked = Instant::now();
    let waited = brief.await.unwrap().unwrap() - unlocked;
    assert!(waited < takes * 2, "{waited:?}, where each of the others takes {takes:?}");
    assert!(long.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_behind_other_writes_ends_after_five_seconds_and_is_told() {
    let (_folder, database, other) = database();
    let endless = tokio::spawn({
        let database = database.clone();
        async move { database.batch_without_deadline(&[insert(1), Statement::new(ENDLESS)]).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(database.writes_wait(), None);
    let mut waiters = JoinSet::new();
    for n in 0..4 {
        let database = database.clone();
        waiters.spawn(async move {
            tokio::time::sleep(Duration::from_millis(200 * n)).await;
            let started = Instant::now();
            (database.batch(&[insert(10 + i64::try_from(n).unwrap())]).await, started.elapsed())
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(database.writes_wait() >= Some(Duration::from_secs(1)), "{:?}", database.writes_wait());
    for (result, waited) in waiters.join_all().await {
        assert!(matches!(result, Err(DatabaseError::Overloaded(_))), "{result:?}");
        assert!((4900..5500).contains(&waited.as_millis()), "{waited:?}");
    }
    endless.abort();
    database.batch(&[insert(2)]).await.unwrap();
    assert_eq!((kept(&other), database.writes_wait()), (1, None));
}

#[tokio::test]
async fn a_reader_makes_no_empty_database_in_the_place_of_one_that_was_moved_away() {
    let (folder, database, _) = database();
    let path = folder.path().join("context.db");
    std::fs::rename(&path, folder.path().join("moved.db")).unwrap();
    // The first read opens the first reader.
    let read = database.batch(&[Statement::new("select 1 as one")]).await;
    assert!(matches!(read, Err(DatabaseError::Outage(Outage::Broken, _))), "{read:?}");
    assert!(!path.exists());
}
