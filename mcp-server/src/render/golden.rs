//! Compares whole answers with the reviewed files `tests/golden/*.txt`. They use fixed records, ids and times.

use std::path::Path;

/// Compares a text with its file.
#[track_caller]
pub(crate) fn assert_in_step(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    deckwatch_tests::golden::assert_in_step(&file, text);
}
