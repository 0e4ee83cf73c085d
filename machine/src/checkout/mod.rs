//! Reads the repository, branch and commit of a folder.
//!
//! It runs the `git` program, because only git knows every layout and every trust rule. It does not use the network.
//! Module `remote` parses the URLs of remotes. Module `git` runs git.

mod git;
mod local_names;
mod remote;
mod saved_names;
mod worktree;

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Branch, CommitSha, RepoName, Timestamp};
use thiserror::Error;

use self::git::{Git, GitLocation};
use self::local_names::{LocalNames, bytes_of};
pub use self::remote::{repo_from_remote, without_credentials};
pub use self::saved_names::RecordNames;
use self::saved_names::SavedNames;
pub use self::worktree::{add_worktree, main_folder};
use crate::dirs::Dirs;

/// The kind of folder that an agent works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutKind {
    /// A repository with its own `.git`, or a bare one.
    Repository,
    /// A worktree linked to a repository elsewhere.
    Worktree,
    /// A repository inside another repository's tree.
    Submodule,
    /// A folder outside git.
    NotARepository,
}

/// The repository state that an agent works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The top folder of the working tree. Outside a repository, the folder itself.
    pub root: PathBuf,
    /// The name from the remote. Without a remote: `local/` and the folder's name, with a suffix if another folder has
    /// that name.
    pub repo: RepoName,
    /// The URL of `origin`, else of `upstream`, else of the first remote. It never contains credentials.
    pub remote: Option<String>,
    /// `None` when HEAD is detached.
    pub branch: Option<Branch>,
    /// `None` before the first commit.
    pub commit_sha: Option<CommitSha>,
    /// The kind of the folder.
    pub kind: CheckoutKind,
    /// The git folder, which all worktrees share. `None` outside a repository.
    git_folder: Option<PathBuf>,
    local: Option<Local>,
}

/// The identity of a repository without a remote on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Local {
    /// The name from the folder, without a suffix.
    plain: RepoName,
    /// The git folder, the plain folder or the path of the remote, as bytes.
    place: Vec<u8>,
}

/// Why a folder could not be read with git.
#[derive(Debug, Error)]
pub enum CheckoutError {
    /// The path does not exist or is a file.
    #[error("{} is not a directory; change to one that exists", .0.display())]
    NoSuchDirectory(PathBuf),
    /// There is no `git` on `PATH`.
    #[error("git is not installed or not on PATH; install it (macOS: xcode-select --install, Debian: apt install git)")]
    GitNotInstalled,
    /// The repository belongs to another user, so git does not trust it.
    #[error(
        "git does not trust {dir}, which belongs to another user; if you do: git config --global --add safe.directory {dir}",
        dir = .0.display()
    )]
    NotTrusted(PathBuf),
    /// Git failed. Its message gives the cause.
    #[error("git failed in {}: {message}; run `git status` there to see more", .dir.display())]
    Failed {
        /// The folder in which git ran.
        dir: PathBuf,
        /// The message of git.
        message: String,
    },
    /// The `git` program exists, but could not be run.
    #[error("git could not be run: {0}; check that `git --version` works")]
    NotRunnable(#[source] io::Error),
}

/// The version of the `git` program.
pub fn git_version() -> Result<String, CheckoutError> {
    Git::in_dir(Path::new("/")).version()
}

/// The last commit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCommit {
    /// The name of the author.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// The last commit of `file`, a path relative to `root`. `None` if the file was never committed, has changed since, or is
/// not in a repository.
pub fn last_commit_of(root: &Path, file: &Path) -> Result<Option<FileCommit>, CheckoutError> {
    Git::in_dir(root).last_commit_of(file)
}

impl Checkout {
    /// Reads the checkout at `dir`. A folder outside any repository is valid.
    pub fn at(dir: &Path) -> Result<Self, CheckoutError> {
        if !dir.is_dir() {
            return Err(CheckoutError::NoSuchDirectory(dir.to_owned()));
        }
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        match Git::in_dir(&real).place()? {
            GitLocation::Outside => Ok(Self::outside(real)),
            GitLocation::Bare => Self::inside(real),
            GitLocation::WorkTree(root) => Self::inside(root),
        }
    }

    /// Reserves the name of a repository without a remote on a host. The repository keeps the name if its folder is moved
    /// or renamed, and no other repository gets it. Call this before anything is recorded under the name.
    pub fn claim_name(&mut self, dirs: &Dirs) -> io::Result<()> {
        let Some(local) = &self.local else { return Ok(()) };
        let saved = self.git_folder.as_deref().map(SavedNames::of);
        let saved = saved.filter(|_| self.remote.is_none());
        if let Some(name) = saved.as_ref().and_then(SavedNames::local_name) {
            return LocalNames::of(dirs).set_place(&name, &local.place);
        }
        self.repo = LocalNames::of(dirs).claim(&local.plain, &local.place)?;
        saved.map_or(Ok(()), |saved| saved.save_local_name(&self.repo))
    }

    /// The names of this repository's records in a database, if saved.
    pub fn record_names(&self, database: &str) -> Option<RecordNames> {
        SavedNames::of(self.git_folder.as_deref()?).records(database)
    }

    /// Saves the names of this repository's records in a database. Does nothing for a plain folder.
    pub fn keep_record_names(&self, database: &str, names: RecordNames) -> io::Result<()> {
        self.git_folder.as_deref().map_or(Ok(()), |folder| SavedNames::of(folder).save_records(database, names))
    }

    fn outside(dir: PathBuf) -> Self {
        let local = Local { plain: remote::local_repo(&dir), place: bytes_of(&dir) };
        Self {
            repo: local.name(None),
            root: dir,
            remote: None,
            branch: None,
            commit_sha: None,
            kind: CheckoutKind::NotARepository,
            git_folder: None,
            local: Some(local),
        }
    }

    fn inside(root: PathBuf) -> Result<Self, CheckoutError> {
        let git = Git::in_dir(&root);
        let layout = git.layout()?;
        let url = git.remote_url()?;
        let named_after = match layout.kind {
            CheckoutKind::Submodule => &root,
            _ => &layout.main_folder,
        };
        let named = url.as_deref().and_then(repo_from_remote);
        let local = match (&named, &url) {
            (Some(name), _) if !remote::is_local(name) => None,
            (Some(name), Some(url)) => {
                Some(Local { plain: name.clone(), place: without_credentials(url).into_bytes() })
            }
            _ => Some(Local { plain: remote::local_repo(named_after), place: bytes_of(&layout.git_folder) }),
        };
        let saved = url.is_none().then(|| SavedNames::of(&layout.git_folder).local_name()).flatten();
        let repo = local.as_ref().map(|local| local.name(saved)).or(named);
        Ok(Self {
            repo: repo.unwrap_or_else(|| remote::local_repo(named_after)),
            remote: url.as_deref().map(without_credentials),
            branch: git.branch()?.and_then(|name| name.parse().ok()),
            commit_sha: git.commit()?.and_then(|sha| sha.parse().ok()),
            kind: layout.kind,
            root,
            git_folder: Some(layout.git_folder),
            local,
        })
    }
}

impl Local {
    /// The saved name, or else the name that the repository would get now.
    fn name(&self, saved: Option<RepoName>) -> RepoName {
        saved.unwrap_or_else(|| match Dirs::from_env() {
            Ok(dirs) => LocalNames::of(&dirs).name_of(&self.plain, &self.place),
            Err(_) => self.plain.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
