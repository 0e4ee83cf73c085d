//! The architecture rules of docs/architecture.md, checked against the source files and cargo's metadata.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::modules::{self, Uses};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn cargo(args: &[&str]) -> String {
    output(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), args)
}

/// The names of the crates that `package` depends on, directly or indirectly.
fn tree(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--offline"]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The project's files with these endings, and their contents.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
    let wanted = listed.lines().filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    wanted.filter_map(|path| Some((path.to_owned(), std::fs::read_to_string(root().join(path)).ok()?))).collect()
}

#[test]
fn the_protocol_does_no_io() {
    let tree = tree("deckwatch-protocol");
    for banned in
        ["tokio", "hyper", "reqwest", "rusqlite", "worker", "getrandom", "rand", "http", "log", "socket2", "mio"]
    {
        assert!(!tree.contains(banned), "deckwatch-protocol depends on {banned}");
    }
}

#[test]
fn the_api_knows_no_platform() {
    let tree = tree("deckwatch-api");
    for banned in
        ["tokio", "hyper", "reqwest", "rusqlite", "libsqlite3-sys", "worker", "wasm-bindgen", "getrandom", "socket2"]
    {
        assert!(!tree.contains(banned), "deckwatch-api depends on {banned}");
    }
}

/// The crates of the workspace that each crate may depend on.
const ALLOWED_DEPENDENCIES: [(&str, &[&str]); 13] = [
    ("deckwatch-protocol", &[]),
    ("deckwatch-secrets", &["deckwatch-protocol"]),
    ("deckwatch-api", &["deckwatch-protocol", "deckwatch-secrets"]),
    ("deckwatch-commands", &[]),
    ("deckwatch-server", &["deckwatch-api", "deckwatch-protocol"]),
    ("deckwatch-worker", &["deckwatch-api", "deckwatch-protocol"]),
    ("deckwatch-machine", &["deckwatch-protocol"]),
    (
        "deckwatch-client",
        &["deckwatch-api", "deckwatch-machine", "deckwatch-protocol", "deckwatch-secrets", "deckwatch-server"],
    ),
    ("deckwatch-generator", &["deckwatch-protocol", "deckwatch-secrets"]),
    (
        "deckwatch-mcp-server",
        &["deckwatch-client", "deckwatch-commands", "deckwatch-generator", "deckwatch-machine", "deckwatch-protocol"],
    ),
    ("deckwatch-fleet", &["deckwatch-client", "deckwatch-machine", "deckwatch-protocol"]),
    (
        "deckwatch-launcher",
        &["deckwatch-client", "deckwatch-commands", "deckwatch-fleet", "deckwatch-machine", "deckwatch-protocol"],
    ),
    ("deckwatch-tests", &["deckwatch-api", "deckwatch-protocol", "deckwatch-server"]),
];

#[test]
fn dependencies_point_one_way() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let allowed = ALLOWED_DEPENDENCIES.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
        let allowed = allowed.unwrap_or_else(|| panic!("ALLOWED_DEPENDENCIES does not list {name}"));
        let dependencies = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
        for to in dependencies.filter_map(|d| d["name"].as_str()).filter(|to| to.starts_with("deckwatch-")) {
            assert!(allowed.contains(&to), "{name} depends on {to}");
        }
    }
}

/// The crates of the workspace, each with the uses between its top-level modules.
fn uses_of_crates() -> Vec<(String, Uses)> {
    let files = files(&[".rs"]);
    let sources: Vec<(&str, (&str, &str))> = files
        .iter()
        .filter_map(|(path, text)| path.split_once("/src/").map(|(of, below)| (of, (below, text.as_str()))))
        .collect();
    let crates: BTreeSet<&str> = sources.iter().map(|(of, _)| *of).collect();
    let of_crate = |name| sources.iter().filter(|(of, _)| *of == name).map(|(_, file)| *file).collect::<Vec<_>>();
    crates.into_iter().map(|name| (name.to_owned(), modules::uses(&of_crate(name)))).collect()
}

