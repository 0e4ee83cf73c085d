//! What a folder is to git: which repository, branch and commit an agent stands on.
//!
//! It asks the `git` program, which alone knows every layout and every rule of trust, and never the
//! network. Reading remotes is in `remote`, running git in `git`.

mod git;
mod kept;
mod local_names;
mod remote;
mod worktree;

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Branch, CommitSha, RepoName, Timestamp};
use thiserror::Error;

use self::git::{Git, Place};
use self::kept::Kept;
pub use self::kept::RecordNames;
use self::local_names::{LocalNames, bytes_of};
pub use self::remote::{repo_from_remote, without_credentials};
pub use self::worktree::{add_worktree, main_folder};
use crate::dirs::Dirs;

/// What kind of folder an agent works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutKind {
    /// A repository with its own `.git`, or a bare one.
    Repository,
    /// A worktree linked to a repository elsewhere.
    Worktree,
    /// A repository inside another one's tree.
    Submodule,
    /// A folder that git knows nothing of.
    NotARepository,
}

/// Where an agent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The top of the working tree; outside a repository, the folder itself.
    pub root: PathBuf,
    /// From the remote; without one, `local/` and the folder's name, with a suffix where another folder has that name.
    pub repo: RepoName,
    /// The address of `origin`, else of `upstream`, else of the first remote; never with credentials.
    pub remote: Option<String>,
    /// `None` when HEAD is detached.
    pub branch: Option<Branch>,
    /// `None` before the first commit.
    pub commit_sha: Option<CommitSha>,
    /// What kind of folder it is.
    pub kind: CheckoutKind,
    /// The git folder that all worktrees share; `None` outside a repository.
    git_folder: Option<PathBuf>,
    local: Option<Local>,
}

/// What a repository without a remote on a host is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Local {
    /// Its name after the folder alone.
    plain: RepoName,
    /// The git folder, the plain folder or the path of the remote.
    place: Vec<u8>,
}

/// Why git could not say what a folder is.
#[derive(Debug, Error)]
pub enum CheckoutError {
    /// The folder is gone, or is a file.
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
    /// Git started, but failed in a way that only its own words explain.
    #[error("git failed in {}: {message}; run `git status` there to see more", .dir.display())]
    Failed {
        /// Where git was asked.
        dir: PathBuf,
        /// What git said.
        message: String,
    },
    /// The `git` program is there, but could not be run.
    #[error("git could not be run: {0}; check that `git --version` works")]
    NotRunnable(#[source] io::Error),
}

/// The version of the `git` program, as it says it.
pub fn git_version() -> Result<String, CheckoutError> {
    Git::in_dir(Path::new("/")).version()
}

/// The last commit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCommit {
    /// Who wrote it, as git names them.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// The last commit of `file`, which is named relative to `root`. `None` when git does not have the file as it
/// is now: never committed, changed since, or no repository.
pub fn last_commit_of(root: &Path, file: &Path) -> Result<Option<FileCommit>, CheckoutError> {
    Git::in_dir(root).last_commit_of(file)
}

impl Checkout {
    /// Asks git what `dir` is. A folder outside any repository is an answer, not an error.
    pub fn at(dir: &Path) -> Result<Self, CheckoutError> {
        if !dir.is_dir() {
            return Err(CheckoutError::NoSuchDirectory(dir.to_owned()));
        }
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        match Git::in_dir(&real).place()? {
            Place::Outside => Ok(Self::outside(real)),
            Place::Bare => Self::inside(real),
            Place::WorkTree(root) => Self::inside(root),
        }
    }

    /// Makes the name of a repository without a remote on a host last, also when its folder is moved or renamed, and
    /// keeps others from having it. To be called before anything is recorded under it.
    pub fn claim_name(&mut self, dirs: &Dirs) -> io::Result<()> {
        let Some(local) = &self.local else { return Ok(()) };
        let kept = self.git_folder.as_deref().map(Kept::of);
        let kept = kept.filter(|_| self.remote.is_none());
        if let Some(name) = kept.as_ref().and_then(Kept::local_name) {
            return LocalNames::of(dirs).is_at(&name, &local.place);
        }
        self.repo = LocalNames::of(dirs).claim(&local.plain, &local.place)?;
        kept.map_or(Ok(()), |kept| kept.keep_local_name(&self.repo))
    }

    /// Under which names the records of this repository were made in a database, if the repository knows.
    pub fn record_names(&self, database: &str) -> Option<RecordNames> {
        Kept::of(self.git_folder.as_deref()?).records(database)
    }

    /// Remembers under which names records are made in a database. A plain folder remembers nothing.
    pub fn keep_record_names(&self, database: &str, names: RecordNames) -> io::Result<()> {
        self.git_folder.as_deref().map_or(Ok(()), |folder| Kept::of(folder).keep_records(database, names))
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
        let kept = url.is_none().then(|| Kept::of(&layout.git_folder).local_name()).flatten();
        let repo = local.as_ref().map(|local| local.name(kept)).or(named);
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
    /// The name that the repository keeps, else the one that it would get now.
    fn name(&self, kept: Option<RepoName>) -> RepoName {
        kept.unwrap_or_else(|| match Dirs::from_env() {
            Ok(dirs) => LocalNames::of(&dirs).name_of(&self.plain, &self.place),
            Err(_) => self.plain.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
