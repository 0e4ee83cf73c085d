//! Checks that the committed generated files are up to date. `UPDATE_GENERATED=1` writes them.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{ErrorCode, EventKind, Operation};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GENERATED").is_some()
}

#[test]
fn the_openapi_document_is_in_step_with_the_wire_types() {
    let made = deckwatch_api::openapi::document();
    let path = file("openapi.json");
    if updating() {
        std::fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let committed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(committed == made, "api/openapi.json is out of date; run `just gen`");
}

#[test]
fn the_tables_of_operations_errors_and_events_are_in_step_with_the_code() {
    for (name, made) in [("operations", operations()), ("errors", errors()), ("events", events())] {
        let path = file("../docs/api.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (open, close) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = page.split_once(&open).expect("docs/api.md has the opening marker");
        let (committed, after) = rest.split_once(&close).expect("docs/api.md has the closing marker");
        if updating() {
            std::fs::write(&path, format!("{before}{open}{made}{close}{after}")).unwrap();
        } else {
            assert!(committed == made, "the {name} in docs/api.md are out of date; run `just gen`");
        }
    }
}

fn operations() -> String {
    let mut table =
        String::from("| operation | method and path | tier | key | what it does |\n|---|---|---|---|---|\n");
    for operation in Operation::ALL {
        let tier = match operation.tier() {
            Tier::Public => "public",
            Tier::Context => "context",
            Tier::Admin => "admin",
        };
        let key = if operation.effect() == Effect::Write { "●" } else { "" };
        let (id, method, path) = (operation.id(), operation.method(), operation.path());
        writeln!(table, "| `{id}` | `{method} {path}` | {tier} | {key} | {} |", operation.summary()).unwrap();
    }
    table
}

fn errors() -> String {
    let mut table = String::from("| status | code | what it means |\n|---|---|---|\n");
    for code in ErrorCode::ALL {
        let meaning = code.description().replace('\n', " ");
        writeln!(table, "| {} | `{}` | {} |", code.status(), code.as_str(), meaning.trim()).unwrap();
    }
    table
}

fn events() -> String {
    let mut table = String::from("| kind | what happened | appended by |\n|---|---|---|\n");
    for kind in EventKind::ALL {
        let appends = Operation::ALL.iter().filter(|operation| operation.events().contains(kind));
        let mut sources: Vec<String> = appends.map(|operation| format!("`{}`", operation.id())).collect();
        sources.extend((*kind == EventKind::SessionLost).then(|| "the sweep".to_owned()));
        sources.extend(EventKind::OF_GITHUB.contains(kind).then(|| "the GitHub webhook".to_owned()));
        let meaning = kind.description().replace('\n', " ").replace("  ", " ");
        writeln!(table, "| `{}` | {meaning} | {} |", kind.as_str(), sources.join(", ")).unwrap();
    }
    table
}
