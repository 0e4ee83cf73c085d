//! A backup: out while the engine is in use, in again whole, the full text index built anew.

use std::path::Path;
use std::sync::Arc;

use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;
use deckwatch_server::backup::{BackupError, export, restore};
use rusqlite::Connection;
use serde_json::json;

use crate::lab::{Lab, handoff_of};
use crate::schema::migrated;

/// Every record of a database but those of its index, as text.
fn records(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'note\\_search\\_%' escape '\\'
                    and name <> 'note_search' or name = 'note_search_keys' order by name";
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

/// A day with a handoff and a note, on a database that stays open.
async fn filled(path: &Path) -> Lab {
    let lab = Lab::on(Arc::new(Sqlite::open(path).unwrap()));
    lab.register_alpha().await;
    let session = lab.start("agent-1").await;
    lab.ask(Operation::CreateHandoff, ("", ""), Some(&handoff_of(&session))).await;
    for n in 0..3 {
        let note = json!({ "title": format!("Note {n}"), "content": "a heron 😀 'n' \"co\"", "tags": ["bird"] });
        assert_eq!(lab.ask(Operation::CreateNote, ("", ""), Some(&note)).await.status, 201);
    }
    lab.put_doc("alpha/api.md", "# The API").await;
    lab.put_doc("alpha/api.md", "# The API 😀").await;
    lab
}

#[tokio::test]
async fn what_was_exported_is_restored_whole_and_can_be_searched_and_changed() {
    let folder = tempfile::TempDir::new().unwrap();
    let (database, file) = (folder.path().join("context.db"), folder.path().join("backup.db"));
    let lab = filled(&database).await;
    export(&database, &file).unwrap();
    assert!(!has_index(&file) && has_index(&database));
    assert_eq!(records(&file), records(&database));
    assert_eq!(lab.ask(Operation::ListNotes, ("", "q=heron"), None).await.json()["total"], 3, "in use all the while");

    let again = folder.path().join("elsewhere/context.db");
    restore(&file, &again).unwrap();
    assert_eq!(records(&again), records(&file));
    let lab = Lab::on(Arc::new(Sqlite::open(&again).unwrap()));
    let found = lab.ask(Operation::ListNotes, ("", "q=herons"), None).await.json();
    assert_eq!(found["total"], 3);
    let id = found["items"][0]["id"].as_str().unwrap();
    // A key of this test's own: those of the first lab were restored as well.
    let patch = json!({ "content": "an egret" });
    let changed = lab.ask_with(Operation::UpdateNote, (id, ""), Some(&patch), "a-key-after-the-restore").await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(lab.ask(Operation::ListNotes, ("", "q=heron"), None).await.json()["total"], 2);
    assert_eq!(lab.ask(Operation::ListNotes, ("", "q=egret"), None).await.json()["total"], 1);
}

#[tokio::test]
async fn nothing_is_written_over_and_nothing_is_left_half_done() {
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

#[test]
fn the_index_is_built_again_as_the_migration_made_it() {
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
    // The same for D1, whose statements are in a file.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/lib/note-search.sql");
    connection.execute(&deckwatch_api::store::drop_index().sql, []).unwrap();
    connection.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(made(), first);
}
