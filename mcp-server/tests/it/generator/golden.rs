//! The generated documents for each framework. A fixture is one text file for a whole repository, with its documents
//! next to it.

use std::path::{Path, PathBuf};

use super::{DOCUMENTS, generated, repository, write};
use crate::harness::Machine;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generator");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    fixtures.sort();
    fixtures
}

/// Creates the repository of a fixture. Each line `=== path` starts a file.
fn unpack(text: &str, dir: &Path) {
    for file in format!("\n{text}").split("\n=== ").skip(1) {
        let (path, content) = file.split_once('\n').unwrap_or((file, ""));
        write(dir, path, format!("{content}\n"));
    }
}

#[test]
fn the_documents_of_the_fixtures_are_in_step() {
    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    let mut compared = 0;
    for fixture in fixtures() {
        let machine = Machine::new();
        let name = fixture.file_stem().unwrap().to_str().unwrap();
        let dir = repository(&machine, name);
        unpack(&std::fs::read_to_string(&fixture).unwrap(), &dir);
        for document in DOCUMENTS {
            let golden = fixture.with_file_name(format!("{name}.{document}.md"));
            // To add a document, create an empty file with its name.
            if !golden.exists() {
                continue;
            }
            let written = generated(&machine, document, &dir);
            if update {
                std::fs::write(&golden, &written).unwrap();
            }
            let expected = std::fs::read_to_string(&golden).unwrap();
            assert_eq!(written, expected, "{name}, {document}: `just gen` writes it again");
            assert!(!written.contains("/tmp") && !written.contains(machine.home().to_str().unwrap()));
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// Fixtures mark paths that are not routes by their names.
#[test]
fn comments_quotes_and_requests_are_not_routes() {
    for fixture in fixtures() {
        let text = std::fs::read_to_string(fixture.with_extension("api.md")).unwrap_or_default();
        for no in ["commented-out", "in-a-", "asked-for", "only-in-tests", "in-an-example", "not-a-route"] {
            assert!(!text.contains(no), "{}: {no}", fixture.display());
        }
    }
}
