//! Replaces the installed programs by the built ones. Each is replaced atomically, also while the old one runs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::build::Built;
use super::{SERVER, write_error};
use crate::server_build;

/// Replaces all programs, after checking that the built server runs.
pub(super) fn install(built: &Built, folder: &Path) -> Result<(), String> {
    if built.get(SERVER).and_then(|server| server_build::build_of(server)).is_none() {
        return Err(format!("the {SERVER} that was built does not run"));
    }
    for (name, file) in built {
        replace(file, &folder.join(name), folder).map_err(|error| write_error(folder, &error))?;
    }
    Ok(())
}

fn replace(file: &Path, installed: &Path, folder: &Path) -> io::Result<()> {
    let mut unfinished = NamedTempFile::new_in(folder)?;
    io::copy(&mut std::fs::File::open(file)?, &mut unfinished)?;
    unfinished.as_file().set_permissions(std::fs::Permissions::from_mode(0o755))?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(installed).map(drop).map_err(|error| error.error)
}
