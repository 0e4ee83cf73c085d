//! A home folder with Deckwatch installed and a cloned repository, for running the demo.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deckwatch_tests::program;
use tempfile::TempDir;

/// The home folder of one test.
pub(crate) struct Stage {
    home: TempDir,
}

/// The output and the exit code of a demo.
#[must_use]
pub(crate) struct Played(Output);

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self { home: tempfile::tempdir().unwrap() };
        for folder in ["bin", "temporary", "dev/alpha-console"] {
            std::fs::create_dir_all(stage.path(folder)).unwrap();
        }
        for name in ["launcher", "deckwatch-mcp"] {
            let (built, installed) = (program(name), stage.path("bin").join(name));
            std::fs::hard_link(&built, &installed).or_else(|_| std::fs::copy(&built, &installed).map(drop)).unwrap();
        }
        let repository = stage.path("dev/alpha-console");
        stage.git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        stage.git(&repository, &["remote", "add", "origin", "git@github.com:example-org/alpha-console.git"]);
        for subject in ["A page for the login", "Passkeys for everybody"] {
            stage.git(&repository, &["commit", "--quiet", "--allow-empty", "--message", subject]);
        }
        stage
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        std::fs::write(self.path(below), text).unwrap();
    }

    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) {
        let mut git = self.command("git", folder);
        git.env("GIT_CONFIG_NOSYSTEM", "1").args(arguments);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.org");
        }
        assert!(git.status().unwrap().success(), "git {arguments:?}");
    }

    /// Replaces the server by a script; the real server is in the same folder, as `$0.real`.
    pub(crate) fn replace_server(&self, script: &str) {
        let server = self.path("bin/deckwatch-mcp");
        std::fs::rename(&server, self.path("bin/deckwatch-mcp.real")).unwrap();
        std::fs::write(&server, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&server, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the demo in the repository.
    pub(crate) fn play(&self, arguments: &[&str]) -> Played {
        self.play_in("dev/alpha-console", arguments)
    }

    /// Runs the demo in a folder. A relative `--data` is relative to the home folder, not to the repository.
    pub(crate) fn play_in(&self, folder: &str, arguments: &[&str]) -> Played {
        let launcher = self.path("bin/launcher");
        let mut demo = self.command(launcher.to_str().unwrap(), &self.path(folder));
        demo.arg("demo");
        for argument in arguments {
            if argument.starts_with("--") {
                demo.arg(argument)
            } else {
                demo.arg(self.path(argument))
            };
        }
        Played(demo.output().unwrap())
    }

    /// The sorted paths of all files and folders in the home folder.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found.sort();
        found
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.path("")).env("TMPDIR", self.path("temporary"));
        command
    }
}

impl Played {
    /// The standard output. Checks that the demo succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert!(self.0.status.success(), "{}\n{}", self.0.status, text(&self.0.stderr));
        text(&self.0.stdout)
    }

    /// The standard error. Checks that the demo ended with this exit code.
    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> String {
        let stderr = text(&self.0.stderr);
        assert_eq!(self.0.status.code(), Some(code), "{stderr}");
        stderr
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
