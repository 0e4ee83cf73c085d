//! The schema: the migrations produce the committed schema, and it follows the project's rules.

use std::collections::HashSet;
use std::path::Path;

use deckwatch_api::{MIGRATIONS, store};
use rusqlite::{Connection, params};
use sha2::Digest;

/// A database with all migrations applied, without the limits of an engine.
pub(crate) fn migrated() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    connection
        .execute_batch("create table d1_migrations (id integer primary key, name text unique, applied_at text)")
        .unwrap();
    for (name, sql) in MIGRATIONS {
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    connection
}

/// The first column of the rows of a query.
pub(crate) fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

const TABLES: &str = "select name from sqlite_schema where type = 'table' and name not like 'sqlite%'
                        and name <> 'd1_migrations' order by name";

#[test]
fn the_migrations_are_all_files_of_the_folder_without_a_gap() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.collect();
    files.sort();
    let known: Vec<&str> = MIGRATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, known, "wrangler applies every file in the folder, also one that the engines do not know");
    for (n, name) in known.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", n + 1)), "{name} is number {}", n + 1);
    }
}

#[test]
fn every_migration_starts_with_a_comment() {
    for (name, sql) in MIGRATIONS {
        assert!(sql.starts_with("-- "), "{name}");
    }
}

/// The committed schema. Its first lines have the SHA-256 and the name of each migration.
const SCHEMA: &str = "tests/engine/schema.sql";

#[test]
fn the_committed_schema_is_in_step_with_the_migrations_and_none_of_them_has_changed() {
    let hash = |sql: &str| {
        let bytes = sha2::Sha256::digest(sql);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let migrations: Vec<String> = MIGRATIONS.iter().map(|(name, sql)| format!("-- {}  {name}", hash(sql))).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // `UPDATE_GENERATED=1` adds lines. It replaces none.
    for line in committed.lines().take_while(|line| line.starts_with("-- ")) {
        assert!(
            migrations.iter().any(|migration| migration == line),
            "a migration that databases have applied was changed, renamed or deleted: {line}\nUndo it, and write a new \
             migration. If the file is new in your branch, delete this line of tests/{SCHEMA} and run `just gen`"
        );
    }
    let made = texts(
        &migrated(),
        "select sql from sqlite_schema where sql is not null and name <> 'd1_migrations' order by tbl_name, type desc, name",
    );
    let made = migrations.join("\n") + "\n\n" + &made.join(";\n\n") + ";\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "tests/{SCHEMA} is out of step; run `just gen`");
}

#[test]
fn a_note_that_waits_is_indexed_when_the_database_is_opened() {
    let connection = migrated();
    for (name, _) in MIGRATIONS {
        connection.execute("insert into d1_migrations (name, applied_at) values (?1, '')", [name]).unwrap();
    }
    let note = "insert into notes (id, title, content, created_at, updated_at, actor_key_id, creation_correlation_id)
                values ('note_' || ?1, 'T', ?2, 'c', 'u', 'a', 'c')";
    let contents =
        ["ti\u{1ebf}ng Vi\u{1ec7}t".to_owned(), (0..60_000).map(|n| format!("{n:x} ")).collect::<Vec<_>>().concat()];
    for n in 0..250_u32 {
        connection.execute(note, params![n, contents[usize::from(n == 249)]]).unwrap();
    }
    connection.execute("insert into notes_to_index (note_id) select id from notes", []).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("context.db");
    connection.execute("vacuum into ?1", [path.to_str().unwrap()]).unwrap();
    for _ in 0..2 {
        drop(deckwatch_server::Sqlite::open(&path).unwrap());
        let opened = Connection::open(&path).unwrap();
        let found = "select count(*) from note_search where note_search match 'tieng AND viet'";
        for (sql, count) in [
            (found, 249),
            ("select count(*) from note_ranks", 250),
            ("select count(*) from notes_to_index", 0),
            ("select count(*) from notes where indexed_in_part", 1),
        ] {
            assert_eq!(opened.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap(), count, "{sql}");
        }
        opened.execute("insert into note_search (note_search, rank) values ('integrity-check', 1)", []).unwrap();
    }
}

#[test]
fn a_database_from_before_the_first_release_is_refused_and_not_changed() {
    for first in deckwatch_api::BEFORE_FIRST_RELEASE {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("context.db");
        let old = format!(
            "create table d1_migrations (id integer primary key, name text unique, applied_at text);
             insert into d1_migrations (name) values ('{first}'), ('0002_sessions.sql');
             create table ventures (code text)"
        );
        Connection::open(&path).unwrap().execute_batch(&old).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = deckwatch_server::Sqlite::open(&path).err().unwrap().to_string();
        assert!(error.contains("before its first release") && error.contains("move the file away"), "{error}");
        let tables = texts(
            &Connection::open(&path).unwrap(),
            "select name from sqlite_schema where name not like 'sqlite%' order by 1",
        );
        assert_eq!(tables, ["d1_migrations", "ventures"]);
        assert_eq!(std::fs::read(&path).unwrap().len(), before.len());
        let refused = deckwatch_server::backup::restore(&path, &folder.path().join("new/context.db")).unwrap_err();
        assert!(refused.to_string().contains("before its first release"), "{refused}");
    }
}

#[test]
fn a_migrated_database_passes_the_integrity_checks() {
    let connection = migrated();
    assert_eq!(texts(&connection, "pragma integrity_check"), ["ok"]);
    assert_eq!(connection.prepare("pragma foreign_key_check").unwrap().query_map([], |_| Ok(())).unwrap().count(), 0);
}

#[test]
fn every_table_is_strict() {
    let connection = migrated();
    let loose = texts(
        &connection,
        "select name from pragma_table_list where type = 'table' and not strict and name not like 'sqlite%'
           and name <> 'd1_migrations'",
    );
    assert!(loose.is_empty(), "{loose:?}");
}

#[test]
fn every_check_and_composite_key_has_a_name() {
    for table in texts(&migrated(), "select sql from sqlite_schema where type = 'table' and name <> 'd1_migrations'") {
        for line in table.lines().map(str::trim) {
            let constraint =
                line.starts_with("check") || line.starts_with("primary key (") || line.starts_with("unique (");
            assert!(!constraint, "{line}");
        }
    }
}

#[test]
fn every_foreign_key_to_a_table_with_deletions_is_the_first_column_of_an_index() {
    let connection = migrated();
    let deleted: HashSet<String> = store::every_statement()
        .iter()
        .filter_map(|(_, sql)| {
            sql.trim_start().strip_prefix("delete from ")?.split_whitespace().next().map(str::to_owned)
        })
        .collect();
    assert!(deleted.contains("request_log"), "{deleted:?}");
    for table in texts(&connection, TABLES) {
        let references =
            format!("select \"table\" || ' ' || \"from\" from pragma_foreign_key_list('{table}') where seq = 0");
        let leading = texts(
            &connection,
            &format!(
                "select i.name from pragma_index_list('{table}') l, pragma_index_info(l.name) i where i.seqno = 0
                   and i.name is not null"
            ),
        );
        for reference in texts(&connection, &references) {
            let (parent, key) = reference.split_once(' ').unwrap();
            assert!(
                !deleted.contains(parent) || leading.iter().any(|column| column == key),
                "{table}.{key} is not the first column of an index: deleting a row of {parent} scans {table}"
            );
        }
    }
}
