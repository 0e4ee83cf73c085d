//! How SQLite means to run each statement: by index, never through a table that grows.

use deckwatch_api::store;
use deckwatch_server::Sqlite;

use crate::statements::explain;

/// Tables under the names that the statements give them. `doc_requirements r` is not among them: it holds at
/// most 500 rules that people write, and `d1_migrations` one row per migration.
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
fn no_statement_walks_a_table_that_grows() {
    let database = Sqlite::in_memory().unwrap();
    let mut walks = Vec::new();
    for (name, sql) in store::every_statement() {
        let plan = explain(&database, "explain query plan", &sql);
        let steps = plan.iter().filter_map(|row| row["detail"].as_str());
        let walking = steps.filter(|step| walks_a_growing_table(step) && !stops_at_its_limit(&sql, step));
        walks.extend(walking.map(|step| format!("{name}: {step}\n    {}", sql.split(" from ").last().unwrap_or(&sql))));
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

fn walks_a_growing_table(step: &str) -> bool {
    let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
    table.is_some_and(|table| GROWING.contains(&table))
}

/// Whether the walk is a list without a filter: it goes along an index and stops at the page's limit, or at
/// the most that a count says exactly.
fn stops_at_its_limit(sql: &str, step: &str) -> bool {
    // Live and archived notes have indexes of their own, which hold no others.
    // And so has the fleet, which the retired machines have left.
    let everything = [
        "where true",
        "where ?1 is not null",
        "where true and n.archived_at is null",
        // Of a token that is for no venture; for another one this is constantly false, and reads nothing.
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
        everything.iter().any(|all| [" order by", " limit"].iter().any(|end| sql.contains(&format!("{all}{end}"))));
    unfiltered && step.contains(" USING ")
}