#[test]
fn modules_of_a_crate_use_each_other_in_one_direction() {
    for (name, uses) in uses_of_crates() {
        if let Some(modules) = modules::find_loop(&uses) {
            panic!("the modules of {name} use each other in a loop: {}", modules.join(" uses "));
        }
    }
}

#[test]
fn only_the_store_and_the_migrations_contain_sql() {
    let phrases = [
        "insert into ",
        "delete from ",
        "create table ",
        "create index ",
        "on conflict (",
        "json_object(",
        " returning ",
    ];
    let homes =
        ["api/src/store/", "server/src/migrations.rs", "tests/", "generator/tests/", "mcp-server/tests/it/generator/"];
    let mut strays = Vec::new();
    for (path, text) in files(&[".rs"]) {
        if homes.iter().any(|home| path.starts_with(home)) {
            continue;
        }
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let found = code.filter(|(_, line)| phrases.iter().any(|phrase| line.to_lowercase().contains(phrase)));
        strays.extend(found.map(|(n, line)| format!("{path}:{}: {}", n + 1, line.trim())));
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn only_the_store_names_a_table() {
    let tables = ["from sessions", "from handoffs", "from ventures", "update sessions", "from idempotency_keys"];
    let homes = ["api/src/store/", "tests/"];
    for (path, text) in files(&[".rs"]).iter().filter(|(path, _)| !homes.iter().any(|home| path.starts_with(home))) {
        for line in text.lines().filter(|line| line.contains('"')) {
            assert!(!tables.iter().any(|table| line.contains(table)), "{path}: {line}");
        }
    }
}

/// Files that cut text for their own work and not for a reader, and the place where text is cut.
const MAY_CUT_TEXT: [(&str, &str); 5] = [
    ("protocol/src/cut.rs", "the place where text is cut"),
    ("api/src/search/", "the search looks at windows of a text, and limits its own work"),
    ("api/src/store/note_search.rs", "the window that the search looks at"),
    ("api/src/store/summaries.rs", "SQL stores the response, and `summary_cut` cuts at a paragraph"),
    ("secrets/src/escapes.rs", "passages of a text around escapes"),
];

#[test]
fn text_is_cut_in_one_place() {
    let phrases = [
        ".chars().take(",
        "char_boundary(",
        "char_indices().nth",
        "char_indices().rev().nth",
        "push('…')",
        "}…\"",
        "\"…{",
        "substr(n.content, ",
        "substr(d.content, ",
    ];
    let of_code = |(path, _): &(String, String)| path.contains("/src/") && !path.starts_with("tests/");
    let (mut used, mut strays) = (BTreeSet::new(), Vec::new());
    for (path, text) in files(&[".rs"]).into_iter().filter(of_code) {
        let home = MAY_CUT_TEXT.iter().find(|(home, _)| path.starts_with(home)).map(|(home, _)| *home);
        let of_program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = of_program.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (n, line) in code.filter(|(_, line)| phrases.iter().any(|phrase| line.contains(phrase))) {
            match home {
                Some(home) => drop(used.insert(home)),
                None => strays.push(format!("{path}:{}: {}", n + 1, line.trim())),
            }
        }
    }
    assert!(strays.is_empty(), "use deckwatch_protocol::cut, which cuts text:\n{}", strays.join("\n"));
    let homes: BTreeSet<&str> = MAY_CUT_TEXT.iter().map(|(home, _)| *home).collect();
    assert_eq!(used, homes, "remove the files that cut no text from MAY_CUT_TEXT");
}

#[test]
fn a_released_program_survives_a_panic() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let release = manifest.split("[profile.").find(|profile| profile.starts_with("release]")).unwrap();
    assert!(!release.contains("panic"), "a panic must unwind, so that its request gets an answer: {release}");
}

#[test]
fn every_file_is_short_enough_to_read() {
    let long = files(&[".rs", ".mjs", ".sh", ".toml"]).into_iter().filter(|(_, text)| text.lines().count() > 500);
    let long: Vec<String> = long.map(|(path, text)| format!("{path}: {} lines", text.lines().count())).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_has_a_comment() {
    let undocumented: Vec<String> =
        files(&[".rs"]).into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(undocumented.is_empty(), "these files have no module comment: {undocumented:?}");
}
