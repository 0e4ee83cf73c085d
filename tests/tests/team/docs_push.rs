//! `launcher docs push`, and the step of the workflow that runs it, on a git repository.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use deckwatch_tests::program;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Run, Team};

const KEYS: &[(&str, &str)] = &[("CONTEXT_API_KEY", CONTEXT_KEY), ("ADMIN_API_KEY", ADMIN_KEY)];
const MAPPING: &str = "[[docs]]\nfiles = \"docs/adr/*.md\"\nscope = \"global\"\nname = \"adr-{name}\"\n\n\
                       [[docs]]\nfiles = \"docs/**/*.md\"\nscope = \"global\"\n";

/// A team with a repository that has a docs file.
struct Repository {
    team: Team,
}

impl Repository {
    async fn new() -> Self {
        let repository = Self { team: Team::new().await };
        repository.write(".deckwatch/docs.toml", MAPPING);
        repository.git(&["init", "--quiet", "-b", "main"]).await;
        repository.git(&["remote", "add", "origin", "https://github.com/example-org/alpha.git"]).await;
        repository
    }

    fn root(&self) -> PathBuf {
        self.team.path("checkout")
    }

    fn write(&self, path: &str, text: &str) {
        self.team.write(&format!("checkout/{path}"), text);
    }

    async fn git(&self, args: &[&str]) -> String {
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(self.root()).args(who).args(args).output().await.unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits everything and returns the commit.
    async fn commit(&self) -> String {
        self.git(&["add", "--all"]).await;
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "A change"]).await;
        self.git(&["rev-parse", "HEAD"]).await
    }

    async fn push(&self, more: &[&str]) -> Run {
        let args = [&["docs", "push", "--json"], more].concat();
        self.run(self.team.launcher(&args, KEYS)).await
    }

    async fn run(&self, mut command: Command) -> Run {
        let output = command.current_dir(self.root()).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The step of the workflow, as the workflow runs it.
    async fn step(&self) -> Run {
        let mut step = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/sync-docs"));
        step.env_clear().env("HOME", self.team.path("home")).env("PATH", std::env::var_os("PATH").unwrap());
        step.env("CONTEXT_API_URL", &self.team.server.url).env("ADMIN_API_KEY", ADMIN_KEY);
        step.env("DECKWATCH_LAUNCHER", program("launcher")).env("GITHUB_STEP_SUMMARY", self.team.path("summary.md"));
        self.run(step).await
    }

    /// The names of the documents with their content.
    async fn documents(&self) -> BTreeMap<String, String> {
        let run = self.team.run(&["docs", "cache", "alpha", "--json"], KEYS).await;
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        let folder = PathBuf::from(report["folder"].as_str().unwrap()).join("global");
        let files = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
        files
            .map(|file| (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap()))
            .collect()
    }
}

/// `name outcome` of each row, sorted.
fn outcomes(run: &Run) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let rows = report["docs"].as_array().unwrap().iter();
    let mut rows: Vec<_> = rows
        .map(|row| {
            let name = row["name"].as_str().or(row["source_path"].as_str()).unwrap();
            format!("{name} {}", row["outcome"].as_str().unwrap())
        })
        .collect();
    rows.sort();
    rows
}

fn reason<'a>(report: &'a Value, path: &str) -> &'a str {
    let rows = report["docs"].as_array().unwrap();
    let row = rows.iter().find(|row| row["source_path"] == path).unwrap_or_else(|| panic!("{path}: {report:#}"));
    row["reason"].as_str().unwrap_or_else(|| panic!("{row:#}"))
}

