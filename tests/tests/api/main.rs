//! The Context API from a caller's view: one suite over HTTP for both engines.
//!
//! Without configuration, it runs against the embedded engine. With `DECKWATCH_TEST_URL`, it runs against the engine at
//! that URL, which all tests share. It then also needs `DECKWATCH_TEST_CONTROL`, `CONTEXT_API_KEY` and `ADMIN_API_KEY`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod agent_names;
mod agent_tokens;
mod analytics;
mod appended_events;
mod auth;
mod bad_body;
mod bad_envelope;
mod claim_races;
mod claim_rows;
mod claims;
mod clocks;
mod context;
mod coverage;
mod day;
mod doc_audit;
mod doc_contents;
mod doc_writers;
mod docs;
mod end_day;
mod epochs;
mod events;
mod examples;
mod filters_of_lists;
mod github;
mod handoff_lists;
mod handoffs;
mod idempotency;
mod inbox;
mod killed_senders;
mod large_payloads;
mod leaving;
mod lists;
mod machines;
mod many_records;
mod messages;
mod moving;
mod moving_ventures;
mod names;
mod note_lists;
mod note_scripts;
mod note_search;
mod notes;
mod odd_requests;
mod panics;
mod partial_pages;
mod people;
mod presence;
mod races;
mod rate_limit;
mod request_log;
mod requirements;
mod row_counts;
mod rows_of_a_day;
mod rows_of_a_full_venture;
mod rows_of_events;
mod rows_of_messages;
mod rows_of_the_mesh;
mod secrets;
mod service;
mod session_fields;
mod sessions;
mod shared_state;
mod ssh_config;
mod sweep;
mod token_reach;
mod tokens;
mod update_session;
mod ventures;
mod watch;
