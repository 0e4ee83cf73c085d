//! Tests of the real `deckwatch-mcp` process, with its pipes, a repository and a home folder, like an agent's CLI.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a panic fails the test")]

mod answer_schema;
mod answers;
mod api;
mod arguments;
mod between;
mod busy_team;
mod claims;
mod day;
mod day_extras;
mod disk;
mod docs;
mod following;
mod foreign_launch;
mod found_by_words;
mod generator;
mod github;
mod harness;
mod healing;
mod hook_costs;
mod hook_program;
mod hooks;
mod identity;
mod leaving;
mod lost_reports;
mod messages;
mod modes;
mod notes;
mod offline;
mod outage;
mod outbox;
mod paging;
mod process;
mod protocol;
mod queue_faults;
mod rebuilt;
#[cfg(target_os = "linux")]
mod renaming;
mod resources;
mod schemas;
mod sealed;
mod secrets;
mod server;
mod shared_state;
mod snapshot;
mod status;
mod take_over;
mod tools;
mod trouble;
mod unreadable_outbox;
mod ventures;
mod work_queue;
