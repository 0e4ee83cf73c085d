//! Backups of the embedded engine: export while it is in use, restore of all records, rebuild of the full text index.

use std::path::Path;
use std::sync::Arc;

use deckwatch_api::{MIGRATIONS, Statement};
use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;
use deckwatch_server::backup::{BackupError, export, restore};
use deckwatch_tests::TestRequest;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::lab::{TestApi, handoff_of, machine_with};
use crate::schema::migrated;

/// All records of a database as text, except those of the full text index.
fn records(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'note\\_search\\_%' escape '\\'
                    and name <> 'note_search' or name = 'note_ranks' order by name";
    let mut statement = connection.prepare(tables).unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut records = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("select * from {table} order by 1")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|n| row.get_unwrap::<_, rusqlite::types::Value>(n)).collect();
            records.push(format!("{table} {values:?}"));
        }
    }
    records
}

fn has_index(path: &Path) -> bool {
    let connection = Connection::open(path).unwrap();
    let sql = "select exists (select 1 from sqlite_schema where name = 'note_search')";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// An open database with records in every table: a day that has ended, and one that has not.
async fn filled(path: &Path) -> TestApi {
    let lab = TestApi::on(Arc::new(Sqlite::open(path).unwrap()));
    lab.register_alpha().await;
    done(&lab, Operation::PutVenture, "over", &json!({ "name": "Over" })).await;
    done(&lab, Operation::DeleteVenture, "over", &Value::Null).await;
    let (open, over) = (lab.start("agent-1").await, lab.start("agent-2").await);
    done(&lab, Operation::CreateHandoff, "", &handoff_of(&open)).await;
    let fence = json!({ "session_id": open, "epoch": 1 });
    let message = json!({ "to": ["agent-2"], "kind": "note", "body": "Look at the heron 😀." });
    done(&lab, Operation::SendMessage, "", &merged(fence.clone(), message)).await;
    let claims = json!({ "repo": "example-org/alpha", "subjects": ["issue:7", "path:src/**"] });
    done(&lab, Operation::PutClaims, "", &merged(fence.clone(), claims)).await;
    put_state(&lab, &merged(fence, json!({ "value": { "colour": "grey" } }))).await;
    let keep_open = json!({ "keep_open": true });
    done(&lab, Operation::EndDay, "", &merged(handoff_of(&open), keep_open)).await;
    done(&lab, Operation::EndDay, "", &handoff_of(&over)).await;
    for n in 0..3 {
        let note = json!({ "title": format!("Note {n}"), "content": "a heron 😀 'n' \"co\"", "tags": ["bird"] });
        done(&lab, Operation::CreateNote, "", &note).await;
    }
    let old =
        done(&lab, Operation::CreateNote, "", &json!({ "title": "Old", "content": "a crane", "tags": ["bird"] })).await;
    done(&lab, Operation::ArchiveNote, old["id"].as_str().unwrap(), &Value::Null).await;
    for content in ["# The API", "# The API 😀", "# The API 😀"] {
        lab.put_doc("alpha/api.md", content).await;
    }
    lab.put_doc("global/gone.md", "# Gone").await;
    done(&lab, Operation::DeleteDoc, "global/gone.md", &Value::Null).await;
    done(&lab, Operation::PutRequirement, "", &json!({ "name_pattern": "runbook-*.md", "venture": "alpha" })).await;
    done(&lab, Operation::DeleteRequirement, "req_00000000000000000000000003", &Value::Null).await;
    done(&lab, Operation::RegisterMachine, "mac1", &machine_with("dev")).await;
    lab.mint("context").await;
    add_delivery(path);
    lab.app().sweep().await.unwrap();
    lab
}

/// Puts a key into the shared state.
async fn put_state(lab: &TestApi, body: &Value) {
    let put = TestRequest::of(Operation::PutState).with("alpha").with("bird").header("if-none-match", "*");
    let answer = lab.send_request(put.json(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

/// The records of the classifier. Only GitHub's deliveries make them.
fn add_delivery(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let sql =
        "insert into github_deliveries values ('d-1', 'example-org/alpha', 7, '{}', 'done', '2999-01-01T00:00:00.000Z',
                 1, '[]', null, '2026-01-01T00:00:00.000Z', null);
               insert into classifications values ('cls_1', 'alpha', 'example-org/alpha', 7, 2, '{}', '{}')";
    connection.execute_batch(sql).unwrap();
}

async fn done(lab: &TestApi, operation: Operation, to: &str, body: &Value) -> Value {
    let answer = lab.ask(operation, (to, ""), Some(body).filter(|body| !body.is_null())).await;
    assert!(matches!(answer.status, 200 | 201), "{operation:?}: {}", answer.text);
    answer.json()
}

fn merged(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more} is not an object") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// The tables of a database without records.
fn empty_tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite%'
                    and (name not like 'note\\_search%' escape '\\' or name = 'note_ranks') order by name";
    let mut statement = connection.prepare(tables).unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let has_none = |table: &String| {
        connection.query_row(&format!("select not exists (select 1 from {table})"), [], |row| row.get(0)).unwrap()
    };
    tables.into_iter().filter(has_none).collect()
}

#[tokio::test]
async fn a_restored_database_has_all_records_and_can_be_searched_and_changed() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    let lab = filled(&database).await;
    assert_eq!(
        empty_tables(&database),
        [
            "agent_refusals",
            "claim_refusals",
            "memory_refusals",
            "message_refusals",
            "notes_to_index",
            "person_refusals",
            "record_moves",
            "refusals",
            "token_refusals"
        ]
    );
    export(&database, &file).unwrap();
    assert!(!has_index(&file) && has_index(&database));
    assert_eq!(records(&file), records(&database));
    assert_eq!(
        lab.ask(Operation::ListNotes, ("", "q=heron"), None).await.json()["total"],
        3,
        "the exported database stays in use"
    );

    let again = folder.path().join("elsewhere/context.db");
    restore(&file, &again).unwrap();
    assert_eq!(records(&again), records(&file));
    let lab = TestApi::on(Arc::new(Sqlite::open(&again).unwrap()));
    let found = lab.ask(Operation::ListNotes, ("", "q=herons"), None).await.json();
    assert_eq!(found["total"], 3);
    let id = found["items"][0]["id"].as_str().unwrap();
    // A new lab repeats its idempotency keys, and the restored database contains those of the first lab.
    let patch = json!({ "content": "an egret" });
    let changed = lab.ask_with(Operation::UpdateNote, (id, ""), Some(&patch), "a-key-after-the-restore").await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(lab.ask(Operation::ListNotes, ("", "q=heron"), None).await.json()["total"], 2);
    assert_eq!(lab.ask(Operation::ListNotes, ("", "q=egret"), None).await.json()["total"], 1);
}

#[tokio::test]
async fn no_file_is_overwritten_and_no_incomplete_file_is_left() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    let _lab = filled(&database).await;
    export(&database, &file).unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(export(&database, &file), Err(BackupError::Exists(_))));
    assert!(matches!(restore(&file, &database), Err(BackupError::Exists(_))));
    assert_eq!(std::fs::read(&file).unwrap(), before);

    let broken = folder.path().join("broken.db");
    std::fs::write(&broken, &before[..before.len() / 2]).unwrap();
    let target = folder.path().join("new/context.db");
    restore(&broken, &target).unwrap_err();
    restore(&folder.path().join("nowhere.db"), &target).unwrap_err();
    export(&folder.path().join("nowhere.db"), &folder.path().join("none.db")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    assert!(!folder.path().join("none.db").exists());
}

