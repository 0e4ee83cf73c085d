//! Replaces the installed programs by the built ones. Each is replaced atomically, also while the old one runs.

use std::path::Path;

use deckwatch_machine::durable;

use super::build::Built;
use super::{SERVER, write_error};
use crate::server_build;

/// Replaces all programs, after checking that the built server runs.
pub(super) fn install(built: &Built, folder: &Path) -> Result<(), String> {
    if built.get(SERVER).and_then(|server| server_build::build_of(server)).is_none() {
        return Err(format!("the {SERVER} that was built does not run"));
    }
    for (name, file) in built {
        let replaced =
            std::fs::read(file).and_then(|bytes| durable::write_with_mode(&folder.join(name), &bytes, 0o755));
        replaced.map_err(|error| write_error(folder, &error))?;
    }
    Ok(())
}
