//! Tests of ventures files: search order, validation and the published schema.

use std::ffi::OsString;

use deckwatch_protocol::Venture;

use super::*;

const ALPHA: &str = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js"]}]}"#;

fn read(text: &str) -> Result<VenturesFile, VenturesError> {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("ventures.json");
    std::fs::write(&path, text).unwrap();
    VenturesFile::read(&path)
}

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

#[test]
fn the_example_is_read() {
    let example = VenturesFile::read(&config("ventures.json")).unwrap();
    let codes: Vec<&str> = example.ventures.iter().map(|venture| venture.code.as_str()).collect();
    assert_eq!(codes, ["alpha", "beta"]);
}

#[test]
fn the_venture_of_a_repository_is_found_without_regard_to_case() {
    let file = read(ALPHA).unwrap();
    let found = file.venture_of(&"Example-Org/Alpha.js".parse().unwrap()).unwrap();
    assert_eq!(found.code.as_str(), "alpha");
    assert_eq!(file.venture_of(&"example-org/beta".parse().unwrap()), None);
}

#[test]
fn errors_name_the_file_and_the_mistake() {
    let cases = [
        ("{\n  \"ventures\": [\n", "line 3"),
        (r#"{"ventures": [{"code": "Alpha", "name": "A"}]}"#, "lower-case"),
        (r#"{"ventures": [{"code": "alpha", "name": "A", "repos": ["alpha"]}]}"#, "owner/name"),
        (r#"{"venture": []}"#, "missing field `ventures`"),
    ];
    for (text, expected) in cases {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("ventures.json"), "{error}");
    }
}

#[test]
fn the_alias_of_the_organisation_is_read() {
    let text = r#"{"ventures": [{"code": "alpha", "name": "Project Alpha", "org": "example-org",
        "capabilities": ["has_api", "has_database"]}]}"#;
    let file = read(text).unwrap();
    assert_eq!(file.ventures[0].github_org.as_ref().unwrap().as_str(), "example-org");
    assert_eq!(file.unknown_fields, []);
}

#[test]
fn unknown_fields_are_reported_and_ignored() {
    let text =
        r#"{"version": 1, "ventures": [{"code": "alpha", "name": "A", "repo": [], "capabilities": ["has_api"]}]}"#;
    let file = read(text).unwrap();
    assert_eq!(file.ventures[0].capabilities.len(), 1);
    let named: Vec<String> = file.unknown_fields.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["`version` beside `ventures`", "`repo` of venture alpha"]);
    assert_eq!(
        file.unknown_fields_warning("v.json").unwrap(),
        "v.json has unknown fields, which Deckwatch ignores: `version` beside `ventures`, `repo` of venture alpha"
    );
    assert_eq!(read(ALPHA).unwrap().unknown_fields_warning("v.json"), None);
}

#[test]
fn the_list_of_known_fields_is_complete() {
    let entry = VentureEntry::of_repo(&"example-org/alpha".parse().unwrap()).unwrap();
    let written = serde_json::to_value(entry).unwrap();
    let mut known: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).chain(["org"]).collect();
    let mut listed = VentureEntry::FIELDS.to_vec();
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(known, listed);
}

#[test]
fn one_code_or_repository_in_two_ventures_is_an_error() {
    let code = r#"{"ventures": [{"code": "a", "name": "A"}, {"code": "a", "name": "B"}]}"#;
    assert!(read(code).unwrap_err().to_string().contains("lists code a twice; remove one of the two"));
    let repo =
        r#"{"ventures": [{"code": "a", "name": "A", "repos": ["o/r"]}, {"code": "b", "name": "B", "repos": ["O/R"]}]}"#;
    assert!(read(repo).unwrap_err().to_string().contains("lists repository o/r twice, in a and in b; "));
}

#[test]
fn too_many_repositories_are_refused() {
    let repos: Vec<String> = (0..=Venture::MAX_REPOS).map(|n| format!("\"o/r{n}\"")).collect();
    let text = format!(r#"{{"ventures": [{{"code": "a", "name": "A", "repos": [{}]}}]}}"#, repos.join(","));
    assert!(read(&text).unwrap_err().to_string().contains("venture a has 101 repos, 100 are allowed"));
}

#[test]
fn the_first_existing_file_is_read_and_a_named_file_must_exist() {
    let temp = tempfile::tempdir().unwrap();
    let home = OsString::from(temp.path());
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
    let checkout = temp.path().join("checkout");
    assert_eq!(find(None, &dirs, Some(&checkout)).unwrap(), None);

    let write = |path: &Path| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, ALPHA).unwrap();
    };
    let found_at = |named: Option<&Path>| find(named, &dirs, Some(&checkout)).unwrap().unwrap().path;

    let of_checkout = checkout.join("config/ventures.json");
    write(&of_checkout);
    assert_eq!(found_at(None), of_checkout);

    let own = dirs.config.join("ventures.json");
    write(&own);
    assert_eq!(found_at(None), own);

    let named = temp.path().join("named.json");
    assert!(matches!(find(Some(&named), &dirs, None), Err(VenturesError::Unreadable { .. })));
    write(&named);
    assert_eq!(found_at(Some(&named)), named);
}

/// Run with `UPDATE_GENERATED=1` after a change of the types to write the schema.
#[test]
fn the_published_schema_is_in_step_with_the_types() {
    let schema = schemars::schema_for!(Document);
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = config("ventures.schema.json");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, text, "run UPDATE_GENERATED=1 cargo test -p deckwatch-client schema");
}
