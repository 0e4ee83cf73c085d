//! Tests of what a caller can't see: round trips, query plans, the schema, cost, crashes, the architecture.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod architecture;
mod backup;
mod batches;
mod clocks;
mod constraints;
mod faults;
mod flat_cost;
mod github_deliveries;
mod keys;
mod lab;
mod machines;
mod mesh_model;
mod modules;
mod outages;
#[cfg(target_os = "linux")]
mod power_cuts;
mod previous_version;
mod private_files;
mod query_plans;
mod requirements;
mod round_trips;
mod schema;
mod search_bounds;
mod search_speed;
mod search_spellings;
mod shared_file;
mod slow_requests;
mod statements;
mod strangers;
mod survival;
mod sweep;
mod updates;
