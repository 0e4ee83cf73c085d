//! `deckwatch-mcp generate`, on real repositories.

mod golden;
mod hostile;
mod promises;

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::harness::Machine;

/// All documents.
const DOCUMENTS: [&str; 3] = ["project-instructions", "api", "schema"];

/// Writes files below `dir`.
fn write(dir: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// An empty repository.
fn repository(machine: &Machine, name: &str) -> PathBuf {
    let dir = machine.folder(name);
    machine.git(&dir, &["init", "--quiet", "--initial-branch=main"]);
    dir
}

fn run(machine: &Machine, arguments: &[&str], dir: &Path) -> Output {
    machine.command(dir).arg("generate").args(arguments).output().unwrap()
}

/// Generates the document, and checks that this succeeds.
#[track_caller]
fn generated(machine: &Machine, document: &str, dir: &Path) -> String {
    let output = run(machine, &[document], dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
