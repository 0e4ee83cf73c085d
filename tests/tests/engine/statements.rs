//! Every statement of the API, checked against the migrated schema and the limits of D1.

use deckwatch_api::{Param, Statement, store};
use deckwatch_server::Sqlite;

/// The highest number `N` of the parameters `?N` in a statement.
pub(crate) fn parameters(sql: &str) -> usize {
    let after = sql.split('?').skip(1);
    let numbers = after.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    numbers.filter_map(|number| number.parse().ok()).max().unwrap_or_default()
}

/// The rows that the engine returns for `prefix` and the statement, such as a query plan. Does not run the statement.
pub(crate) fn explain(database: &Sqlite, prefix: &str, sql: &str) -> Vec<deckwatch_api::Row> {
    let mut statement = Statement::new(format!("{prefix} {sql}"));
    statement.params = vec![Param::Null; parameters(sql)];
    let rows = database.run(&[statement]).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    rows.into_iter().next().unwrap()
}

#[test]
fn every_statement_prepares_on_the_migrated_schema() {
    let database = Sqlite::in_memory().unwrap();
    let statements = store::every_statement();
    assert!(statements.len() > 50, "{} statements", statements.len());
    for (name, sql) in statements {
        let program = explain(&database, "explain", &sql);
        assert!(!program.is_empty(), "{name}");
    }
}

#[test]
fn every_statement_keeps_the_limits_of_d1() {
    for (name, sql) in store::every_statement() {
        assert!(parameters(&sql) <= 100, "{name} has {} parameters", parameters(&sql));
        assert!(sql.len() <= 100_000, "{name} has {} bytes", sql.len());
        assert!(!sql.contains('\0'), "{name}");
    }
}

#[test]
fn every_parameter_is_numbered_without_a_gap() {
    for (name, sql) in store::every_statement() {
        assert!(
            !sql.contains("?,") && !sql.contains("? ") && !sql.contains("?)"),
            "{name} has a parameter without a number"
        );
        for n in 1..=parameters(&sql) {
            let used = sql
                .match_indices(&format!("?{n}"))
                .any(|(at, found)| !sql[at + found.len()..].starts_with(|next: char| next.is_ascii_digit()));
            assert!(used, "{name} skips ?{n}");
        }
    }
}

#[test]
fn no_statement_uses_select_star_for_an_answer() {
    for (name, sql) in store::every_statement() {
        assert!(!sql.trim_start().starts_with("select *"), "{name}");
    }
}
