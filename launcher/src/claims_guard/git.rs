//! Runs git for the hooks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::LaunchError;

/// The output of git in `dir`. `None` if git ends with an error.
pub(super) fn output(dir: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(dir).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The folder of the hooks: that of `core.hooksPath`, or the one that all worktrees share.
pub(super) fn hooks_folder(dir: &Path) -> Result<PathBuf, LaunchError> {
    let path = output(dir, &["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    path.map(|path| PathBuf::from(path.trim_end_matches('\n')))
        .ok_or_else(|| failed(dir, "name the folder of its hooks"))
}

/// The name of the repository that `install` has stored in its configuration. `None` if the hooks are not installed for it.
pub(super) fn guarded_repo(dir: &Path) -> Option<String> {
    output(dir, &["config", "--local", "--get", super::hooks::SETTING]).map(|value| value.trim().to_owned())
}

/// Changes the configuration of the repository.
pub(super) fn configure(dir: &Path, arguments: &[&str]) -> Result<(), LaunchError> {
    output(dir, &[&["config", "--local"], arguments].concat())
        .map(drop)
        .ok_or_else(|| failed(dir, "change its configuration"))
}

fn failed(dir: &Path, what: &str) -> LaunchError {
    LaunchError::ClaimsGuard(format!("git could not {what} in {}", dir.display()))
}
