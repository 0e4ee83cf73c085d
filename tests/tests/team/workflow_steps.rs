//! The scripts that the workflows run, on a git repository.

use std::os::unix::fs::PermissionsExt as _;
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

    fn script(&self, name: &str) -> Command {
        let mut step = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name));
        step.current_dir(self.0.path()).env_remove("TESTS").env_remove("RANGE");
        step
    }

    fn test_required(&self, labels: &str, base: &str, head: &str) -> Output {
        self.script("test-required").env("LABELS", labels).env("BASE", base).env("HEAD", head).output().unwrap()
    }

    /// What `gitleaks` is asked for. It can't be installed where tests run, so a program that prints its arguments is used.
    fn asked_for_secrets(&self, range: &str) -> String {
        let bin = self.0.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("gitleaks"), "#!/bin/sh\necho \"$@\"\n").unwrap();
        std::fs::set_permissions(bin.join("gitleaks"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output = self.script("security").arg("secrets").env("RANGE", range).env("PATH", path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
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

    let code = |labels: &str, head: &str| repository.test_required(labels, &base, head).status.code();
    assert_eq!(code("[\"not-test:required\"]", &without), Some(0), "another label");
    assert_eq!(code(LABELLED, &without), Some(1));
    assert_eq!(code(LABELLED, &deleted), Some(1), "a deleted test is no test");
    assert_eq!(code(LABELLED, &with), Some(0));
    assert_eq!(code(LABELLED, "--output=x"), Some(2));
    let refused = repository.test_required(LABELLED, &base, &without);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("asks for a new or changed test") && said.contains("**/tests/**"), "{said}");
    // The base has moved on, with a test of somebody else.
    repository.git(&["checkout", "--quiet", "-b", "other", &base]);
    let moved = repository.commit("tests/other.rs", "somebody else's");
    assert_eq!(repository.test_required(LABELLED, &moved, &without).status.code(), Some(1));
}

#[test]
fn the_search_for_secrets_gets_the_new_commits_and_never_prints_values() {
    let repository = Repository(tempfile::tempdir().unwrap());
    repository.git(&["init", "--quiet", "-b", "main"]);
    let (base, head) = (repository.commit("a", "one"), repository.commit("a", "two"));
    let asked = repository.asked_for_secrets(&format!("{base}..{head}"));
    assert_eq!(asked, format!("git --no-banner --redact --log-opts={base}..{head} .\n"));
    let zeros = "0".repeat(40);
    for unknown in ["", &format!("{zeros}..{head}"), &format!("--output=x..{head}"), &format!("{base}..gone")] {
        let asked = repository.asked_for_secrets(unknown);
        assert!(asked.contains("the last two days") && asked.contains("--log-opts=--since=2.days --all ."), "{asked}");
    }
    let unknown = repository.script("security").arg("everything").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
