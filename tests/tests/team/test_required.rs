//! The step of the workflow `test-required`, on a git repository.

use std::path::Path;
use std::process::{Command, Output};

struct Repository(tempfile::TempDir);

impl Repository {
    fn git(&self, args: &[&str]) -> String {
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(self.0.path()).args(who).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, path: &str, text: &str) -> String {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", "A change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn step(&self, labels: &str, base: &str, head: &str) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/test-required");
        let mut step = Command::new(script);
        step.current_dir(self.0.path()).env("LABELS", labels).env("BASE", base).env("HEAD", head).env_remove("TESTS");
        step.output().unwrap()
    }
}

#[test]
fn a_change_with_the_label_needs_a_new_or_changed_test() {
    const LABELLED: &str = "[\n  \"priority:P0\",\n  \"test:required\"\n]";
    let repository = Repository(tempfile::tempdir().unwrap());
    repository.git(&["init", "--quiet", "-b", "main"]);
    repository.commit("tests/old.rs", "old");
    let base = repository.commit("src/a.rs", "one");
    let without = repository.commit("src/a.rs", "two");
    std::fs::remove_file(repository.0.path().join("tests/old.rs")).unwrap();
    let deleted = repository.commit("src/a.rs", "three");
    let with = repository.commit("src/a/tests.rs", "a test");

    let code = |labels: &str, head: &str| repository.step(labels, &base, head).status.code();
    assert_eq!(code("[\"not-test:required\"]", &without), Some(0), "another label");
    assert_eq!(code(LABELLED, &without), Some(1));
    assert_eq!(code(LABELLED, &deleted), Some(1), "a deleted test is no test");
    assert_eq!(code(LABELLED, &with), Some(0));
    assert_eq!(code(LABELLED, "--output=x"), Some(2));
    let refused = repository.step(LABELLED, &base, &without);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("asks for a new or changed test") && said.contains("**/tests/**"), "{said}");
    // The base has moved on, with a test of somebody else.
    repository.git(&["checkout", "--quiet", "-b", "other", &base]);
    let moved = repository.commit("tests/other.rs", "somebody else's");
    assert_eq!(repository.step(LABELLED, &moved, &without).status.code(), Some(1));
}