#[tokio::test]
async fn a_file_that_sqlite_would_treat_as_part_of_the_database_prevents_a_restore() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    drop(filled(&database).await);
    export(&database, &file).unwrap();
    for end in ["-wal", "-shm", "-journal"] {
        let target = folder.path().join("new/context.db");
        let left = folder.path().join(format!("new/context.db{end}"));
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "the last writes").unwrap();
        let refused = restore(&file, &target).unwrap_err();
        assert!(matches!(&refused, BackupError::LeftBehind(path) if *path == left), "{refused}");
        assert_eq!(std::fs::read(&left).unwrap(), b"the last writes");
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
        // Delete the folder, as the error message says.
        std::fs::remove_dir_all(folder.path().join("new")).unwrap();
        restore(&file, &target).unwrap();
        assert_eq!(records(&target), records(&file));
        std::fs::remove_dir_all(folder.path().join("new")).unwrap();
    }
}

/// The error of a restore of `file`. Checks that the restore left no file.
fn refused(file: &Path) -> BackupError {
    let folder = tempfile::TempDir::new().unwrap();
    let refused = restore(file, &folder.path().join("context.db")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{refused}");
    refused
}

#[test]
fn a_file_that_is_not_a_database_of_deckwatch_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("empty"), "").unwrap();
    Connection::open(file("other")).unwrap().execute_batch("create table t (x)").unwrap();
    Connection::open(file("unmigrated")).unwrap().execute_batch("create table d1_migrations (id, name)").unwrap();
    let foreign = "create table d1_migrations (id integer primary key, name text unique, applied_at text);
                insert into d1_migrations (name) values ('0001_ventures_tokens.sql')";
    Connection::open(file("foreign")).unwrap().execute_batch(foreign).unwrap();
    for name in ["empty", "other", "unmigrated"] {
        let refused = refused(&file(name));
        assert!(matches!(&refused, BackupError::Damaged { path, .. } if *path == file(name)), "{name}: {refused}");
    }
    refused(&file("foreign"));
    std::fs::write(file("lines"), "{\"format\":\"deckwatch-records-1\",\"taken_at\":\"\"}\n").unwrap();
    let other_engine = refused(&file("lines"));
    assert!(other_engine.to_string().contains("--engine worker"), "{other_engine}");
    let nothing = export(&file("other"), &file("copy")).unwrap_err();
    assert!(matches!(&nothing, BackupError::Damaged { .. }) && !file("copy").exists(), "{nothing}");
}

