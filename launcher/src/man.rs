//! Manual pages, written by the program that they describe, so that they are never behind it.

use std::path::Path;

use clap::Command;

use crate::error::LaunchError;

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher man ~/.local/share/man/man1      then: man launcher, man launcher-doctor";

/// Writes a page for the launcher and one for each of its verbs.
pub(crate) fn write(command: Command, dir: &Path) -> Result<(), LaunchError> {
    let pages = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
    pages.map_err(|error| {
        let message = format!("{error}; name a folder that you can write to");
        LaunchError::NotWritten { path: dir.to_owned(), message }
    })
}
