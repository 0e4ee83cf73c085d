//! Git worktrees: additional folders of one repository, each with its own branch.
//!
//! This module finds and adds worktrees. It never removes a worktree or resets a branch, because they can contain work.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::CheckoutError;
use super::git::Git;

/// The repository's main folder, even if `dir` is in a worktree.
pub fn main_folder(dir: &Path) -> Result<PathBuf, CheckoutError> {
    Git::in_dir(dir).layout().map(|layout| layout.main_folder)
}

/// Adds a worktree at `path` on `branch`. A missing branch is created at the current commit of `dir`.
pub fn add_worktree(dir: &Path, path: &Path, branch: &str) -> Result<(), CheckoutError> {
    let git = Git::in_dir(dir);
    let [worktree, add, new, quiet] = ["worktree", "add", "-b", "--quiet"].map(OsStr::new);
    let (path, name) = (path.as_os_str(), OsStr::new(branch));
    if git.has_branch(branch)? {
        git.run_silently(&[worktree, add, quiet, path, name])
    } else {
        git.run_silently(&[worktree, add, quiet, new, name, path])
    }
}
