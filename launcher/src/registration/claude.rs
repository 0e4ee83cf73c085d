//! Registers the server and the hooks with Claude Code, through files of ours that are named on the command line.
//!
//! The settings of the user and of the repository stay unchanged, and Claude Code asks for no approval. The server
//! inherits the environment of Claude Code. The slash commands are separate files.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::hooks::{self, Hooks};
use super::{OneLaunchRegistration, Registration, RegistrationRequest, SERVER_NAME, slash_commands};
use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, SettingsFile};

/// The events that start a waiter, which wakes the agent when mail arrives while it is idle.
const WAITER_EVENTS: [&str; 2] = ["SessionStart", "Stop"];
/// How long a waiter may live, in seconds: two weeks. Every end of a turn starts a new one. A timer of JavaScript that is
/// longer than 24 days would end at once.
const WAITER_TIMEOUT: u32 = 14 * 24 * 60 * 60;

pub(super) fn plan(server: &str, request: &RegistrationRequest, env: &ProcessEnv) -> Result<Registration, LaunchError> {
    let path = env.dirs.state.join("mcp/claude.json");
    let settings = json!({ "mcpServers": { SERVER_NAME: { "type": "stdio", "command": server, "args": [] } } });
    let args = vec![option("--mcp-config", &path)];
    let mut changes = slash_commands::plan(env)?;
    changes.extend(SettingsFile::read(path)?.into_change(&format!("{settings:#}\n"), Backup::Never));
    let hooks = if let Some(off) = Hooks::off(request.hooks) {
        off
    } else {
        let plugin = env.dirs.state.join("mcp/claude-plugin");
        for (file, content) in plugin_files(server) {
            let file = SettingsFile::read(plugin.join(file))?;
            changes.extend(file.into_change(&format!("{content:#}\n"), Backup::Never));
        }
        Hooks::Registered(vec![option("--plugin-dir", &plugin)])
    };
    let (replaced, obstacle, for_one_launch) = (Vec::new(), None, OneLaunchRegistration::default());
    Ok(Registration { changes, args, replaced, obstacle, hooks, for_one_launch })
}

/// An option with its value. After a space, Claude Code would take every following argument as another value.
fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(path);
    option
}

/// The files of a plugin that has only the hooks. `--plugin-dir` loads it for one session, beside the plugins of the user.
fn plugin_files(server: &str) -> [(&'static str, Value); 2] {
    let manifest =
        json!({ "name": SERVER_NAME, "version": env!("CARGO_PKG_VERSION"), "description": "The hooks of Deckwatch." });
    let events = hooks::events(AgentCli::Claude).iter().map(|(event, ours)| {
        let mut run = vec![hook(server, ours, hooks::timeout_seconds(ours))];
        if WAITER_EVENTS.contains(event) {
            let mut waiter = hook(server, "wait", WAITER_TIMEOUT);
            if let Some(waiter) = waiter.as_object_mut() {
                waiter.insert("asyncRewake".to_owned(), true.into());
            }
            run.push(waiter);
        }
        ((*event).to_owned(), json!([{ "hooks": run }]))
    });
    let events: serde_json::Map<String, Value> = events.collect();
    [(".claude-plugin/plugin.json", manifest), ("hooks/hooks.json", json!({ "hooks": events }))]
}

/// A hook without a shell.
fn hook(server: &str, event: &str, timeout: u32) -> Value {
    json!({ "type": "command", "command": server, "args": ["hook", "claude", event], "timeout": timeout })
}