#[tokio::test]
async fn the_workflows_step_follows_added_changed_renamed_and_deleted_files() {
    let repository = Repository::new().await;
    for (path, text) in
        [("docs/adr/0001.md", "# One"), ("docs/a.md", "# A"), ("docs/b.md", "# B"), ("docs/c.md", "# C")]
    {
        repository.write(path, text);
    }
    repository.write("README.md", "# Not a document");
    repository.commit().await;
    let first = repository.step().await;
    assert_eq!(first.code, Some(0), "{}{}", first.stdout, first.stderr);
    let names = async |repository: &Repository| repository.documents().await.into_keys().collect::<Vec<_>>();
    repository.team.write(".config/deckwatch/ventures.json", r#"{"ventures": [{"code": "alpha", "name": "Alpha"}]}"#);
    assert_eq!(names(&repository).await, ["a.md", "adr-0001.md", "b.md", "c.md"]);

    repository.write("docs/added.md", "# Added");
    repository.write("docs/a.md", "# A, changed");
    repository.git(&["mv", "docs/b.md", "docs/renamed.md"]).await;
    repository.git(&["rm", "--quiet", "docs/c.md"]).await;
    repository.write("docs/uncommitted.md", "# later");
    repository.git(&["add", "docs/added.md", "docs/a.md"]).await;
    repository.git(&["commit", "--quiet", "-m", "A change"]).await;
    let second = repository.step().await;
    assert_eq!(second.code, Some(0), "{}{}", second.stdout, second.stderr);
    assert!(second.stdout.contains("2 created, 1 updated, 1 unchanged, 2 deleted"), "{}", second.stdout);
    let documents = repository.documents().await;
    assert_eq!(documents.keys().collect::<Vec<_>>(), ["a.md", "added.md", "adr-0001.md", "renamed.md"]);
    assert_eq!((documents["a.md"].as_str(), documents["renamed.md"].as_str()), ("# A, changed", "# B"));

    let third = repository.step().await;
    assert_eq!(third.code, Some(0), "{}", third.stderr);
    assert!(third.stdout.contains(": 4 unchanged\n"), "{}", third.stdout);
    let summary = std::fs::read_to_string(repository.team.path("summary.md")).unwrap();
    assert_eq!(summary.matches("### Document sync").count(), 3, "{summary}");
    assert!(summary.contains("    deleted"), "{summary}");
}

#[tokio::test]
async fn only_the_files_since_a_commit_count() {
    let repository = Repository::new().await;
    for path in ["docs/a.md", "docs/b.md", "docs/c.md", "docs/d.md"] {
        repository.write(path, path);
    }
    let before = repository.commit().await;
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md created", "b.md created", "c.md created", "d.md created"]);
    repository.write("docs/a.md", "changed");
    repository.git(&["mv", "docs/b.md", "docs/e.md"]).await;
    std::fs::create_dir(repository.root().join("docs/below")).unwrap();
    repository.git(&["mv", "docs/c.md", "docs/below/c.md"]).await;
    repository.commit().await;
    let since = ["--since", before.as_str()];
    let wanted = ["a.md updated", "b.md deleted", "c.md updated", "e.md created"];
    let dry = repository.push(&[&since[..], &["--dry-run"]].concat()).await;
    assert_eq!(outcomes(&dry), wanted);
    assert_eq!(outcomes(&repository.push(&since).await), wanted);
    let again = ["a.md unchanged", "c.md unchanged", "e.md unchanged"];
    assert_eq!(outcomes(&repository.push(&since).await), again);
    let unknown = repository.push(&["--since", &"0".repeat(40)]).await;
    assert!(unknown.stderr.contains("every file is compared"), "{}", unknown.stderr);
    assert_eq!(outcomes(&unknown), ["a.md unchanged", "c.md unchanged", "d.md unchanged", "e.md unchanged"]);
    let option = repository.push(&["--since=--output=/tmp/x"]).await;
    assert!(option.stderr.contains("does not have the commit"), "{}", option.stderr);
}

#[tokio::test]
async fn documents_of_people_and_other_repositories_stay() {
    let repository = Repository::new().await;
    repository.write("docs/a.md", "ours");
    repository.commit().await;
    repository.push(&[]).await;
    let other = "https://github.com/example-org/other";
    repository.git(&["remote", "set-url", "origin", other]).await;
    repository.write("docs/a.md", "theirs");
    let run = repository.push(&[]).await;
    assert_eq!((run.code, outcomes(&run)), (Some(18), vec!["a.md failed".to_owned()]), "the commit has the old text");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(reason(&report, "docs/a.md").contains("docs/a.md of example-org/alpha"), "{report:#}");

    let before = repository.commit().await;
    repository.git(&["rm", "--quiet", "docs/a.md"]).await;
    repository.commit().await;
    let run = repository.push(&["--since", &before]).await;
    assert_eq!((run.code, outcomes(&run)), (Some(0), vec!["a.md kept".to_owned()]));
    assert_eq!(outcomes(&repository.push(&[]).await), Vec::<String>::new());

    repository.write(".deckwatch/docs.toml", &format!("former_repos = [\"example-org/alpha\"]\n{MAPPING}"));
    repository.commit().await;
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md deleted"]);
}

#[tokio::test]
async fn adopting_replaces_a_document_of_another_repository() {
    let repository = Repository::new().await;
    repository.write("docs/a.md", "ours");
    repository.commit().await;
    repository.push(&[]).await;
    repository.git(&["remote", "set-url", "origin", "https://github.com/example-org/other"]).await;
    assert_eq!(outcomes(&repository.push(&["--adopt"]).await), ["a.md updated"]);
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md unchanged"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_a_document_fails_alone() {
    let repository = Repository::new().await;
    let secret = format!("AKIA{}", "Q3EGRQ2XWJ5TN7KP");
    let escape = "docs/\u{1b}[31mred.md";
    repository.write("docs/good.md", "# Good");
    repository.write("docs/big.md", &"x".repeat(1_048_577));
    repository.write("docs/empty.md", "");
    repository.write("docs/nul.md", "a\0b");
    repository.write(escape, "x");
    repository.write("docs/a b; touch x.md", "x");
    repository.write("docs/same.md", "x");
    repository.write("docs/below/same.md", "x");
    repository.write("docs/key.md", &format!("# Key\n\naws_access_key_id = {secret}\n"));
    std::fs::write(repository.root().join("docs/latin1.md"), b"caf\xe9").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", repository.root().join("docs/link.md")).unwrap();
    repository.commit().await;
    let run = repository.push(&[]).await;
    assert_eq!(run.code, Some(18), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    for (path, says) in [
        ("docs/big.md", "1048577 bytes"),
        ("docs/empty.md", "empty"),
        ("docs/nul.md", "binary"),
        ("docs/latin1.md", "binary"),
        (escape, "name of the document would be"),
        ("docs/a b; touch x.md", "name of the document would be"),
        ("docs/same.md", "docs/below/same.md would have the same name"),
        ("docs/below/same.md", "docs/same.md would have the same name"),
        ("docs/link.md", "symbolic link"),
        ("docs/key.md", "/content"),
    ] {
        assert!(reason(&report, path).contains(says), "{path}: {}", reason(&report, path));
    }
    assert!(outcomes(&run).contains(&"good.md created".to_owned()), "{report:#}");
    assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret), "{report:#}");
    let text = repository.run(repository.team.launcher(&["docs", "push"], KEYS)).await;
    assert!(!text.stdout.contains('\u{1b}') && text.stdout.contains("1 unchanged, 10 failed"), "{}", text.stdout);
}

