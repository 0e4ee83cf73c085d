//! `/sod` and `/eod` in Claude Code: files of ours among the user's own commands.
//!
//! Each file says that it is ours and how to make it the user's: one without that line is never touched.

use super::settings_file::{Backup, Change, SettingsFile};
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

const COMMANDS: [(&str, &str); 2] =
    [("sod.md", include_str!("../../../commands/sod.md")), ("eod.md", include_str!("../../../commands/eod.md"))];

const OURS: &str = "<!-- Kept up to date by Deckwatch's launcher; delete this line to keep a version of your own. -->";

/// The files to write so that Claude Code knows the commands as they are in this build.
pub(super) fn plan(surroundings: &Surroundings) -> Result<Vec<Change>, LaunchError> {
    let claude = surroundings.path_var("CLAUDE_CONFIG_DIR").unwrap_or_else(|| surroundings.dirs.home.join(".claude"));
    let mut changes = Vec::new();
    for (name, text) in COMMANDS {
        let file = SettingsFile::read(claude.join("commands").join(name))?;
        let is_free = file.text().is_empty() || file.text().contains(OURS);
        if is_free {
            changes.extend(file.into_change(format!("{text}\n{OURS}\n"), Backup::Never));
        }
    }
    Ok(changes)
}
