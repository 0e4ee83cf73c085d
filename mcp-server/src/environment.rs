//! What the process was started with: its variables and its folder. Read here and nowhere else.

use std::path::PathBuf;
use std::str::FromStr;

use deckwatch_protocol::Invalid;

use crate::trouble::Trouble;

/// The surroundings of this process.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Where the agent works: what Claude Code names, else the folder this process was started in.
    pub(crate) dir: PathBuf,
}

impl Environment {
    pub(crate) fn of_this_process() -> Self {
        let named = std::env::var_os("CLAUDE_PROJECT_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let dir = named.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| PathBuf::from("."));
        Self { dir }
    }

    /// A variable that is set to something; agents' configurations expand what is missing to nothing.
    #[expect(clippy::unused_self, reason = "the environment is one of the environment")]
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// A variable that must be well formed when it is set.
    pub(crate) fn setting<T: FromStr<Err = Invalid>>(&self, name: &'static str) -> Result<Option<T>, Trouble> {
        let parsed = self.var(name).map(|value| value.parse());
        parsed.transpose().map_err(|invalid| Trouble::Setting { name, invalid })
    }
}
