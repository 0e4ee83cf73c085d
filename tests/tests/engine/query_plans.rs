//! SQLite's query plan for each statement: it uses an index and never scans a table that grows. And each index is used by
//! a statement.

use std::collections::BTreeSet;

use deckwatch_api::{MIGRATIONS, Statement, store};
use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;

use crate::statements::explain;

/// The growing tables, with the aliases of the statements. `doc_requirements r` is not one of them, because it has at
/// most 500 rules. Neither is `d1_migrations`, with one row per migration, nor `rate_limits`, with the actors of the last
/// hour.
const GROWING: &[&str] = &[
    "sessions",
    "s",
    "o",
    "handoffs",
    "h",
    "notes",
    "n",
    "note_tags",
    "archived_note_tags",
    "note_ranks",
    "k",
    "t",
    "context_docs",
    "d",
    "doc_confirmations",
    "dc",
    "doc_versions",
    "w",
    "p",
    "ventures",
    "v",
    "idempotency_keys",
    "request_log",
    "l",
    "tokens",
    "token",
    "machines",
    "m",
    "events",
    "ev",
    "messages",
    "deliveries",
    "github_deliveries",
    "g",
    "classifications",
    "cl",
    "claims",
    "c",
    "nearest",
    "state_entries",
    "state_versions",
    "state_counts",
    "entry",
    "holder",
];

#[test]
fn no_statement_scans_a_growing_table() {
    let database = Sqlite::in_memory().unwrap();
    let mut scans = Vec::new();
    for (name, sql) in store::every_statement() {
        let plan = explain(&database, "explain query plan", &sql);
        let steps = plan.iter().filter_map(|row| row["detail"].as_str());
        let scanning = steps.filter(|step| scans_a_growing_table(step) && !stops_at_its_limit(&name, &sql, step));
        scans
            .extend(scanning.map(|step| format!("{name}: {step}\n    {}", sql.split(" from ").last().unwrap_or(&sql))));
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

fn scans_a_growing_table(step: &str) -> bool {
    let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
    table.is_some_and(|table| GROWING.contains(&table))
}

/// Whether the scan is an unfiltered list: it reads an index and stops at the limit of the page or of an exact count.
fn stops_at_its_limit(name: &str, sql: &str, step: &str) -> bool {
    // The one session whose day starts, the claims that it shows, and the one venture that is audited, in a table of this
    // statement.
    if name.ends_with("day::STARTED") && ["SCAN s", "SCAN c"].contains(&step)
        || name.starts_with("doc_audit::list") && step == "SCAN v"
    {
        return true;
    }
    // At most 100 ventures, to find the one that has a repository.
    let finds_venture = ["classification::INSERT", "github_event::RECEIVED", "github_event::LABELLED"].contains(&name);
    if finds_venture && sql.contains("order by code limit 100") && step.starts_with("SCAN v") {
        return true;
    }
    // A list whose filters no index serves stops at the limit of a scan. `row_counts` counts its rows.
    let lists =
        ["session::list", "handoff::list", "request_log::list", "classification::list", "claim::list", "analytics"];
    // The sweep reads the active sessions, which end or become stale: an index has only these.
    let is_live = step.ends_with("INDEX sessions_one_live");
    // The sweep reads the oldest events.
    let is_oldest = name == "event::FORGET" && step == "SCAN events";
    // As many of the newest events as the statement before has appended.
    let of_newest = ["claim::DELETE_RELEASED", "claim::DELETE_IN_SWEEP", "session::ABANDON_STALE"];
    let is_newest = of_newest.contains(&name) && step == "SCAN events";
    if is_live || is_oldest || is_newest || lists.iter().any(|list| name.starts_with(list)) && sql.contains(" limit ") {
        return true;
    }
    // Archived and other notes have separate indexes, so these scans read only rows of the list.
    // The index of the fleet contains no retired machines.
    let unfiltered = [
        "where true",
        "where ?1 is not null",
        "where true and n.archived_at is null",
        // For a token without a venture. For other tokens, the join has no row and reads no notes.
        "where token.id = ?1 and token.venture is null and n.archived_at is null",
        "where token.id = ?1 and token.venture is null and n.archived_at is not null",
        "where true and n.archived_at is not null",
        "where true and m.retired_at is null",
        "where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1",
        "where true and d.deleted_at is null",
        "where true and v.deleted_at is null",
        "where ?1 is not null and v.deleted_at is null",
    ];
    let unfiltered = unfiltered
        .iter()
        .any(|all| [" order by", " limit", " union all"].iter().any(|end| sql.contains(&format!("{all}{end}"))));
    unfiltered && step.contains(" USING ")
}

/// Indexes that the schema needs for another reason than reading: they allow one row.
const UNIQUE: &[&str] = &["sessions_one_live", "doc_requirements_one_rule"];

#[test]
fn every_index_is_used_by_a_statement() {
    let database = Sqlite::in_memory().unwrap();
    let mut used = BTreeSet::new();
    for (_, sql) in store::every_statement() {
        let plan = explain(&database, "explain query plan", &sql);
        let steps = plan.iter().filter_map(|row| row["detail"].as_str());
        used.extend(steps.filter_map(|step| Some(step.split_once(" INDEX ")?.1.split(' ').next()?.to_owned())));
    }
    let all = Statement::new("select name from sqlite_schema where type = 'index' and sql is not null order by name");
    let rows = database.run(&[all]).unwrap();
    let names = rows.iter().flatten().filter_map(|row| row["name"].as_str());
    let unused: Vec<&str> = names.filter(|name| !used.contains(*name) && !UNIQUE.contains(name)).collect();
    assert!(
        unused.is_empty(),
        "no statement uses these indexes, and each row that is written pays for them: {unused:?}"
    );
}

#[test]
fn the_comment_above_each_index_names_a_query() {
    let others = ["The sweep", "POST /webhooks/github"];
    let operations: Vec<&str> = Operation::ALL.iter().map(|operation| operation.id()).chain(others).collect();
    for (name, sql) in MIGRATIONS {
        let mut comment = String::new();
        let mut is_before_index = false;
        for line in sql.lines() {
            match line.strip_prefix("--") {
                Some(text) => {
                    // A comment that follows a statement begins a new one.
                    if is_before_index {
                        comment.clear();
                    }
                    comment.push_str(text);
                    is_before_index = false;
                }
                None if line.starts_with("create index") || line.starts_with("create unique index") => {
                    assert!(operations.iter().any(|id| comment.contains(id)), "{name}: {line}\n{comment}");
                    is_before_index = true;
                }
                None if line.is_empty() || is_before_index => {}
                None => comment.clear(),
            }
        }
    }
}
