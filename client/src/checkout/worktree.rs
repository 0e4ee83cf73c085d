//! Git worktrees: further folders of one repository, each with a branch of its own.
//!
//! It finds and adds them. It never removes one, nor resets a branch: there may be work in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::CheckoutError;
use super::git::Git;

/// The repository's main folder, also when `dir` is in a worktree.
pub fn main_folder(dir: &Path) -> Result<PathBuf, CheckoutError> {
    Git::in_dir(dir).layout().map(|layout| layout.main_folder)
}

/// Adds a worktree at `path` on `branch`, which is made at the current commit of `dir` unless it exists.
pub fn add_worktree(dir: &Path, path: &Path, branch: &str) -> Result<(), CheckoutError> {
    let git = Git::in_dir(dir);
    let [worktree, add, new, quiet] = ["worktree", "add", "-b", "--quiet"].map(OsStr::new);
    let (path, name) = (path.as_os_str(), OsStr::new(branch));
    if git.has_branch(branch)? {
        git.act(&[worktree, add, quiet, path, name])
    } else {
        git.act(&[worktree, add, quiet, new, name, path])
    }
}
