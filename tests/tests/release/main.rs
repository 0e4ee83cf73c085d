//! Tests of the git hooks and of the release: the scripts that people and workflows run, on real repositories and archives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hooks;
mod install;
mod package;
mod tree;
