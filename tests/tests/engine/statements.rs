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
fn the_statements_of_a_list_cover_every_combination_of_its_filters() {
    let statements = store::every_statement();
    let of = |list: &str| -> Vec<&str> {
        let named = statements.iter().filter(|(name, _)| name.starts_with(&format!("{list} ")));
        named.map(|(_, sql)| sql.as_str()).collect()
    };
    let forms = |list: &str, columns: &[&str], forms: usize| {
        let statements = of(list);
        assert!(statements.len() >= forms, "{list} has {} statements", statements.len());
        for combination in 0..1_usize << columns.len() {
            let is_given = |n: usize| combination >> n & 1 == 1;
            let fits = |sql: &&str| {
                columns.iter().enumerate().all(|(n, column)| sql.contains(&format!("{column} = ?")) == is_given(n))
            };
            let wanted: Vec<_> = columns.iter().enumerate().filter(|(n, _)| is_given(*n)).collect();
            assert!(statements.iter().any(fits), "{list}: {wanted:?}");
        }
    };
    // Seven filters, one of five statuses and a cursor; a page, and the latest handoff.
    let columns = ["h.venture", "h.repo", "h.track", "h.issue_number", "h.from_agent", "h.to_agent", "h.session_id"];
    forms("handoff::list", &columns, 2 * (5 << 8));
    // Five filters, one of four statuses and a cursor.
    forms("session::list", &["s.venture", "s.repo", "s.agent", "s.track"], 4 << 6);
    let columns = ["l.correlation_id", "l.actor_key_id", "l.operation", "l.status"];
    forms("request_log::list", &columns, 1 << 7);
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
