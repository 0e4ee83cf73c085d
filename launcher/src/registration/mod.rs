//! Makes each agent CLI start `deckwatch-mcp`, and keeps its other settings unchanged.
//!
//! There is one module for each agent CLI, which decides what to write. Only [`crate::settings_file`] writes. The files contain
//! names of variables, and never a value that may be secret.

mod claude;
mod codex;
mod codex_app_server;
mod codex_hooks;
mod gemini;
mod gemini_hooks;
mod hooks;
mod line;
mod slash_commands;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) use self::codex_hooks::{Ask, Consent};
pub(crate) use self::hooks::{HookUse, Hooks, events};
use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::Change;

/// The name of the server in the settings of the agent CLIs.
const SERVER_NAME: &str = "deckwatch";

/// Everything that makes an agent CLI start the server.
pub(crate) struct Registration {
    /// The files to write. Empty if they are up to date.
    pub(crate) changes: Vec<Change>,
    /// The arguments for the agent CLI.
    pub(crate) args: Vec<OsString>,
    /// The keys of our entry that kept the agent CLI from starting the server. They are removed.
    pub(crate) replaced: Vec<String>,
    /// A setting that still keeps the server from starting. Only the user may change it.
    pub(crate) obstacle: Option<Obstacle>,
    /// The hooks.
    pub(crate) hooks: Hooks,
    /// The registration for one launch, for the case that the files can't be written.
    pub(crate) for_one_launch: OneLaunchRegistration,
}

/// A setting of the user that keeps the tool from starting the server.
pub(crate) struct Obstacle {
    pub(crate) what: String,
    pub(crate) fix: String,
}

/// A registration for one launch.
#[derive(Default)]
pub(crate) struct OneLaunchRegistration {
    /// Whether the agent CLI supports it.
    pub(crate) is_possible: bool,
    pub(crate) variables: Vec<(&'static str, OsString)>,
    /// A file of the launcher, to which a variable points.
    pub(crate) file: Option<Change>,
}

/// What a registration depends on, besides the agent CLI and its settings.
pub(crate) struct RegistrationRequest<'a> {
    /// The program of the server.
    pub(crate) server: &'a Path,
    /// The names of further variables that the server must be able to read.
    pub(crate) secrets: &'a [&'a str],
    pub(crate) screen: Screen,
    /// The folder in which the agent CLI starts.
    pub(crate) folder: &'a Path,
    pub(crate) hooks: &'a HookUse,
}

/// Whether the agent CLI may use the alternate screen. Terminals on phones can't scroll it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// As the user configured it.
    AsConfigured,
    /// The main screen of the terminal, with its scrollback.
    Inline,
}

impl Registration {
    /// Plans the registration from the current settings of the agent CLI. Changes nothing.
    pub(crate) fn plan(cli: AgentCli, request: &RegistrationRequest, env: &ProcessEnv) -> Result<Self, LaunchError> {
        let Some(server) = request.server.to_str() else {
            let message = "its path is not Unicode; install Deckwatch in another folder".to_owned();
            return Err(LaunchError::Registration { path: request.server.to_owned(), message });
        };
        match cli {
            AgentCli::Claude => claude::plan(server, request, env),
            AgentCli::Gemini => gemini::plan(server, request, env),
            AgentCli::Codex => codex::plan(server, request, env),
        }
    }
}

/// What a launch would do about the registration.
pub(crate) enum PlannedRegistration {
    /// The server is already registered.
    Registered,
    /// The launch writes these files first.
    Writes(Vec<PathBuf>),
    /// A file can't be written. The launch registers the server for itself only.
    ForOneLaunch(LaunchError),
    /// A file can't be written, and there is no other way. The launch fails.
    Fails(LaunchError),
}

impl Registration {
    /// Tests whether a launch could write the files. Changes none of them.
    pub(crate) fn planned(&self, cli: AgentCli, env: &ProcessEnv) -> PlannedRegistration {
        let mut writes = Vec::new();
        for change in &self.changes {
            match change.try_apply() {
                Ok(()) => writes.push(change.path().to_owned()),
                Err(error) if self.for_one_launch.is_possible => {
                    return match self.for_one_launch.file.as_ref().map_or(Ok(()), Change::try_apply) {
                        Ok(()) => PlannedRegistration::ForOneLaunch(error),
                        Err(error) => PlannedRegistration::Fails(error),
                    };
                }
                Err(_) if is_optional(cli, change, env) => {}
                Err(error) => return PlannedRegistration::Fails(error),
            }
        }
        if writes.is_empty() { PlannedRegistration::Registered } else { PlannedRegistration::Writes(writes) }
    }
}

/// Whether a launch continues if this file can't be written. No launch needs the slash commands.
pub(crate) fn is_optional(cli: AgentCli, change: &Change, env: &ProcessEnv) -> bool {
    cli == AgentCli::Claude && !change.path().starts_with(&env.dirs.state)
}

/// Whether the agent CLI passes a variable of its own environment to the server.
pub(crate) fn reaches_server(cli: AgentCli, name: &str) -> bool {
    match cli {
        AgentCli::Claude => true,
        AgentCli::Gemini => gemini::passes_variable(name),
        AgentCli::Codex => codex::passes_variable(name),
    }
}
