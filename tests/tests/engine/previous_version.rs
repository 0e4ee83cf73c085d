//! The statements of the previous version run on the schema of this one, because a deployment migrates the database before it
//! replaces the code.
//!
//! `previous_statements.sql` has the statements of the last release. A list that is composed at run time has thousands of forms,
//! so the file has those that together contain every word of the list. The test finds what was removed or renamed, a name that
//! a new column made ambiguous, and a new column that an insert must set. It does not run the statements, so it does not find
//! a new check, trigger or unique index that refuses what the previous version writes.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use deckwatch_api::{Param, Statement, store};
use deckwatch_server::Sqlite;
use regex::Regex;

use crate::statements::parameters;

const FILE: &str = "tests/engine/previous_statements.sql";
/// Begins the line above a statement.
const NAME: &str = "-- statement ";

/// The newest version in the changelog.
fn released() -> String {
    let changelog = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../CHANGELOG.md")).unwrap();
    let newest = changelog.lines().filter_map(|line| line.strip_prefix("## ")).find(|title| *title != "Unreleased");
    newest.map_or("from before the first release".to_owned(), |title| format!("of version {title}"))
}

/// The statements of this version, as the file has them.
fn written() -> String {
    let word = Regex::new("[A-Za-z_.]+").unwrap();
    let mut seen: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    let mut file = format!("-- Statements {}.\n", released());
    for (name, sql) in store::every_statement() {
        let list = name.split(' ').next().unwrap_or(&name);
        let words = seen.entry(list.to_owned()).or_default();
        let before = words.len();
        words.extend(word.find_iter(&sql).map(|word| word.as_str().to_owned()));
        if words.len() > before {
            file.extend(["\n", NAME, &name, "\n", sql.trim(), "\n"]);
        }
    }
    file
}

fn previous() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap_or_default()
}

/// What the statements of the file can't do on this schema.
fn broken(database: &Sqlite, file: &str) -> Vec<String> {
    let inserts = Regex::new(r"(?s)insert (?:or \w+ )?into (\w+) \(([^)]*)\)").unwrap();
    let mut broken = Vec::new();
    let statements = file.split(NAME).skip(1).filter_map(|statement| statement.split_once('\n'));
    for (name, sql) in statements {
        let mut explain = Statement::new(format!("explain {sql}"));
        explain.params = vec![Param::Null; parameters(sql)];
        if let Err(error) = database.run(&[explain]) {
            broken.push(format!("{name}: {error}"));
        }
        for insert in inserts.captures_iter(sql) {
            let set: Vec<&str> = insert[2].split(',').map(str::trim).collect();
            for column in required(database, &insert[1]) {
                if !set.contains(&column.as_str()) {
                    broken
                        .push(format!("{name}: {}.{column} is required, and this insert does not set it", &insert[1]));
                }
            }
        }
    }
    broken
}

/// The columns that each insert into this table must set.
fn required(database: &Sqlite, table: &str) -> Vec<String> {
    let sql = format!(
        "select c.name from pragma_table_info('{table}') c
         where c.\"notnull\" and c.dflt_value is null and not (c.pk and c.type = 'INTEGER')"
    );
    let rows = database.run(&[Statement::new(sql)]).unwrap();
    rows[0].iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// `UPDATE_RELEASED=1` writes the file. The commit of a release does this: docs/operations.md.
#[test]
fn the_statements_of_the_previous_version_fit_the_schema() {
    if std::env::var_os("UPDATE_RELEASED").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), written()).unwrap();
    }
    let file = previous();
    let first = format!("-- Statements {}.", released());
    assert_eq!(
        file.lines().next(),
        Some(&*first),
        "tests/{FILE} is not of the last release; run `UPDATE_RELEASED=1 cargo nextest run -p deckwatch-tests \
         --all-features -E 'test(previous_version)'` in the commit of the release"
    );
    assert!(file.matches(NAME).count() > 100, "tests/{FILE} has too few statements");
    let broken = broken(&Sqlite::in_memory().unwrap(), &file);
    assert!(
        broken.is_empty(),
        "the previous version does not run on this schema:\n{}\nKeep what it names for one version. Give a new column a default",
        broken.join("\n")
    );
}

#[test]
fn a_removed_or_renamed_name_and_a_required_column_are_found() {
    for (change, missed) in [
        ("alter table sessions rename column host to machine", "host"),
        ("drop index sessions_by_venture", "sessions_by_venture"),
        ("alter table handoffs rename to handovers", "handoffs"),
        (
            "create table beats (reason text not null, at text not null) strict; drop table refusals;
             alter table beats rename to refusals",
            "refusals.at is required",
        ),
    ] {
        let database = Sqlite::in_memory().unwrap();
        for sql in change.split(';') {
            database.run(&[Statement::new(sql.to_owned())]).unwrap();
        }
        let broken = broken(&database, &previous());
        assert!(broken.iter().any(|what| what.contains(missed)), "{change}: {broken:?}");
    }
}
