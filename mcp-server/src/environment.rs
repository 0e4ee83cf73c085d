//! The environment variables and the working folder of this process. No other module reads them.

use std::path::PathBuf;
use std::str::FromStr;

use deckwatch_protocol::Invalid;
use thiserror::Error;

/// A variable of the environment is malformed.
#[derive(Debug, Error)]
#[error("the variable {name} {invalid}; correct it or unset it, then restart the agent")]
pub(crate) struct InvalidVariable {
    /// The variable.
    name: &'static str,
    /// Why it is malformed.
    invalid: Invalid,
}

/// The environment of this process.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Where the agent works: the folder that Claude Code names, or else the folder this process was started in.
    pub(crate) dir: PathBuf,
}

impl Environment {
    pub(crate) fn of_this_process() -> Self {
        let named = std::env::var_os("CLAUDE_PROJECT_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let dir = named.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| PathBuf::from("."));
        Self { dir }
    }

    /// A variable, unless it is unset or empty. An agent CLI's configuration expands a missing variable to nothing.
    #[expect(clippy::unused_self, reason = "only code that has the environment may read variables")]
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// A variable, parsed. Fails when it is set and malformed.
    pub(crate) fn setting<T: FromStr<Err = Invalid>>(&self, name: &'static str) -> Result<Option<T>, InvalidVariable> {
        let parsed = self.var(name).map(|value| value.parse());
        parsed.transpose().map_err(|invalid| InvalidVariable { name, invalid })
    }
}
