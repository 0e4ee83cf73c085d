//! Making an agent's tool start `deckwatch-mcp`, without disturbing what else it is told to start.
//!
//! Each tool has a file here that decides what to write; [`settings_file`] alone writes. Only names
//! of variables go into a file, never a value that may be secret.

mod claude;
mod codex;
mod gemini;
pub(crate) mod settings_file;
mod slash_commands;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::settings_file::Change;
use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

/// The name under which the tools know the server.
const SERVER_NAME: &str = "deckwatch";

/// What must be done so that a tool starts the server.
pub(crate) struct Registration {
    /// The files to write; none when they already say so.
    pub(crate) changes: Vec<Change>,
    /// What the tool must be told on its command line.
    pub(crate) args: Vec<OsString>,
    /// What stood under our name and kept the tool from starting the server; it is taken out.
    pub(crate) replaced: Vec<String>,
    /// Why the tool will not start the server all the same, in settings that are the user's to decide.
    pub(crate) obstacle: Option<Obstacle>,
    /// What registers the server for one launch when the files can't be written.
    pub(crate) instead: Instead,
}

/// A setting of the user that keeps the tool from starting the server.
pub(crate) struct Obstacle {
    pub(crate) what: String,
    pub(crate) fix: String,
}

/// A registration that holds for one launch.
#[derive(Default)]
pub(crate) struct Instead {
    /// Whether the tool can be told in another way.
    pub(crate) is_possible: bool,
    pub(crate) variables: Vec<(&'static str, OsString)>,
    /// A file of our own that a variable names.
    pub(crate) file: Option<Change>,
}

/// Whether the tool may take the whole screen, which phones' terminals can't scroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// As the user has it.
    AsItIs,
    /// The terminal's own lines, with its history.
    Inline,
}

impl Registration {
    /// Decides it from the tool's settings as they are now. Changes nothing.
    /// `secrets` are the names that the server must be able to read beside its own settings; `folder` is where the
    /// tool starts.
    pub(crate) fn plan(
        cli: AgentCli,
        server: &Path,
        secrets: &[&str],
        screen: Screen,
        folder: &Path,
        surroundings: &Surroundings,
    ) -> Result<Self, LaunchError> {
        let Some(server) = server.to_str() else {
            let message = "its path is not Unicode; install Deckwatch in another folder".to_owned();
            return Err(LaunchError::Registration { path: server.to_owned(), message });
        };
        match cli {
            AgentCli::Claude => claude::plan(server, surroundings),
            AgentCli::Gemini => gemini::plan(server, secrets, screen, folder, surroundings),
            AgentCli::Codex => codex::plan(server, secrets, screen, surroundings),
        }
    }
}

/// What a launch will do about the registration.
pub(crate) enum Outlook {
    /// It is registered already.
    Registered,
    /// The launch writes these files first.
    Writes(Vec<PathBuf>),
    /// A file can't be written; the launch tells the tool of the server for that launch alone.
    ForOneLaunch(LaunchError),
    /// A file can't be written, and there is no other way: the launch fails.
    Fails(LaunchError),
}

impl Registration {
    /// Tries to write what a launch would write, without changing anything.
    pub(crate) fn outlook(&self, cli: AgentCli, surroundings: &Surroundings) -> Outlook {
        let mut writes = Vec::new();
        for change in &self.changes {
            match change.try_apply() {
                Ok(()) => writes.push(change.path().to_owned()),
                Err(error) if self.instead.is_possible => {
                    return match self.instead.file.as_ref().map_or(Ok(()), Change::try_apply) {
                        Ok(()) => Outlook::ForOneLaunch(error),
                        Err(error) => Outlook::Fails(error),
                    };
                }
                Err(_) if is_dispensable(cli, change, surroundings) => {}
                Err(error) => return Outlook::Fails(error),
            }
        }
        if writes.is_empty() { Outlook::Registered } else { Outlook::Writes(writes) }
    }
}

/// Whether a launch goes on without this file: slash commands are a help, and no launch needs them.
pub(crate) fn is_dispensable(cli: AgentCli, change: &Change, surroundings: &Surroundings) -> bool {
    cli == AgentCli::Claude && !change.path().starts_with(&surroundings.dirs.state)
}

/// Whether a variable of the tool's own environment arrives at the server that the tool starts.
pub(crate) fn reaches_server(cli: AgentCli, name: &str) -> bool {
    match cli {
        AgentCli::Claude => true,
        AgentCli::Gemini => gemini::gives(name),
        AgentCli::Codex => codex::gives(name),
    }
}