#[tokio::test]
async fn a_token_that_may_write_the_documents_of_one_venture_is_enough() {
    let repository = Repository::new().await;
    let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha"}]}"#;
    repository.team.write(".config/deckwatch/ventures.json", ventures);
    assert_eq!(repository.team.run(&["ventures", "sync"], KEYS).await.code, Some(0));
    let wanted = json!({"name": "ci", "scopes": ["docs:write", "read-only"], "venture": "alpha"});
    let token = repository.team.post("/v1/tokens", ADMIN_KEY, "the-token-of-the-ci-run", &wanted).await;
    let key = [("ADMIN_API_KEY", token["token"].as_str().unwrap())];
    let push = async || repository.run(repository.team.launcher(&["docs", "push", "--json"], &key)).await;

    repository.write(".deckwatch/docs.toml", "[[docs]]\nfiles = \"docs/*.md\"\nscope = \"alpha\"\n");
    repository.write("docs/a.md", "# A");
    repository.commit().await;
    assert_eq!(outcomes(&push().await), ["a.md created"]);
    repository.git(&["mv", "docs/a.md", "docs/b.md"]).await;
    repository.commit().await;
    assert_eq!(outcomes(&push().await), ["a.md deleted", "b.md created"]);
    repository.write(".deckwatch/docs.toml", MAPPING);
    let elsewhere = push().await;
    assert_eq!((elsewhere.code, outcomes(&elsewhere)), (Some(18), vec!["b.md failed".to_owned()]));
}

