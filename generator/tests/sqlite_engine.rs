//! Compares the document about a schema with SQLite: both read the same migrations, and must have the same tables and columns.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use deckwatch_generator::{Kind, generate};
use rusqlite::Connection;

/// The columns of each table.
type Tables = BTreeMap<String, Vec<String>>;

/// Statements that a reader of SQL can get wrong. Each file is one migration.
const MIGRATIONS: [(&str, &str); 9] = [
    (
        "1_first.sql",
        "-- create table commented_out (id integer);\n/* create table this_too (id integer); */\n\
         CREATE TABLE IF NOT EXISTS \"user data\" (\"id\" integer PRIMARY KEY, [display name] text, `key` text DEFAULT ';', \
         'quoted' text, untyped, note text DEFAULT ')' CHECK (note <> 'a, b'), PRIMARYKEY text);\n\
         create table posts(id integer primary key, title varchar(20) not null, price decimal(10, 2), author references \"user data\"(id), \
         constraint c unique (title, author), foreign key (author) references \"user data\"(id) on delete cascade);",
    ),
    (
        "2_strict.sql",
        "create table main.tags (name text primary key, post integer) without rowid, strict;\n\
      create table ledger (a int, b int generated always as (a * 2) stored, c as (a + 1), d int default (strftime('%s', 'now')), \
      check (a > 0), unique (a, b)) ;",
    ),
    (
        "3_alter.sql",
        "alter table posts add body text; ALTER TABLE posts ADD COLUMN \"slug\" text NOT NULL DEFAULT '';\n\
      alter table posts rename column title to headline; alter table posts rename slug to path;\n\
      alter table ledger drop column d;",
    ),
    (
        "4_rebuild.sql",
        "pragma foreign_keys = off; begin; create table new_tags (name text primary key, colour text);\n\
      insert into new_tags (name) select name from tags; drop table tags; alter table new_tags rename to tags; commit;",
    ),
    (
        "5_select.sql",
        "create table archive as select id, headline as title, count(*) as uses, p.body from posts p group by id;\n\
      create table copy as select * from posts; create table qualified as select posts.id, posts.body from posts;",
    ),
    (
        "6_trigger.sql",
        "create trigger watch after update on posts begin update posts set body = 'create table fake (id int);'; \
      delete from tags where name = case when new.id > 0 then 'x' else 'y' end; end;\n\
      create view recent as select * from posts; create index by_path on posts (path) where path <> '';",
    ),
    (
        "7_if_not_exists.sql",
        "create table if not exists posts (other integer); drop table if exists missing; drop table ledger;",
    ),
    (
        "8_words.sql",
        "create table words (\"order\" int, \"check\" text, \"primary\" text, \"unique\" text, \"like\" text, period int, \
      comment text, identity int, \"index\" int, [key] varchar(3), \"constraint\" text);",
    ),
    (
        "10_last.sql",
        "alter table words add column last int; alter table \"user data\" rename to people; alter table people rename \"display name\" to name;",
    ),
];

/// The tables of the engine after it has applied the files in this order.
fn of_engine(files: &[(String, String)]) -> Tables {
    let database = Connection::open_in_memory().unwrap();
    for (name, sql) in files {
        database.execute_batch(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // Of the tables of a full text search, only the virtual one is declared.
    let query = "select t.name, c.name from pragma_table_list t join pragma_table_xinfo(t.name) c \
                 where t.schema = 'main' and t.type in ('table', 'virtual') and t.name not like 'sqlite\\_%' escape '\\' \
                 and (t.type = 'table' or c.hidden = 0) order by t.name, c.cid";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    let mut tables = Tables::new();
    for row in rows {
        let (table, column) = row.unwrap();
        tables.entry(table).or_default().push(column);
    }
    tables
}

/// The tables of the document about these files.
fn of_document(files: &[(String, String)]) -> Tables {
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join("migrations");
    fs::create_dir(&folder).unwrap();
    for (name, sql) in files {
        fs::write(folder.join(name), sql).unwrap();
    }
    let document = generate(repository.path(), Kind::Schema).unwrap().content;
    let mut tables = Tables::new();
    let mut current = None;
    for line in document.lines() {
        let cell = |start: &str| line.strip_prefix(start)?.split('`').next().map(str::to_owned);
        if let Some(name) = cell("### `") {
            // SQLite's own name of the first database is not a part of a table's name.
            let name = name.strip_prefix("main.").unwrap_or(&name).to_owned();
            tables.entry(name.clone()).or_default();
            current = Some(name);
        } else if line.starts_with("##") {
            current = None;
        } else if let (Some(column), Some(table)) = (cell("| `"), &current) {
            tables.get_mut(table).unwrap().push(column);
        }
    }
    tables
}

#[test]
fn the_document_has_the_tables_that_sqlite_makes_of_hostile_migrations() {
    let files: Vec<(String, String)> = MIGRATIONS.map(|(name, sql)| (name.to_owned(), sql.to_owned())).into();
    assert_eq!(of_document(&files), of_engine(&files));
}

#[test]
fn the_document_has_the_tables_that_sqlite_makes_of_our_own_migrations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files: Vec<(String, String)> =
        paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
    assert_eq!(of_document(&files), of_engine(&files));
}
