//! The git hooks that `scripts/install-hooks` installs, in real clones with commits and pushes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A clone of a repository that has the scripts of this checkout, and a home folder of its own.
struct Clone {
    root: tempfile::TempDir,
}

impl Clone {
    fn new() -> Self {
        let clone = Self { root: tempfile::tempdir().unwrap() };
        for folder in ["home", "origin.git", "clone/scripts/lib", "clone/scripts/hooks"] {
            std::fs::create_dir_all(clone.path(folder)).unwrap();
        }
        for file in ["install-hooks", "hooks/pre-commit", "hooks/pre-push", "lib/help.sh", "lib/install.sh"] {
            let script = clone.path("clone/scripts").join(file);
            std::fs::copy(Path::new(ROOT).join("scripts").join(file), script).unwrap();
        }
        std::fs::copy(Path::new(ROOT).join("rustfmt.toml"), clone.path("clone/rustfmt.toml")).unwrap();
        clone.program(
            "clone/scripts/test",
            "printf 'tested %s in %s\\n' \"$*\" \"${GIT_DIR-no GIT_DIR}\" >> \"$HOME/log\"; [ ! -e \"$HOME/fail\" ]",
        );
        clone.git("origin.git", &["init", "--quiet", "--bare"]);
        clone.git("clone", &["init", "--quiet", "-b", "main"]);
        clone.git("clone", &["remote", "add", "origin", clone.path("origin.git").to_str().unwrap()]);
        clone.git("clone", &["add", "--all"]);
        clone.git("clone", &["commit", "--quiet", "-m", "Scripts"]);
        clone
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(inner)
    }

    fn write(&self, inner: &str, text: &str) {
        std::fs::create_dir_all(self.path(inner).parent().unwrap()).unwrap();
        std::fs::write(self.path(inner), text).unwrap();
    }

    fn read(&self, inner: &str) -> String {
        std::fs::read_to_string(self.path(inner)).unwrap_or_default()
    }

