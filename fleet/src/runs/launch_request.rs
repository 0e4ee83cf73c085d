//! What shall be started: the options of the launcher, the environment and the prompt.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use deckwatch_protocol::{IssueNumber, RepoName, Track, VentureCode};
use serde::{Deserialize, Serialize};

use super::{Bytes, RunId};
use crate::wire::Refusal;

/// A launch on a machine. It holds no key: keys are [`Variable`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchRequest {
    /// The venture.
    pub venture: VentureCode,
    /// The agent CLI: `claude`, `gemini` or `codex`. `None`: the default of that machine.
    pub agent: Option<String>,
    /// The model, for the agent CLI.
    pub model: Option<String>,
    /// The output of a headless agent. `None` for an interactive one.
    pub output: Option<OutputFormat>,
    /// The line of work.
    pub track: Option<Track>,
    /// The issue.
    pub issue: Option<IssueNumber>,
    /// The folder to start in; it is made if it is missing. `None`: the repository.
    pub folder: Option<PathBuf>,
    /// Where the agent works.
    pub workspace: Workspace,
    /// Further flags of the launcher that take no text of a person.
    pub flags: Vec<String>,
    /// Arguments for the agent CLI.
    pub agent_args: Vec<String>,
}

/// Where an agent works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// The repository of the venture.
    #[default]
    Shared,
    /// A git worktree: the agent's own, or the one with this name.
    Worktree(Option<String>),
    /// A sandbox in which only the repository and the agent's own settings exist.
    Sandbox,
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str("shared"),
            Self::Worktree(None) => f.write_str("worktree"),
            Self::Worktree(Some(name)) => write!(f, "worktree {name}"),
            Self::Sandbox => f.write_str("sandbox"),
        }
    }
}

/// The output of a headless agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// Events as lines of JSON.
    StreamJson,
    /// The answer as text.
    Text,
}

/// A variable of the agent's environment. It may hold a key, so it can't be printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

impl Variable {
    /// Whether an environment can contain it.
    pub fn is_valid(&self) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts = self.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && self.name.chars().all(fits) && !self.value.contains('\0')
    }
}

/// What a supervisor gets on its standard input. It exists only in memory and in pipes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The id of the run.
    pub id: RunId,
    /// What to start.
    pub launch: LaunchRequest,
    /// Variables for the agent.
    pub environment: Vec<Variable>,
    /// The prompt, which the agent reads from its standard input.
    pub prompt: Bytes,
    /// Whether the agent is started again after a crash.
    pub supervise: bool,
    /// Whether to wait for a place if there is none now.
    pub queue: bool,
    /// Start only if the machine has at least this many places left.
    pub at_least_free: Option<u32>,
}

/// What `launcher fleet launch` gets in [`deckwatch_machine::variables::LAUNCH_REQUEST`]. Its standard input is the agent's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedLaunch<'a> {
    /// What to start.
    pub launch: Cow<'a, LaunchRequest>,
    /// The file for the launcher's report.
    pub report: Option<PathBuf>,
}

/// What the launcher reports about a launch before it becomes the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Launched {
    /// It becomes the agent now.
    Starts {
        /// The repository.
        repo: RepoName,
        /// The agent CLI.
        agent: String,
        /// The folder of the repository.
        folder: String,
    },
    /// It does not start.
    Refused(Refusal),
}