#[tokio::test]
async fn a_mistake_is_refused_before_anything_is_sent() {
    let repository = Repository::new().await;
    repository.write("docs/a.md", "x");
    repository.commit().await;
    let no_key = repository.run(repository.team.launcher(&["docs", "push"], &KEYS[..1])).await;
    assert_eq!(no_key.code, Some(10), "{}", no_key.stderr);
    assert!(no_key.stderr.contains("ADMIN_API_KEY is not set"), "{}", no_key.stderr);
    let wrong = [("ADMIN_API_KEY", CONTEXT_KEY)];
    let wrong = repository.run(repository.team.launcher(&["docs", "push", "--json"], &wrong)).await;
    assert_eq!((wrong.code, outcomes(&wrong)), (Some(18), vec!["a.md failed".to_owned()]), "{}", wrong.stderr);
    repository.write(".deckwatch/docs.toml", "[[docs]]\nfiles = \"docs/*.md\"\nscope = \"No\"\n");
    let refused = repository.push(&[]).await;
    assert_eq!(refused.code, Some(10));
    assert!(refused.stderr.contains("docs.toml: line 3: scope"), "{}", refused.stderr);
    repository.write(".deckwatch/docs.toml", MAPPING);
    repository.git(&["remote", "remove", "origin"]).await;
    let nameless = repository.push(&[]).await;
    assert!(nameless.code == Some(13) && nameless.stderr.contains("it has no remote"), "{}", nameless.stderr);
    let gone = repository.push(&["--config", "gone.toml"]).await;
    assert!(gone.code == Some(10) && gone.stderr.contains("gone.toml"), "{}", gone.stderr);
}

/// A stub of the API with no documents. It loses the answer to the first request to store one, accepts its repetition, and
/// then closes. Returns its URL and the idempotency keys of the two requests.
fn api_that_loses_an_answer() -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let now = "2026-11-21T08:00:00.000Z";
    let empty = json!({"items": [], "total": 0, "next_cursor": null});
    let stored = json!({"outcome": "created", "scope": "global", "name": "a.md", "title": "A", "doc_type": "markdown",
        "version": 1, "content_hash": "0".repeat(64), "size_bytes": 1, "updated_at": now, "source_repo": null,
        "source_path": null, "created_at": now, "actor_key_id": "0".repeat(16)});
    let answers = [Some((200, empty)), None, Some((201, stored))];
    let keys = std::thread::spawn(move || {
        let mut keys = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let request = request_of(&mut stream);
            let key = request.lines().find_map(|line| line.strip_prefix("idempotency-key: "));
            keys.extend(key.map(str::to_owned));
            let Some((status, body)) = answer else { continue };
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
        keys
    });
    (url, keys)
}