#[test]
fn a_newer_backup_is_refused_and_an_older_one_is_migrated() {
    let folder = tempfile::TempDir::new().unwrap();
    let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
    let made = |path: &Path, upto: usize| {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch("create table d1_migrations (id integer primary key, name text unique, applied_at text)")
            .unwrap();
        for (name, sql) in MIGRATIONS.iter().take(upto) {
            connection.execute_batch(sql).unwrap();
            connection.execute("insert into d1_migrations (name, applied_at) values (?1, '')", [name]).unwrap();
        }
        connection
    };
    drop(made(&old, 1));
    let restored = folder.path().join("restored/context.db");
    restore(&old, &restored).unwrap();
    let applied = "select count(*) from d1_migrations";
    let applied: u32 = Connection::open(&restored).unwrap().query_row(applied, [], |row| row.get(0)).unwrap();
    assert_eq!(applied as usize, MIGRATIONS.len());

    let newest = made(&new, MIGRATIONS.len());
    newest.execute("insert into d1_migrations (name, applied_at) values ('9999_later.sql', '')", []).unwrap();
    drop(newest);
    let refused = refused(&new);
    assert!(matches!(&refused, BackupError::Newer { migration, .. } if migration == "9999_later.sql"), "{refused}");
    assert!(refused.to_string().contains("Update this program"), "{refused}");
}

#[tokio::test]
async fn a_truncated_file_restores_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    drop(filled(&database).await);
    export(&database, &file).unwrap();
    let whole = std::fs::read(&file).unwrap();
    for part in 0..40 {
        let cut = folder.path().join("cut.db");
        std::fs::write(&cut, &whole[..(whole.len() - 1) * part / 39]).unwrap();
        refused(&cut);
    }
}

#[tokio::test]
async fn an_export_during_writes_is_consistent() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = folder.path().join("context.db");
    let lab = filled(&database).await;
    let exports = std::thread::spawn({
        let (folder, database) = (folder.path().to_owned(), database.clone());
        move || (0..5).for_each(|n| export(&database, &folder.join(format!("{n}.db"))).unwrap())
    });
    let mut days = 0;
    while !exports.is_finished() {
        days += 1;
        let session = lab.start(&format!("agent-of-{days}")).await;
        done(&lab, Operation::EndDay, "", &handoff_of(&session)).await;
    }
    exports.join().unwrap();
    for n in 0..5 {
        let restored = folder.path().join(format!("{n}/context.db"));
        restore(&folder.path().join(format!("{n}.db")), &restored).unwrap();
        let ended = "select count(*) from sessions where status = 'ended' and final_handoff_id is null";
        let torn: u32 = Connection::open(&restored).unwrap().query_row(ended, [], |row| row.get(0)).unwrap();
        assert_eq!(torn, 0);
    }
}

#[tokio::test]
async fn of_several_concurrent_restores_one_succeeds() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    drop(filled(&database).await);
    export(&database, &file).unwrap();
    let target = folder.path().join("new/context.db");
    let race = (0..4).map(|_| {
        let (file, target) = (file.clone(), target.clone());
        std::thread::spawn(move || restore(&file, &target))
    });
    let ends: Vec<_> = race.collect::<Vec<_>>().into_iter().map(|restore| restore.join().unwrap()).collect();
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    assert!(ends.iter().all(|end| matches!(end, Ok(()) | Err(BackupError::Exists(_)))), "{ends:?}");
    assert_eq!(records(&target), records(&file));
    assert_eq!(std::fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn the_rebuilt_index_has_the_schema_of_the_migration() {
    let connection = migrated();
    let made = || -> String {
        let sql = "select sql from sqlite_schema where name = 'note_search'";
        let sql: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        sql.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let first = made();
    connection.execute(&deckwatch_api::store::drop_index().sql, []).unwrap();
    for statement in deckwatch_api::store::rebuild_index() {
        connection.execute(&statement.sql, []).unwrap();
    }
    assert_eq!(made(), first);
    // Check the statements for D1 too, which are in a file.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/lib/note-search.sql");
    connection.execute(&deckwatch_api::store::drop_index().sql, []).unwrap();
    connection.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(made(), first);
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_may_have_a_name_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("context.db");
    Sqlite::open(&path).unwrap().run(&[Statement::new("create table kept (n integer)")]).unwrap();
    let name = |bytes: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(bytes));
    let (backup, restored) = (name(b"ba\xffckup.db"), name(b"re\xfestored.db"));
    export(&path, &backup).unwrap();
    restore(&backup, &restored).unwrap();
    assert_eq!(records(&path), records(&restored));
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_str().is_none()).count(), 2, "nothing is left beside them");
}
