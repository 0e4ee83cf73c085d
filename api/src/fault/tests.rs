//! Tests the class of every error that the SQLite and Cloudflare documentation names.

use super::*;

const BROKEN: Class = Class::Outage(Outage::Broken);
const FULL: Class = Class::Outage(Outage::Full);
const QUOTA: Class = Class::Outage(Outage::DailyQuota);

/// D1 messages: from the page "Debug D1", from the limits of D1, Durable Objects and Workers, and from production.
const D1: &[(&str, Class)] = &[
    ("D1_ERROR: D1 DB reset because its code was updated.", Class::Passing),
    ("D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.", Class::Passing),
    ("D1_ERROR: Network connection lost.", Class::Passing),
    ("Network connection lost.", Class::Passing),
    ("D1_ERROR: Replica disconnected from primary.", Class::Passing),
    ("D1_ERROR: Internal error in D1 DB storage caused object to be reset.", Class::Passing),
    ("D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.", Class::Passing),
    ("D1_ERROR: Can't read from request stream because client disconnected.", Class::Passing),
    ("D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.", Class::Passing),
    ("D1_ERROR: D1 DB is overloaded. Requests queued for too long.", Class::Passing),
    ("D1_ERROR: D1 DB is overloaded. Too many requests queued.", Class::Passing),
    ("D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.", Class::Passing),
    ("D1_ERROR: D1 DB exceeded its CPU time limit and was reset.", Class::Passing),
    ("internal error; reference = 0123456789abcdef", Class::Passing),
    ("Durable Object reset because its code was updated.", Class::Passing),
    ("Durable Object is overloaded. Too many requests queued.", Class::Passing),
    ("D1_ERROR: Failed to parse body as JSON, got: error code: 1031", Class::Passing),
    ("Too many API requests by single worker invocation.", Class::Passing),
    ("Error: Too many subrequests.", Class::Passing),
    ("D1_ERROR: Your account has exceeded D1's free tier daily row read limit.", QUOTA),
    (
        "D1_ERROR: Your account has exceeded D1's free tier daily row write limit. Upgrade to a paid plan or wait \
         until \
         tomorrow (midnight UTC) to continue.",
        QUOTA,
    ),
    ("Exceeded allowed rows written in Durable Objects free tier.", QUOTA),
    ("Exceeded allowed rows read in Durable Objects free tier.", QUOTA),
    ("Exceeded allowed duration in Durable Objects free tier.", QUOTA),
    ("D1_ERROR: Exceeded maximum DB size", FULL),
    ("D1_ERROR: Exceeded maximum DB size.", FULL),
    ("D1_ERROR: Your account has exceeded D1's maximum account storage limit", FULL),
    ("D1_ERROR: database or disk is full: SQLITE_FULL", FULL),
    ("D1_ERROR: database is locked: SQLITE_BUSY", Class::Passing),
    ("D1_ERROR: database is locked: SQLITE_BUSY (extended: SQLITE_BUSY_SNAPSHOT)", Class::Passing),
    ("D1_ERROR: out of memory: SQLITE_NOMEM", Class::Passing),
    ("D1_ERROR: interrupted: SQLITE_INTERRUPT", Class::Passing),
    ("D1_ERROR: disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_WRITE)", BROKEN),
    ("D1_ERROR: disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_NOMEM)", Class::Passing),
    ("D1_ERROR: database disk image is malformed: SQLITE_CORRUPT", BROKEN),
    ("D1_ERROR: string or blob too big: SQLITE_TOOBIG", Class::TooLarge),
    (
        "D1_ERROR: UNIQUE constraint failed: t.a, t.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        Class::Constraint,
    ),
    ("D1_ERROR: CHECK constraint failed: over_limit: SQLITE_CONSTRAINT_CHECK", Class::Constraint),
    ("UNIQUE constraint failed: users.email", Class::Constraint),
    ("D1_ERROR: no such table: overloaded: SQLITE_ERROR", Class::Failed),
    ("D1_ERROR: not authorized: SQLITE_AUTH", Class::Failed),
    ("D1_ERROR: No SQL statements detected.", Class::Failed),
    ("D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'", Class::Failed),
    ("D1_COLUMN_NOTFOUND: Column not found (x)", Class::Failed),
    ("D1_EXEC_ERROR: Error in line 1: INSERTZ: near \"INSERTZ\": syntax error", Class::Failed),
    ("an undocumented message", Class::Failed),
];

