//! Takes file paths apart, and classifies files as tests and examples by their paths.

/// The name of the file, without its folder.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a file, without a trailing slash. Empty for a file at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The extension: the text after the last dot of the name. Empty if there is no dot.
pub(super) fn extension(path: &str) -> &str {
    name(path).rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The path without its extension.
pub(super) fn stem(path: &str) -> &str {
    let extension = extension(path);
    if extension.is_empty() {
        path
    } else {
        path.strip_suffix(extension).map_or(path, |stem| stem.trim_end_matches('.'))
    }
}

/// Joins a folder and a relative path, and resolves `.` and `..`.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The names of folders that contain tests.
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
/// The names of folders that contain examples, benchmarks and templates.
const EXAMPLE_FOLDERS: [&str; 10] =
    ["examples", "example", "_examples", "_example", "benches", "bench", "benchmarks", "samples", "templates", "demos"];

/// Whether a file is a test.
pub(super) fn is_test(path: &str) -> bool {
    let name = name(path);
    let stem = stem(name);
    folder(path).split('/').any(|folder| TEST_FOLDERS.contains(&folder))
        || [".test", ".spec", "_test", "_tests", ".e2e-spec", ".cy"].iter().any(|extension| stem.ends_with(extension))
        || extension(path) == "py" && (name.starts_with("test_") || name == "conftest.py" || name == "tests.py")
        || extension(path) == "rs" && (stem == "tests" || stem == "test")
}

/// Whether a file is an example, a benchmark or a template, and so no part of what the repository serves.
pub(super) fn is_example(path: &str) -> bool {
    // A package of Java may be named so: `src/main/java/org/example`.
    let before_packages = path.split_once("src/main/java/").map_or(folder(path), |(before, _)| before);
    before_packages.split('/').any(|folder| EXAMPLE_FOLDERS.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_recognized_by_their_path() {
        for path in [
            "tests/api.rs",
            "src/router/tests.rs",
            "web/__tests__/a.js",
            "a/users.test.ts",
            "a/users.spec.ts",
            "x/test_api.py",
            "conftest.py",
            "polls/tests.py",
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
    fn a_path_is_split_into_folder_name_stem_and_extension() {
        assert_eq!(
            (folder("a/b/c.test.ts"), name("a/b/c.test.ts"), extension("a/b/c.test.ts")),
            ("a/b", "c.test.ts", "ts")
        );
        assert_eq!((stem("a/b/c.test.ts"), stem("a.b/Makefile"), folder("x")), ("a/b/c.test", "a.b/Makefile", ""));
    }
}
