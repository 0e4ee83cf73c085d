//! The slash commands `/sod` and `/eod` of Claude Code. Every launch updates them to the version of this build.

use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::Change;
use crate::slash_commands::changes_at_launch;

/// The files to write for both commands.
pub(super) fn plan(env: &ProcessEnv) -> Result<Vec<Change>, LaunchError> {
    changes_at_launch(env)
}
