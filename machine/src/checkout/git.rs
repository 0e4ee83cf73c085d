//! Runs the `git` program with a fixed language and without misleading environment variables.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deckwatch_protocol::Timestamp;

use super::{CheckoutError, CheckoutKind, FileCommit};

/// Variables with which a caller, such as a git hook, points git at a repository other than the folder's own.
const MISLEADING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"];

/// The relation of a folder to git.
pub(super) enum GitLocation {
    Outside,
    Bare,
    WorkTree(PathBuf),
}

/// The layout of a repository on disk.
pub(super) struct Layout {
    pub(super) kind: CheckoutKind,
    /// The main folder of the repository, which all worktrees share.
    pub(super) main_folder: PathBuf,
    /// The git folder, which all worktrees share.
    pub(super) git_folder: PathBuf,
}

enum Reply {
    Output(Vec<u8>),
    Failed(String),
}

/// Git, run in one folder.
pub(super) struct Git<'a> {
    dir: &'a Path,
}

impl<'a> Git<'a> {
    pub(super) fn in_dir(dir: &'a Path) -> Self {
        Self { dir }
    }

    pub(super) fn place(&self) -> Result<GitLocation, CheckoutError> {
        match self.run(&["rev-parse", "--show-toplevel"])? {
            Reply::Output(top) => Ok(GitLocation::WorkTree(path(top))),
            Reply::Failed(why) if why.contains("not a git repository (or any") => Ok(GitLocation::Outside),
            Reply::Failed(why) if why.contains("must be run in a work tree") => Ok(GitLocation::Bare),
            Reply::Failed(why) if why.contains("dubious ownership") => {
                Err(CheckoutError::NotTrusted(self.dir.to_owned()))
            }
            Reply::Failed(why) => Err(self.failed(&why)),
        }
    }

    pub(super) fn version(&self) -> Result<String, CheckoutError> {
        let output = String::from_utf8_lossy(&self.require(&["--version"])?).into_owned();
        Ok(output.trim().trim_start_matches("git version ").to_owned())
    }

    /// The last commit of a file. `None` if the file has changed since that commit.
    pub(super) fn last_commit_of(&self, file: &Path) -> Result<Option<FileCommit>, CheckoutError> {
        // Git must not interpret special characters at the start of a path.
        let run = |args: &[&str]| {
            let args = args.iter().map(OsStr::new).chain([OsStr::new("--"), file.as_os_str()]);
            self.run(&std::iter::once(OsStr::new("--literal-pathspecs")).chain(args).collect::<Vec<_>>())
        };
        match run(&["status", "--porcelain", "--ignored"])? {
            Reply::Output(changes) if changes.is_empty() => {}
            Reply::Output(_) | Reply::Failed(_) => return Ok(None),
        }
        let Reply::Output(line) = run(&["log", "-1", "--format=%ct %an"])? else { return Ok(None) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let commit = line.split_once(' ').and_then(|(seconds, author)| {
            let millis = seconds.parse::<i64>().ok()?.checked_mul(1000)?;
            Some(FileCommit { author: author.to_owned(), at: Timestamp::from_millis(millis) })
        });
        Ok(commit)
    }

    /// The layout of the repository. Must run in the top folder, because git returns relative paths.
    pub(super) fn layout(&self) -> Result<Layout, CheckoutError> {
        let git_dir = self.folder("--git-dir")?;
        let common_dir = self.folder("--git-common-dir")?;
        let kind = if git_dir != common_dir {
            CheckoutKind::Worktree
        } else if self.require(&["rev-parse", "--show-superproject-working-tree"])?.is_empty() {
            CheckoutKind::Repository
        } else {
            CheckoutKind::Submodule
        };
        let hidden = common_dir.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let main_folder = match common_dir.parent() {
            Some(parent) if hidden => parent.to_owned(),
            _ => common_dir.clone(),
        };
        Ok(Layout { kind, main_folder, git_folder: common_dir })
    }

    pub(super) fn branch(&self) -> Result<Option<String>, CheckoutError> {
        self.optional(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    pub(super) fn commit(&self) -> Result<Option<String>, CheckoutError> {
        self.optional(&["rev-parse", "--quiet", "--verify", "HEAD"])
    }

    /// The URL of the preferred remote, after the user's `insteadOf` rules.
    pub(super) fn remote_url(&self) -> Result<Option<String>, CheckoutError> {
        if let Some(url) = self.optional(&["remote", "get-url", "origin"])? {
            return Ok(Some(url));
        }
        let remotes = self.optional(&["remote"])?.unwrap_or_default();
        match super::remote::preferred(remotes.lines()) {
            Some(name) => self.optional(&["remote", "get-url", name]),
            None => Ok(None),
        }
    }

    pub(super) fn has_branch(&self, name: &str) -> Result<bool, CheckoutError> {
        let found = self.optional(&["rev-parse", "--quiet", "--verify", &format!("refs/heads/{name}")])?;
        Ok(found.is_some())
    }

    /// Runs a command and ignores its output.
    pub(super) fn run_silently<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<(), CheckoutError> {
        self.require(args).map(drop)
    }

    fn folder(&self, which: &str) -> Result<PathBuf, CheckoutError> {
        let named = self.dir.join(path(self.require(&["rev-parse", which])?));
        Ok(named.canonicalize().unwrap_or(named))
    }

    fn require<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, CheckoutError> {
        match self.run(args)? {
            Reply::Output(answer) => Ok(answer),
            Reply::Failed(why) => Err(self.failed(&why)),
        }
    }

    fn optional(&self, args: &[&str]) -> Result<Option<String>, CheckoutError> {
        match self.run(args)? {
            Reply::Output(answer) if !answer.is_empty() => Ok(String::from_utf8(answer).ok()),
            Reply::Output(_) | Reply::Failed(_) => Ok(None),
        }
    }

    fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Reply, CheckoutError> {
        let mut command = Command::new("git");
        // Error messages are compared, so they must be in English.
        command.args(args).current_dir(self.dir).env("LC_ALL", "C").env("LANGUAGE", "").stdin(Stdio::null());
        for name in MISLEADING {
            command.env_remove(name);
        }
        let output = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if self.dir.is_dir() => CheckoutError::GitNotInstalled,
            io::ErrorKind::NotFound => CheckoutError::NoSuchDirectory(self.dir.to_owned()),
            _ => CheckoutError::NotRunnable(error),
        })?;
        if output.status.success() {
            let mut answer = output.stdout;
            if answer.last() == Some(&b'\n') {
                answer.pop();
            }
            return Ok(Reply::Output(answer));
        }
        Ok(Reply::Failed(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn failed(&self, why: &str) -> CheckoutError {
        let first = why.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        let message = first.trim_start_matches("fatal: ").to_owned();
        CheckoutError::Failed { dir: self.dir.to_owned(), message }
    }
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
