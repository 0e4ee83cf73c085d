//! The programs of Deckwatch, as cargo builds them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The path of a program: in the folder `DECKWATCH_TEST_PROGRAMS`, or else built now by cargo, so that a test never
/// runs an old program.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("DECKWATCH_TEST_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Builds all programs together, like `cargo build`. Built one by one, they would have other features, and two tests
    // would overwrite each other's programs.
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--bins", "--message-format=json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo could not build the programs");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    let named = |path: &PathBuf| path.file_name().is_some_and(|file| file == name);
    executables.into_iter().find(named).expect("cargo's output does not contain the program")
}
