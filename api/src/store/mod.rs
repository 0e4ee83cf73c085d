//! All SQL, one file per table family.
//!
//! The functions here build statements and run none. SQL renders the responses (`json_object`), so that the batch
//! which changes a record also stores the exact bytes that a replay repeats. Every statement respects the limits of
//! D1: 100 parameters, 100 KB, 32 arguments of a function, 5 arms of a compound select. The embedded engine sets the
//! same limits, so a test on either engine finds a violation.

pub(crate) mod agent;
pub(crate) mod agent_token;
pub(crate) mod analytics;
pub(crate) mod claim;
pub(crate) mod classification;
pub(crate) mod day;
pub(crate) mod delivery;
pub(crate) mod doc;
pub(crate) mod doc_audit;
pub(crate) mod doc_version;
pub(crate) mod event;
pub(crate) mod fence;
mod forms;
pub(crate) mod github_delivery;
pub(crate) mod github_event;
pub(crate) mod handoff;
pub(crate) mod idempotency;
pub(crate) mod indexed_list;
pub(crate) mod list;
pub(crate) mod machine;
pub(crate) mod message;
pub(crate) mod message_sweep;
pub(crate) mod next_id;
pub(crate) mod note;
pub(crate) mod note_event;
pub(crate) mod note_index;
pub(crate) mod note_search;
pub(crate) mod person;
pub(crate) mod rate_limit;
pub(crate) mod recipient;
mod record_move;
pub(crate) mod records;
pub(crate) mod refusal;
pub(crate) mod request_log;
pub(crate) mod requirement;
pub(crate) mod responses;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod session_event;
pub(crate) mod shared_state;
pub(crate) mod ssh_config;
pub(crate) mod summaries;
pub(crate) mod sweep;
pub(crate) mod token;
pub(crate) mod venture;
pub(crate) mod venture_records;

pub use note_index::{indexed, waiting};
pub use note_search::{drop_index, rebuild_index};

/// Declares the statements of a file as constants, and lists them for the test that prepares each one.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*

        /// All constant statements of this file, by name.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name),)*];
    };
}
use statements;

/// The largest exact count (0042). D1 counts each entry that a count reads, so the count and the page of a list together
/// read at most 1,000.
macro_rules! count_limit {
    () => {
        750
    };
}
pub(crate) use count_limit;

/// The first 20 or 50 items of a JSON array that has as many. Unlike `json_each`, it reads no rows.
macro_rules! first_items {
    (20 of $array:literal) => {
        concat!(
            "json_extract(", $array, ", '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', ",
            "'$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]')"
        )
    };
    // A function of D1 takes 32 arguments, so the texts of two arrays are joined.
    (50 of $array:expr) => {
        concat!(
            "rtrim(json_extract(", $array, ", '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', ",
            "'$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', ",
            "'$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(", $array, ", '$[25]', '$[26]', '$[27]', '$[28]', ",
            "'$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', ",
            "'$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '[')"
        )
    };
}
use first_items;

/// The largest exact number of handoffs, claims and summaries in the answer to `start_day`.
macro_rules! excerpt_limit {
    () => {
        30
    };
}
use excerpt_limit;

/// All statements of this crate by name, for the test that prepares each one against the real migrations. A statement
/// that is composed at run time is listed in every form.
pub fn every_statement() -> Vec<(String, String)> {
    let files: &[(&str, &[(&str, &str)])] = &[
        ("agent", agent::STATEMENTS),
        ("agent_token", agent_token::STATEMENTS),
        ("claim", claim::STATEMENTS),
        ("classification", classification::STATEMENTS),
        ("delivery", delivery::STATEMENTS),
        ("doc", doc::STATEMENTS),
        ("doc_version", doc_version::STATEMENTS),
        ("event", event::STATEMENTS),
        ("fence", fence::STATEMENTS),
        ("github_delivery", github_delivery::STATEMENTS),
        ("github_event", github_event::STATEMENTS),
        ("handoff", handoff::STATEMENTS),
        ("idempotency", idempotency::STATEMENTS),
        ("machine", machine::STATEMENTS),
        ("message", message::STATEMENTS),
        ("message_sweep", message_sweep::STATEMENTS),
        ("note", note::STATEMENTS),
        ("note_event", note_event::STATEMENTS),
        ("note_index", note_index::STATEMENTS),
        ("note_search", note_search::STATEMENTS),
        ("person", person::STATEMENTS),
        ("rate_limit", rate_limit::STATEMENTS),
        ("recipient", recipient::STATEMENTS),
        ("records", records::STATEMENTS),
        ("refusal", refusal::STATEMENTS),
        ("request_log", request_log::STATEMENTS),
        ("requirement", requirement::STATEMENTS),
        ("service", service::STATEMENTS),
        ("session", session::STATEMENTS),
        ("session_event", session_event::STATEMENTS),
        ("shared_state", shared_state::STATEMENTS),
        ("ssh_config", ssh_config::STATEMENTS),
        ("sweep", sweep::STATEMENTS),
        ("token", token::STATEMENTS),
        ("venture", venture::STATEMENTS),
        ("venture_records", venture_records::STATEMENTS),
    ];
    let constants = files.iter().flat_map(|(file, statements)| {
        statements.iter().map(move |(name, sql)| (format!("{file}::{name}"), (*sql).to_owned()))
    });
    let composed = [
        analytics::composed(),
        claim::composed(),
        shared_state::composed(),
        classification::composed(),
        idempotency::composed(),
        session::composed(),
        handoff::composed(),
        note::composed(),
        note_search::composed(),
        delivery::composed(),
        doc::composed(),
        doc_version::composed(),
        venture::composed(),
        token::composed(),
        request_log::composed(),
        machine::composed(),
        requirement::composed(),
        doc_audit::composed(),
        event::composed(),
    ];
    constants.chain(composed.into_iter().flatten()).collect()
}
