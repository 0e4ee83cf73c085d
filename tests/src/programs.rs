//! Deckwatch's programs, as cargo builds them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program of that name: from the folder that `DECKWATCH_TEST_PROGRAMS` names, else the one that cargo
/// builds now, so that a test never runs a stale one.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("DECKWATCH_TEST_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // All of them at once, as `cargo build` does: built one by one they would differ in their features, and
    // two tests would replace each other's.
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--bins", "--message-format=json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the programs do not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    let named = |path: &PathBuf| path.file_name().is_some_and(|file| file == name);
    executables.into_iter().find(named).expect("cargo names the program")
}