    fn program(&self, inner: &str, script: &str) {
        self.write(inner, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(self.path(inner), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a command in a folder, with the linters that are installed for the user of this test.
    fn output(&self, folder: &str, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.current_dir(self.path(folder)).args(args).env("HOME", self.path("home"));
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.com");
        }
        let home = std::env::var_os("HOME").unwrap();
        let home = PathBuf::from(home);
        let of_user = |name: &str, inner: &str| std::env::var_os(name).map_or(home.join(inner), PathBuf::from);
        command.env("RUSTUP_HOME", of_user("RUSTUP_HOME", ".rustup"));
        command.env("XDG_CACHE_HOME", of_user("XDG_CACHE_HOME", ".cache")).output().unwrap()
    }

    #[track_caller]
    fn git(&self, folder: &str, args: &[&str]) -> String {
        let output = self.output(folder, "git", args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs git and returns what it said, if it failed.
    #[track_caller]
    fn refused(&self, folder: &str, args: &[&str]) -> String {
        let output = self.output(folder, "git", args);
        let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success(), "{args:?} was not refused: {said}");
        said
    }

    #[track_caller]
    fn install(&self, folder: &str, args: &[&str]) -> String {
        let script = self.path(folder).join("scripts/install-hooks");
        let output = self.output("home", script.to_str().unwrap(), args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }

    fn head(&self, folder: &str) -> String {
        self.git(folder, &["log", "-1", "--format=%s"])
    }
}

const FORMATTED: &str = "fn main() {}\n";
const NOT_FORMATTED: &str = "fn  main(){}\n";

#[test]
fn a_commit_with_a_file_that_is_not_formatted_is_refused() {
    let clone = Clone::new();
    clone.install("clone", &[]);
    clone.write("clone/src/main.rs", NOT_FORMATTED);
    clone.git("clone", &["add", "--all"]);
    let said = clone.refused("clone", &["commit", "-m", "Not formatted"]);
    assert!(said.contains("src/main.rs is not formatted") && said.contains("fix: "), "{said}");
    // A module that is not there must not matter.
    clone.write("clone/src/main.rs", "mod other;\n\nfn main() {}\n");
    clone.git("clone", &["add", "--all"]);
    clone.git("clone", &["commit", "--quiet", "-m", "Formatted"]);
    assert_eq!(clone.head("clone"), "Formatted");

    clone.write("clone/src/main.rs", "<<<<<<< HEAD\nfn a() {}\n=======\nfn b() {}\n>>>>>>> other\n");
    let said = clone.refused("clone", &["commit", "-a", "-m", "A conflict"]);
    assert!(said.contains("a staged file has a merge conflict"), "{said}");
}

#[test]
fn only_the_staged_text_is_checked_and_nothing_else_is_touched() {
    let clone = Clone::new();
    clone.install("clone", &[]);
    clone.write("clone/a.rs", FORMATTED);
    clone.git("clone", &["add", "a.rs"]);
    // What is not staged may be unfinished: in the same file, in another one, and in one that git does not know.
    clone.write("clone/a.rs", NOT_FORMATTED);
    clone.write("clone/new.rs", NOT_FORMATTED);
    clone.write("clone/scripts/hooks/broken.sh", "if then\n");
    clone.git("clone", &["commit", "--quiet", "-m", "A formatted file"]);
    assert_eq!(clone.read("clone/a.rs"), NOT_FORMATTED);
    assert_eq!(clone.git("clone", &["show", "HEAD:a.rs"]), FORMATTED.trim());
    let status = clone.git("clone", &["status", "--porcelain"]);
    assert_eq!(status, "M a.rs\n?? new.rs\n?? scripts/hooks/broken.sh");

    // The other way round: the tree is right, and the staged text is not.
    clone.git("clone", &["add", "a.rs"]);
    clone.write("clone/a.rs", FORMATTED);
    clone.refused("clone", &["commit", "-m", "Not formatted"]);
    assert_eq!(clone.read("clone/a.rs"), FORMATTED);

    // `git commit FILE` has an index of its own.
    clone.write("clone/b.rs", FORMATTED);
    clone.git("clone", &["add", "b.rs"]);
    clone.git("clone", &["commit", "--quiet", "-m", "Only b", "b.rs"]);
    assert_eq!(clone.git("clone", &["diff", "--cached", "--name-only"]), "a.rs");
    // A deleted file, a link and a name with a space and a line break are no obstacles.
    clone.git("clone", &["rm", "--quiet", "--force", "a.rs"]);
    std::os::unix::fs::symlink("gone", clone.path("clone/link.rs")).unwrap();
    clone.write("clone/two words\n.rs", FORMATTED);
    clone.git("clone", &["add", "link.rs", "two words\n.rs"]);
    clone.git("clone", &["commit", "--quiet", "-m", "Odd files"]);
    assert_eq!(clone.head("clone"), "Odd files");
}

#[test]
fn scripts_are_linted_and_a_missing_linter_is_named() {
    let clone = Clone::new();
    clone.install("clone", &[]);
    clone.write("clone/scripts/new", "#!/usr/bin/env bash\necho $1\n");
    clone.git("clone", &["add", "--all"]);
    let output = clone.output("clone", "git", &["commit", "-m", "A script"]);
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    if said.contains("shellcheck is not installed") {
        assert!(said.contains("./scripts/test installs it"), "{said}");
        return;
    }
    assert!(!output.status.success() && said.contains("SC2086"), "{said}");
}

#[test]
fn an_earlier_hook_runs_first_and_comes_back() {
    let clone = Clone::new();
    clone.program(
        "clone/.git/hooks/pre-commit",
        "echo earlier commit >> \"$HOME/log\"; [ ! -e \"$HOME/fail-earlier\" ]",
    );
    clone.program("clone/.git/hooks/pre-push", "cat >> \"$HOME/log\"");
    let earlier = clone.read("clone/.git/hooks/pre-commit");
    let said = clone.install("clone", &[]);
    assert!(said.contains("kept the hook pre-commit") && said.contains("kept the hook pre-push"), "{said}");

    let files = || {
        let hooks = std::fs::read_dir(clone.path("clone/.git/hooks")).unwrap().map(Result::unwrap);
        let mut files: Vec<_> =
            hooks.map(|file| (file.file_name(), file.metadata().unwrap().modified().unwrap())).collect();
        files.sort();
        (files, clone.read("clone/.git/config"))
    };
    let installed = files();
    clone.install("clone", &[]);
    assert_eq!(files(), installed, "a second run changes nothing");

    clone.write("clone/a.rs", NOT_FORMATTED);
    clone.git("clone", &["add", "--all"]);
    clone.refused("clone", &["commit", "-m", "Not formatted"]);
    clone.write("clone/a.rs", FORMATTED);
    clone.git("clone", &["add", "--all"]);
    clone.write("home/fail-earlier", "");
    clone.refused("clone", &["commit", "-m", "Refused by the earlier hook"]);
    std::fs::remove_file(clone.path("home/fail-earlier")).unwrap();
    clone.git("clone", &["commit", "--quiet", "-m", "Both agree"]);
    clone.git("clone", &["push", "--quiet", "origin", "main"]);
    let log = clone.read("home/log");
    assert_eq!(log.matches("earlier commit").count(), 3, "{log}");
    assert!(
        log.contains("refs/heads/main") && log.contains("tested --quick in no GIT_DIR"),
        "both got the refs: {log}"
    );

    clone.install("clone", &["--uninstall"]);
    assert_eq!(clone.read("clone/.git/hooks/pre-commit"), earlier);
    assert!(!clone.read("clone/.git/config").contains("deckwatch"));
    clone.install("clone", &["--uninstall"]);
}

#[test]
fn a_push_is_refused_when_the_tests_fail() {
    let clone = Clone::new();
    clone.install("clone", &[]);
    clone.write("home/fail", "");
    let said = clone.refused("clone", &["push", "origin", "main"]);
    assert!(said.contains("the tests failed, so nothing was pushed"), "{said}");
    assert_eq!(clone.git("origin.git", &["branch"]), "");
    clone.git("clone", &["tag", "-a", "-m", "A tag", "v1"]);
    assert!(clone.refused("clone", &["push", "origin", "v1"]).contains("the tests failed"), "a tag of the same commit");
    // Nothing of what is checked out is pushed.
    clone.git("clone", &["branch", "old"]);
    clone.git("clone", &["commit", "--quiet", "--allow-empty", "-m", "More"]);
    let output = clone.output("clone", "git", &["push", "origin", "old"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("refs/heads/old is not checked out"), "{said}");
    clone.git("clone", &["push", "--quiet", "origin", ":old"]);
    assert_eq!(clone.read("home/log").lines().count(), 2);
}

#[test]
fn the_hooks_serve_all_worktrees_and_leave_older_commits_alone() {
    let clone = Clone::new();
    clone.git("clone", &["worktree", "add", "--quiet", "-b", "side", "../side"]);
    clone.git("clone", &["checkout", "--quiet", "--orphan", "ancient"]);
    clone.git("clone", &["rm", "--quiet", "-r", "--force", "."]);
    clone.git("clone", &["commit", "--quiet", "--allow-empty", "-m", "Before the scripts"]);
    // Installed from a worktree, for all of them.
    clone.install("side", &[]);
    clone.write("side/a.rs", NOT_FORMATTED);
    clone.git("side", &["add", "--all"]);
    assert!(clone.refused("side", &["commit", "-m", "Not formatted"]).contains("a.rs is not formatted"));
    clone.write("clone/a.rs", NOT_FORMATTED);
    clone.git("clone", &["add", "a.rs"]);
    clone.git("clone", &["commit", "--quiet", "-m", "This commit has no hooks"]);
}

#[test]
fn core_hooks_path_is_respected_and_other_repositories_are_not_affected() {
    let clone = Clone::new();
    clone.git("clone", &["config", "--global", "core.hooksPath", "~/hooks"]);
    clone.program("home/hooks/pre-commit", "echo of all >> \"$HOME/log\"");
    clone.install("clone", &[]);
    assert!(!clone.path("clone/.git/hooks/pre-commit").exists());
    clone.write("clone/a.rs", NOT_FORMATTED);
    clone.git("clone", &["add", "--all"]);
    clone.refused("clone", &["commit", "-m", "Not formatted"]);
    assert_eq!(clone.read("home/log"), "of all\n");

    // Another repository, with a file where this one has its hook, is not run by it.
    std::fs::create_dir_all(clone.path("other")).unwrap();
    clone.git("other", &["init", "--quiet"]);
    clone.program("other/scripts/hooks/pre-commit", "echo a stranger >> \"$HOME/log\"");
    clone.git("other", &["add", "--all"]);
    clone.git("other", &["commit", "--quiet", "-m", "A stranger"]);
    assert_eq!(clone.read("home/log"), "of all\nof all\n");

    // Another program that replaces the hook is not lost, and the earlier one is not overwritten.
    clone.program("home/hooks/pre-commit", "echo of a tool");
    let script = clone.path("clone/scripts/install-hooks");
    let output = clone.output("home", script.to_str().unwrap(), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("fix: make one hook of both"), "{said}");
    assert!(clone.read("home/hooks/pre-commit.before-deckwatch").contains("of all"));
}
