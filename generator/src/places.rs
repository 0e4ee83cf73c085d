//! What the place of a file says about it: the language, and whether it is a test, an example, or ours.

/// The file's own name.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a file, without a slash at its end; empty at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What follows the last dot of the name; empty without one.
pub(super) fn ending(path: &str) -> &str {
    name(path).rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// The path without its last ending.
pub(super) fn stem(path: &str) -> &str {
    let ending = ending(path);
    if ending.is_empty() { path } else { path.strip_suffix(ending).map_or(path, |stem| stem.trim_end_matches('.')) }
}

/// Folders whose files test the others.
const TEST_FOLDERS: [&str; 12] = [
    "tests",
    "test",
    "__tests__",
    "__test__",
    "spec",
    "specs",
    "e2e",
    "cypress",
    "testdata",
    "fixtures",
    "__mocks__",
    "__fixtures__",
];
/// Folders whose files show how something is used.
const SHOW_FOLDERS: [&str; 8] =
    ["examples", "example", "benches", "bench", "benchmarks", "samples", "templates", "demos"];

/// Whether a file tests others.
pub(super) fn is_test(path: &str) -> bool {
    let name = name(path);
    let stem = stem(name);
    folder(path).split('/').any(|folder| TEST_FOLDERS.contains(&folder))
        || [".test", ".spec", "_test", "_tests", ".e2e-spec", ".cy"].iter().any(|ending| stem.ends_with(ending))
        || ending(path) == "py" && (name.starts_with("test_") || name == "conftest.py")
        || ending(path) == "rs" && (stem == "tests" || stem == "test")
}

/// Whether a file is an example, a benchmark or a template: not what the repository serves.
pub(super) fn is_show(path: &str) -> bool {
    folder(path).split('/').any(|folder| SHOW_FOLDERS.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_code_by_their_place() {
        for path in [
            "tests/api.rs",
            "src/router/tests.rs",
            "web/__tests__/a.js",
            "a/users.test.ts",
            "a/users.spec.ts",
            "x/test_api.py",
            "conftest.py",
            "server_test.go",
            "app/e2e/login.ts",
            "test/app.e2e-spec.ts",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in ["src/main.rs", "src/attest.rs", "latest.py", "contest/app.ts", "src/testing.go"] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn a_path_comes_apart() {
        assert_eq!(
            (folder("a/b/c.test.ts"), name("a/b/c.test.ts"), ending("a/b/c.test.ts")),
            ("a/b", "c.test.ts", "ts")
        );
        assert_eq!((stem("a/b/c.test.ts"), stem("a.b/Makefile"), folder("x")), ("a/b/c.test", "a.b/Makefile", ""));
    }
}
