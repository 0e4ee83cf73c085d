//! Running the `git` program: one question, one answer, whatever the user's language and environment.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deckwatch_protocol::Timestamp;

use super::{CheckoutError, CheckoutKind, FileCommit};

/// Variables by which a caller, such as a git hook, points git at another repository than the folder's own.
const MISLEADING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"];

/// Where a folder stands with respect to git.
pub(super) enum Place {
    Outside,
    Bare,
    WorkTree(PathBuf),
}

/// How a repository is laid out on disk.
pub(super) struct Layout {
    pub(super) kind: CheckoutKind,
    /// The folder of the repository that all its worktrees share.
    pub(super) main_folder: PathBuf,
    /// The git folder that all its worktrees share.
    pub(super) git_folder: PathBuf,
}

enum Reply {
    Said(Vec<u8>),
    Refused(String),
}

/// Git, asked in one folder.
pub(super) struct Git<'a> {
    dir: &'a Path,
}

impl<'a> Git<'a> {
    pub(super) fn in_dir(dir: &'a Path) -> Self {
        Self { dir }
    }

    pub(super) fn place(&self) -> Result<Place, CheckoutError> {
        match self.ask(&["rev-parse", "--show-toplevel"])? {
            Reply::Said(top) => Ok(Place::WorkTree(path(top))),
            Reply::Refused(why) if why.contains("not a git repository (or any") => Ok(Place::Outside),
            Reply::Refused(why) if why.contains("must be run in a work tree") => Ok(Place::Bare),
            Reply::Refused(why) if why.contains("dubious ownership") => {
                Err(CheckoutError::NotTrusted(self.dir.to_owned()))
            }
            Reply::Refused(why) => Err(self.failed(&why)),
        }
    }

    pub(super) fn version(&self) -> Result<String, CheckoutError> {
        let said = String::from_utf8_lossy(&self.must(&["--version"])?).into_owned();
        Ok(said.trim().trim_start_matches("git version ").to_owned())
    }

    /// `None` unless the file is as its last commit left it.
    pub(super) fn last_commit_of(&self, file: &Path) -> Result<Option<FileCommit>, CheckoutError> {
        // A path is a path here, whatever magic its first characters would be to git.
        let asked = |args: &[&str]| {
            let args = args.iter().map(OsStr::new).chain([OsStr::new("--"), file.as_os_str()]);
            self.ask(&std::iter::once(OsStr::new("--literal-pathspecs")).chain(args).collect::<Vec<_>>())
        };
        match asked(&["status", "--porcelain", "--ignored"])? {
            Reply::Said(changes) if changes.is_empty() => {}
            Reply::Said(_) | Reply::Refused(_) => return Ok(None),
        }
        let Reply::Said(line) = asked(&["log", "-1", "--format=%ct %an"])? else { return Ok(None) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let commit = line.split_once(' ').and_then(|(seconds, author)| {
            let millis = seconds.parse::<i64>().ok()?.checked_mul(1000)?;
            Some(FileCommit { author: author.to_owned(), at: Timestamp::from_millis(millis) })
        });
        Ok(commit)
    }

    /// To be asked at the top of the tree, where git names its folders relative to it.
    pub(super) fn layout(&self) -> Result<Layout, CheckoutError> {
        let git_dir = self.folder("--git-dir")?;
        let common_dir = self.folder("--git-common-dir")?;
        let kind = if git_dir != common_dir {
            CheckoutKind::Worktree
        } else if self.must(&["rev-parse", "--show-superproject-working-tree"])?.is_empty() {
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
        self.maybe(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    pub(super) fn commit(&self) -> Result<Option<String>, CheckoutError> {
        self.maybe(&["rev-parse", "--quiet", "--verify", "HEAD"])
    }

    /// The address after the user's `insteadOf` rules.
    pub(super) fn remote_url(&self) -> Result<Option<String>, CheckoutError> {
        if let Some(url) = self.maybe(&["remote", "get-url", "origin"])? {
            return Ok(Some(url));
        }
        let remotes = self.maybe(&["remote"])?.unwrap_or_default();
        match super::remote::preferred(remotes.lines()) {
            Some(name) => self.maybe(&["remote", "get-url", name]),
            None => Ok(None),
        }
    }

    pub(super) fn has_branch(&self, name: &str) -> Result<bool, CheckoutError> {
        let found = self.maybe(&["rev-parse", "--quiet", "--verify", &format!("refs/heads/{name}")])?;
        Ok(found.is_some())
    }

    /// Does something that has no answer.
    pub(super) fn act<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<(), CheckoutError> {
        self.must(args).map(drop)
    }

    fn folder(&self, which: &str) -> Result<PathBuf, CheckoutError> {
        let named = self.dir.join(path(self.must(&["rev-parse", which])?));
        Ok(named.canonicalize().unwrap_or(named))
    }

    fn must<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, CheckoutError> {
        match self.ask(args)? {
            Reply::Said(answer) => Ok(answer),
            Reply::Refused(why) => Err(self.failed(&why)),
        }
    }

    fn maybe(&self, args: &[&str]) -> Result<Option<String>, CheckoutError> {
        match self.ask(args)? {
            Reply::Said(answer) if !answer.is_empty() => Ok(String::from_utf8(answer).ok()),
            Reply::Said(_) | Reply::Refused(_) => Ok(None),
        }
    }

    fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Reply, CheckoutError> {
        let mut command = Command::new("git");
        // The words of refusals are compared, so they must be the untranslated ones.
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
            return Ok(Reply::Said(answer));
        }
        Ok(Reply::Refused(String::from_utf8_lossy(&output.stderr).into_owned()))
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
