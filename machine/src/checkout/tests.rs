//! Tests with real repositories in every layout.

use std::path::Path;
use std::process::Command;

use super::*;

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"];
    let output = Command::new("git").current_dir(dir).args(identity).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn repository(dir: &Path, remote: Option<&str>) {
    std::fs::create_dir_all(dir).unwrap();
    git(dir, &["init", "--quiet", "--initial-branch=main"]);
    git(dir, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    if let Some(url) = remote {
        git(dir, &["remote", "add", "origin", url]);
    }
}

fn at(dir: &Path) -> Checkout {
    Checkout::at(dir).unwrap()
}

#[test]
fn a_subfolder_gives_the_checkout_of_the_clone() {
    let temp = tempfile::tempdir().unwrap();
    let top = temp.path().join("alpha");
    repository(&top, Some("https://ann:s3cret@github.com/example-org/alpha.js.git"));
    std::fs::create_dir_all(top.join("src/deep")).unwrap();

    let found = at(&top.join("src/deep"));
    assert_eq!(found.root, top.canonicalize().unwrap());
    assert_eq!(found.repo.as_str(), "example-org/alpha.js");
    assert_eq!(found.remote.as_deref(), Some("https://github.com/example-org/alpha.js.git"));
    assert_eq!(found.branch.unwrap().as_str(), "main");
    assert_eq!(found.commit_sha.unwrap().as_str().len(), 40);
    assert_eq!(found.kind, CheckoutKind::Repository);
}

#[test]
fn a_detached_head_has_a_commit_and_no_branch() {
    let temp = tempfile::tempdir().unwrap();
    repository(temp.path(), None);
    git(temp.path(), &["checkout", "--quiet", "--detach"]);
    let found = at(temp.path());
    assert_eq!(found.branch, None);
    assert!(found.commit_sha.is_some());
}

#[test]
fn before_the_first_commit_there_is_a_branch_and_no_commit() {
    let temp = tempfile::tempdir().unwrap();
    git(temp.path(), &["init", "--quiet", "--initial-branch=dev/ann/1"]);
    let found = at(temp.path());
    assert_eq!(found.branch.unwrap().as_str(), "dev/ann/1");
    assert_eq!(found.commit_sha, None);
}

#[test]
fn a_worktree_has_its_own_branch_and_the_name_of_its_repository() {
    let temp = tempfile::tempdir().unwrap();
    let top = temp.path().join("alpha");
    repository(&top, None);
    git(&top, &["worktree", "add", "--quiet", "-b", "fix", "../elsewhere"]);

    let found = at(&temp.path().join("elsewhere"));
    assert_eq!(found.kind, CheckoutKind::Worktree);
    assert_eq!(found.branch.unwrap().as_str(), "fix");
    assert_eq!(found.repo.as_str(), "local/alpha");
    assert_eq!(found.repo, at(&top).repo);
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let (inner, outer) = (temp.path().join("inner"), temp.path().join("outer"));
    repository(&inner, None);
    repository(&outer, Some("git@github.com:example-org/outer.git"));
    git(&outer, &["submodule", "--quiet", "add", inner.to_str().unwrap(), "lib"]);
    git(&outer.join("lib"), &["remote", "set-url", "origin", "git@github.com:example-org/inner.git"]);

    let found = at(&outer.join("lib"));
    assert_eq!((found.kind, found.repo.as_str()), (CheckoutKind::Submodule, "example-org/inner"));

    git(&outer.join("lib"), &["remote", "remove", "origin"]);
    assert_eq!(at(&outer.join("lib")).repo.as_str(), "local/lib");
}

#[test]
fn worktrees_around_a_bare_repository_share_its_name() {
    let temp = tempfile::tempdir().unwrap();
    let (seed, home) = (temp.path().join("seed"), temp.path().join("alpha"));
    repository(&seed, None);
    std::fs::create_dir(&home).unwrap();
    git(&home, &["clone", "--quiet", "--bare", "../seed", ".bare"]);
    git(&home.join(".bare"), &["remote", "remove", "origin"]);
    std::fs::write(home.join(".git"), "gitdir: ./.bare\n").unwrap();
    git(&home, &["worktree", "add", "--quiet", "main"]);

    assert_eq!(at(&home.join("main")).repo.as_str(), "local/alpha");
    let container = at(&home);
    assert_eq!((container.repo.as_str(), container.kind), ("local/alpha", CheckoutKind::Repository));
}

#[test]
fn origin_is_preferred_and_another_remote_is_the_fallback() {
    let temp = tempfile::tempdir().unwrap();
    repository(temp.path(), Some("https://github.com/ann/fork"));
    git(temp.path(), &["remote", "add", "backup", "https://example.com/b/backup"]);
    assert_eq!(at(temp.path()).repo.as_str(), "ann/fork");
    git(temp.path(), &["remote", "remove", "origin"]);
    assert_eq!(at(temp.path()).repo.as_str(), "b/backup");
}

#[test]
fn a_plain_folder_is_not_a_repository() {
    let temp = tempfile::tempdir().unwrap();
    let plain = temp.path().join("my notes");
    std::fs::create_dir(&plain).unwrap();
    let found = at(&plain);
    assert_eq!((found.kind, found.repo.as_str()), (CheckoutKind::NotARepository, "local/my-notes"));
    assert_eq!((found.remote, found.branch, found.commit_sha), (None, None, None));
    assert_eq!(found.root, plain.canonicalize().unwrap());
}

#[test]
fn folders_with_unusual_names_are_read() {
    use std::os::unix::ffi::OsStrExt as _;
    let temp = tempfile::tempdir().unwrap();
    // macOS only takes names that are Unicode.
    let latin: &[&[u8]] = if cfg!(target_os = "linux") { &[b"latin-\xe9"] } else { &[] };
    for name in [&b"a\nb"[..], b"caf\xc3\xa9 \"x\""].iter().chain(latin) {
        let dir = temp.path().join(std::ffi::OsStr::from_bytes(name));
        repository(&dir, None);
        assert_eq!(at(&dir).root, dir.canonicalize().unwrap());
    }
}

#[test]
fn a_missing_folder_and_a_broken_repository_give_clear_errors() {
    let temp = tempfile::tempdir().unwrap();
    assert!(matches!(Checkout::at(&temp.path().join("gone")), Err(CheckoutError::NoSuchDirectory(_))));

    std::fs::write(temp.path().join(".git"), "gitdir: /nowhere/at/all\n").unwrap();
    let error = Checkout::at(temp.path()).unwrap_err();
    assert!(matches!(&error, CheckoutError::Failed { message, .. } if message.contains("/nowhere/at/all")), "{error}");
}

fn dirs_below(home: &Path) -> Dirs {
    Dirs::from_vars(|name| (name == "HOME").then(|| home.into())).unwrap()
}

fn claimed(dir: &Path, dirs: &Dirs) -> String {
    let mut checkout = at(dir);
    checkout.claim_name(dirs).unwrap();
    checkout.repo.to_string()
}

#[test]
fn folders_with_the_same_name_get_different_names_and_keep_them_when_moved() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = dirs_below(temp.path());
    let [one, two] = ["a/alpha", "b/alpha"].map(|folder| temp.path().join(folder));
    for dir in [&one, &two] {
        repository(dir, None);
    }
    assert_eq!(claimed(&one, &dirs), "local/alpha");
    let second = claimed(&two, &dirs);
    assert!(second.starts_with("local/alpha-"), "{second}");
    assert_eq!([claimed(&one, &dirs), claimed(&two, &dirs)], ["local/alpha".to_owned(), second.clone()]);

    let moved = temp.path().join("elsewhere");
    std::fs::rename(&two, &moved).unwrap();
    std::fs::rename(&one, &two).unwrap();
    assert_eq!([claimed(&two, &dirs), claimed(&moved, &dirs)], ["local/alpha".to_owned(), second.clone()]);
    repository(&one, None);
    let third = claimed(&one, &dirs);
    assert!(third != "local/alpha" && third != second, "a new repository where the first one was: {third}");
    git(&moved, &["worktree", "add", "--quiet", "../tree"]);
    assert_eq!(claimed(&temp.path().join("tree"), &dirs), second);
}

