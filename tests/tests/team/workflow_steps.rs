//! The scripts that the workflows run, on git repositories and a server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::members::Team;

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

/// Runs the deploy with a program instead of `npx`, because tests have no account of Cloudflare. It records its arguments, and
/// fails for the words `fails`.
fn deploy(folder: &Path, url: &str, fails: &str, expected: &str) -> (Output, String) {
    let npx = "#!/bin/sh\necho \"$@\" >> \"$CALLS\"\ncase \"$*\" in *\"$FAILS\"*) exit 1 ;; esac\n";
    std::fs::write(folder.join("npx"), npx).unwrap();
    std::fs::set_permissions(folder.join("npx"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let calls = folder.join("calls");
    std::fs::write(&calls, "").unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut step = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/deploy"));
    step.args(["staging", url]).env("PATH", path).env("CALLS", &calls).env("FAILS", fails);
    let output = step.env("EXPECTED", expected).env("WAIT", "1").output().unwrap();
    (output, std::fs::read_to_string(calls).unwrap())
}

#[tokio::test]
async fn a_deploy_applies_the_migrations_first_and_tells_how_to_roll_back() {
    let team = Team::new().await;
    let folder = tempfile::tempdir().unwrap();
    let version = Command::new("curl").args(["--silent", &format!("{}/version", team.server.url)]).output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&version.stdout).unwrap();
    let commit = version["commit"].as_str().unwrap();

    let (output, calls) = deploy(folder.path(), &team.server.url, "nothing fails", commit);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls: Vec<_> = calls.lines().collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[0].ends_with("d1 migrations apply DB --remote --env staging"), "{calls:?}");
    assert!(calls[1].ends_with("deploy --env staging"), "{calls:?}");

    let (output, calls) = deploy(folder.path(), &team.server.url, "migrations apply", commit);
    assert_eq!((output.status.code(), calls.lines().count()), (Some(1), 1), "without its schema no code is deployed");
    let (output, _) = deploy(folder.path(), &team.server.url, "nothing fails", "another-commit");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("commit is") && said.contains("rollback --env \"staging\""), "{said}");
}

/// The names directly below a key of a workflow, with the lines below each.
fn below<'a>(text: &'a str, key: &str, indentation: usize) -> Vec<(&'a str, String)> {
    let spaces = " ".repeat(indentation);
    let start = format!("\n{spaces}{key}:\n");
    let Some((_, rest)) = text.split_once(&start) else { return Vec::new() };
    let is_below = |line: &&str| line.trim().is_empty() || line.starts_with(&format!("{spaces}  "));
    let mut names: Vec<(&str, String)> = Vec::new();
    for line in rest.lines().take_while(is_below) {
        let is_name = line.len() > indentation + 2 && !line[indentation + 2..].starts_with([' ', '#']);
        if let (true, Some((name, _))) = (is_name, line.trim().split_once(':')) {
            names.push((name, String::new()));
        } else if let Some((_, lines)) = names.last_mut() {
            lines.push_str(line);
        }
    }
    names
}

#[test]
fn the_document_calls_each_reusable_workflow_as_it_must_be_called() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = std::fs::read_to_string(root.join("docs/workflow.md")).unwrap();
    let mut called = 0;
    for file in std::fs::read_dir(root.join(".github/workflows")).unwrap().map(Result::unwrap) {
        let (name, text) = (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap());
        if !text.contains("\n  workflow_call:\n") {
            continue;
        }
        called += 1;
        let uses = format!("    uses: OWNER/deckwatch/.github/workflows/{name}@COMMIT\n");
        let (_, call) = document.split_once(&uses).unwrap_or_else(|| panic!("docs/workflow.md does not call {name}"));
        let call: Vec<&str> = call.lines().take_while(|line| line.starts_with("    ")).collect();
        let call = format!("\n{}\n", call.join("\n"));
        let (inputs, secrets) = (below(&text, "inputs", 4), below(&text, "secrets", 4));
        for (given, known) in [(below(&call, "with", 4), &inputs), (below(&call, "secrets", 4), &secrets)] {
            for (given, _) in &given {
                assert!(known.iter().any(|(name, _)| name == given), "{name} has no {given}");
            }
            for (known, lines) in known {
                let is_required = lines.contains("required: true");
                assert!(!is_required || given.iter().any(|(name, _)| name == known), "{name} needs {known}");
            }
        }
        // In a called workflow, `github` is about the caller: its repository and commit are not those of the scripts.
        if text.contains("deckwatch/scripts/") {
            assert!(
                text.contains("inputs.deckwatch-repository || job.workflow_repository || github.repository"),
                "{name}"
            );
            assert!(
                text.contains("job.workflow_sha") && text.contains("token: ${{ secrets.DECKWATCH_READ_TOKEN"),
                "{name}"
            );
        }
    }
    assert_eq!(called, 4);
}
