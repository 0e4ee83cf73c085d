//! Compares whole answers with the reviewed files `tests/golden/*.txt`. They use fixed records, ids and times.

use std::path::Path;

/// Compares a text with its file. `just gen` writes the file again.
#[track_caller]
pub(crate) fn assert_in_step(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    let now = format!("{text}\n");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &now).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        now == reviewed,
        "{name} changed. Review it, then write {} with UPDATE_GENERATED=1:\n{now}",
        file.display()
    );
}