/// Reads a whole request.
fn request_of(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let size = stream.read(&mut buffer).unwrap();
        request.push_str(std::str::from_utf8(&buffer[..size]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if size == 0 || body.len() >= length.parse().unwrap() {
            return request;
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_an_outage_ends_the_run() {
    let repository = Repository::new().await;
    for path in ["docs/a.md", "docs/b.md", "docs/c.md"] {
        repository.write(path, "x");
    }
    repository.write("docs/empty.md", "");
    repository.commit().await;
    let (url, keys) = api_that_loses_an_answer();
    let mut launcher = repository.team.launcher(&["docs", "push", "--json"], KEYS);
    launcher.env("CONTEXT_API_URL", url);
    let run = repository.run(launcher).await;
    let keys = keys.join().unwrap();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    assert_eq!(run.code, Some(18), "{}", run.stderr);
    assert_eq!(outcomes(&run), ["a.md created", "b.md failed", "c.md not_tried", "empty.md failed"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(reason(&report, "docs/b.md").contains("can't reach"), "{report:#}");
    assert!(run.stderr.contains("3 of 4 documents"), "{}", run.stderr);
}

#[tokio::test]
async fn every_form_of_a_remote_and_every_host_is_the_same_repository() {
    let repository = Repository::new().await;
    repository.write("docs/a.md", "ours");
    repository.commit().await;
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md created"]);
    for remote in [
        "git@github.com:example-org/alpha.git",
        "ssh://git@ssh.github.com:443/example-org/alpha.git",
        "git@github-work:example-org/alpha.git",
        "org-1234567@github.com:example-org/alpha.git",
        // In two parts, because the whole address looks like a secret.
        concat!("https://x-access-token:s3", "cret@github.com/example-org/alpha"),
        "git@ghe.example.com:example-org/alpha.git",
        "https://ghe.example.com:8443/example-org/alpha.git",
        "ssh://git@ghe.example.com:2222/example-org/alpha.git",
        "https://acme.ghe.com/example-org/alpha.git",
        // GitHub ignores the case of names, and a person may have typed another one.
        "https://github.com/Example-Org/Alpha.git",
    ] {
        repository.git(&["remote", "set-url", "origin", remote]).await;
        let run = repository.push(&[]).await;
        assert_eq!(
            (run.code, outcomes(&run)),
            (Some(0), vec!["a.md unchanged".to_owned()]),
            "{remote}: {}",
            run.stdout
        );
        assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"));
    }
}

#[tokio::test]
async fn a_renamed_or_transferred_repository_says_which_line_is_missing() {
    let repository = Repository::new().await;
    for path in ["docs/a.md", "docs/b.md"] {
        repository.write(path, "# Text");
    }
    repository.commit().await;
    repository.push(&[]).await;
    // GitHub redirects the old address, so a clone that is not told of the new name goes on as before.
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md unchanged", "b.md unchanged"]);
    for (former, remote) in [
        (r#"["example-org/alpha"]"#, "git@github.com:example-org/console.git"),
        (r#"["example-org/console"]"#, "git@github.com:other-org/console.git"),
    ] {
        repository.git(&["remote", "set-url", "origin", remote]).await;
        let run = repository.push(&[]).await;
        assert_eq!(run.code, Some(18));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let why = reason(&report, "docs/a.md");
        let line = format!("if this repository had that name before, add `former_repos = {former}` to the docs file");
        assert!(why.contains(&line), "{why}");
        repository.write(".deckwatch/docs.toml", &format!("former_repos = {former}\n{MAPPING}"));
        repository.commit().await;
        assert_eq!(outcomes(&repository.push(&[]).await), ["a.md updated", "b.md updated"]);
        assert_eq!(outcomes(&repository.push(&[]).await), ["a.md unchanged", "b.md unchanged"]);
    }
}

#[tokio::test]
async fn a_fork_does_not_replace_the_documents_of_its_original() {
    let repository = Repository::new().await;
    repository.write("docs/a.md", "ours");
    repository.commit().await;
    repository.push(&[]).await;
    repository.git(&["remote", "rename", "origin", "upstream"]).await;
    repository.git(&["remote", "add", "origin", "git@github.com:ann/alpha.git"]).await;
    repository.write("docs/a.md", "the fork's");
    repository.write("docs/fork.md", "only here");
    repository.commit().await;
    let run = repository.push(&[]).await;
    assert_eq!((run.code, outcomes(&run)), (Some(18), vec!["a.md failed".to_owned(), "fork.md created".to_owned()]));
    // A clone that has the original only, under another name of the remote, is the original.
    repository.git(&["remote", "remove", "origin"]).await;
    repository.git(&["rm", "--quiet", "docs/fork.md"]).await;
    repository.commit().await;
    assert_eq!(outcomes(&repository.push(&[]).await), ["a.md updated"]);
}