#[test]
fn a_copy_of_a_repository_does_not_keep_the_names_of_the_original() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = dirs_below(temp.path());
    let [original, copy] = ["a/alpha", "b/alpha"].map(|folder| temp.path().join(folder));
    repository(&original, None);
    claimed(&original, &dirs);
    let names = RecordNames { venture: "alpha".parse().unwrap(), repo: "local/alpha".parse().unwrap() };
    at(&original).keep_record_names("database", names.clone()).unwrap();
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-a").args([&original, &copy]).status().unwrap();
    assert!(copied.success());

    assert_eq!(at(&copy).record_names("database"), None);
    assert!(claimed(&copy, &dirs).starts_with("local/alpha-"));
    assert_eq!(at(&original).record_names("database"), Some(names));
    assert_eq!(claimed(&original, &dirs), "local/alpha");
}

#[test]
fn concurrent_claims_give_different_names_and_one_plain_name() {
    let temp = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..8).map(|n| temp.path().join(format!("{n}/notes"))).collect();
    let threads: Vec<_> = folders
        .into_iter()
        .map(|folder| {
            let dirs = dirs_below(temp.path());
            std::fs::create_dir_all(&folder).unwrap();
            std::thread::spawn(move || claimed(&folder, &dirs))
        })
        .collect();
    let names: Vec<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| *name == "local/notes").count(), 1);
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len());
}
