//! `/sod` and `/eod` in Claude Code, kept as they are in this build by every launch.

use super::settings_file::Change;
use crate::error::LaunchError;
use crate::slash_commands::changes_at_launch;
use crate::surroundings::Surroundings;

/// The files to write so that Claude Code knows both.
pub(super) fn plan(surroundings: &Surroundings) -> Result<Vec<Change>, LaunchError> {
    changes_at_launch(surroundings)
}
