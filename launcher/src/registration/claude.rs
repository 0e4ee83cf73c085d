//! Registers the server with Claude Code, through a separate file that is named on the command line.
//!
//! The settings of the user and of the repository stay unchanged, and Claude Code asks for no approval. The server
//! inherits the environment of Claude Code. The slash commands are separate files.

use std::ffi::OsString;

use serde_json::json;

use super::{OneLaunchRegistration, Registration, SERVER_NAME, slash_commands};
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, SettingsFile};

pub(super) fn plan(server: &str, env: &ProcessEnv) -> Result<Registration, LaunchError> {
    let path = env.dirs.state.join("mcp/claude.json");
    let settings = json!({ "mcpServers": { SERVER_NAME: { "type": "stdio", "command": server, "args": [] } } });
    // The flag needs `=`. After a space, Claude Code takes every following argument as another file.
    let mut flag = OsString::from("--mcp-config=");
    flag.push(&path);
    let mut changes = slash_commands::plan(env)?;
    changes.extend(SettingsFile::read(path)?.into_change(&format!("{settings:#}\n"), Backup::Never));
    let (replaced, obstacle, for_one_launch) = (Vec::new(), None, OneLaunchRegistration::default());
    Ok(Registration { changes, args: vec![flag], replaced, obstacle, for_one_launch })
}