#[test]
fn every_documented_d1_message_has_its_class() {
    for (message, class) in D1 {
        let error = of_d1_message(message);
        let text = message.strip_prefix("D1_ERROR: ").unwrap_or(message);
        let text = text.split_once(": SQLITE_").map_or(text, |(text, _)| text);
        assert_eq!(error, class.error(text.to_owned()), "{message}");
    }
}

#[test]
fn every_sqlite_result_code_has_the_same_class_by_number_and_by_name() {
    for (number, name, class) in CODES.iter().chain(EXTENDED) {
        let error = class.error("text".to_owned());
        assert_eq!(of_sqlite_code(*number, "text".to_owned()), error, "{name}");
        assert_eq!(of_d1_message(&format!("D1_ERROR: text: SQLITE_{name}")), error, "{name}");
        let primary = CODES.iter().find(|row| row.0 == number & 0xff).unwrap();
        let both = format!("D1_ERROR: text: SQLITE_{} (extended: SQLITE_{name})", primary.1);
        assert_eq!(of_d1_message(&both), error, "{name}");
    }
    let numbers: Vec<i32> = CODES.iter().map(|row| row.0).collect();
    assert_eq!(numbers, (1..=28).collect::<Vec<_>>(), "SQLite has 28 primary codes that are errors");
}

#[test]
fn an_unlisted_extended_code_has_the_class_of_its_primary_code() {
    for (extended, class) in
        [(2067, Class::Constraint), (517, Class::Passing), (778, BROKEN), (526, BROKEN), (769, Class::Failed)]
    {
        assert_eq!(of_sqlite_code(extended, String::new()), class.error(String::new()), "{extended}");
    }
    assert_eq!(of_sqlite_code(99, String::new()), DatabaseError::Failed(String::new()));
}

#[test]
fn the_retry_time_is_midnight_for_a_daily_quota_and_minutes_for_an_operator() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(Outage::DailyQuota.retry_after_seconds(at("2026-11-21T14:30:00.000Z")), (9 * 60 + 30) * 60);
    assert_eq!(Outage::DailyQuota.retry_after_seconds(at("2026-11-21T23:59:59.999Z")), 1);
    assert_eq!(Outage::DailyQuota.retry_after_seconds(at("2026-11-21T00:00:00.000Z")), DAY_SECONDS);
    assert_eq!(Outage::Full.retry_after_seconds(at("2026-11-21T23:59:59.999Z")), 300);
}

/// The messages of D1 on workerd, one for each kind of constraint.
#[test]
fn a_d1_message_about_a_constraint_gives_its_exact_name() {
    for (message, extended, violated) in [
        ("CHECK constraint failed: positive", "CHECK", Violated::Check("positive".into())),
        ("UNIQUE constraint failed: t.n, t.m", "UNIQUE", Violated::Unique("t.n, t.m".into())),
        ("UNIQUE constraint failed: index 'one_live'", "UNIQUE", Violated::Unique("one_live".into())),
        ("NOT NULL constraint failed: t.n", "NOTNULL", Violated::NotNull("t.n".into())),
        ("FOREIGN KEY constraint failed", "FOREIGNKEY", Violated::ForeignKey),
        ("the venture is closed", "TRIGGER", Violated::Raised("the venture is closed".into())),
    ] {
        let whole = format!("D1_ERROR: {message}: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_{extended})");
        for form in [whole, format!("D1_ERROR: {message}: SQLITE_CONSTRAINT")] {
            assert_eq!(of_d1_message(&form), DatabaseError::Constraint(violated.clone()), "{form}");
        }
    }
}
