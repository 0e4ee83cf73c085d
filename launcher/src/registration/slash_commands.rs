//! The slash commands `/sod` and `/eod` of Claude Code. Every launch updates them to the version of this build.

use super::settings_file::Change;
use crate::error::LaunchError;
use crate::slash_commands::changes_at_launch;
use crate::surroundings::Surroundings;

/// The files to write for both commands.
pub(super) fn plan(surroundings: &Surroundings) -> Result<Vec<Change>, LaunchError> {
    changes_at_launch(surroundings)
}
