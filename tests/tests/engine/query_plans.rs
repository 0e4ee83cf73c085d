//! SQLite's query plan for each statement: it uses an index and never scans a table that grows.

use deckwatch_api::store;
use deckwatch_server::Sqlite;

use crate::statements::explain;

/// The growing tables, with the aliases of the statements. `doc_requirements r` is not one of them, because it has at
/// most 500 rules. Neither is `d1_migrations`, with one row per migration.
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
    "note_search_keys",
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
    "rate_limits",
    "idempotency_keys",
    "request_log",
    "l",
    "tokens",
    "token",
    "machines",
    "m",
];

#[test]
fn no_statement_scans_a_growing_table() {
    let database = Sqlite::in_memory().unwrap();
    let mut scans = Vec::new();
    for (name, sql) in store::every_statement() {
        let plan = explain(&database, "explain query plan", &sql);
        let steps = plan.iter().filter_map(|row| row["detail"].as_str());
        let scanning = steps.filter(|step| scans_a_growing_table(step) && !stops_at_its_limit(&sql, step));
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
fn stops_at_its_limit(sql: &str, step: &str) -> bool {
    // Archived and other notes have separate indexes, so these scans read only rows of the list.
    // The index of the fleet contains no retired machines.
    let unfiltered = [
        "where true",
        "where ?1 is not null",
        "where true and n.archived_at is null",
        // For a token without a venture; for other tokens, the condition is constantly false and reads no rows.
        "where (select token.venture from tokens token where token.id = ?1) is null and n.archived_at is null",
        "where (select token.venture from tokens token where token.id = ?1) is null and n.archived_at is not null",
        "where true and n.archived_at is not null",
        "where true and m.retired_at is null",
        "where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1",
        "where true and d.deleted_at is null",
        "where true and v.deleted_at is null",
        "where ?1 is not null and v.deleted_at is null",
    ];
    let unfiltered =
        unfiltered.iter().any(|all| [" order by", " limit"].iter().any(|end| sql.contains(&format!("{all}{end}"))));
    unfiltered && step.contains(" USING ")
}
