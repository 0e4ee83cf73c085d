//! Claude Code: a file of our own, named on the command line.
//!
//! So neither the user's settings nor the repository change, and Claude asks for no approval. The
//! server inherits Claude's environment. The slash commands are files of their own.

use std::ffi::OsString;

use serde_json::json;

use super::settings_file::{Backup, SettingsFile};
use super::{Instead, Registration, SERVER_NAME, slash_commands};
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

pub(super) fn plan(server: &str, surroundings: &Surroundings) -> Result<Registration, LaunchError> {
    let path = surroundings.dirs.state.join("mcp/claude.json");
    let settings = json!({ "mcpServers": { SERVER_NAME: { "type": "stdio", "command": server, "args": [] } } });
    // With `=`: after a space, Claude takes every word that follows for one more file.
    let mut flag = OsString::from("--mcp-config=");
    flag.push(&path);
    let mut changes = slash_commands::plan(surroundings)?;
    changes.extend(SettingsFile::read(path)?.into_change(&format!("{settings:#}\n"), Backup::Never));
    let (replaced, obstacle, instead) = (Vec::new(), None, Instead::default());
    Ok(Registration { changes, args: vec![flag], replaced, obstacle, instead })
}
