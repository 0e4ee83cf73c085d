//! The record of a run.

use deckwatch_machine::agent::RunningProcess;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Agent, RepoName, Timestamp, VentureCode};
use serde::{Deserialize, Serialize};

use super::{LaunchRequest, RunId, Workspace};
use crate::wire::Refusal;

/// What a machine records about a run. It contains no prompt, no key and no other variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The id.
    pub id: RunId,
    /// Whether it has a terminal.
    pub kind: RunKind,
    /// The venture.
    pub venture: VentureCode,
    /// The repository. `None` before the agent has started.
    pub repo: Option<RepoName>,
    /// The agent CLI. `None` if that machine chooses it and has not yet done so.
    pub agent: Option<String>,
    /// The name of the agent, in an answer about a run that runs. It is not stored. `None` if its machine does not know it: in a
    /// sandbox, and if it goes on as an agent of another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Agent>,
    /// The folder that the agent works in. `None` before the agent has started.
    pub folder: Option<String>,
    /// Where the agent works.
    pub workspace: Workspace,
    /// What it does now, or how it ended.
    pub state: RunState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the agent was started last.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The process that the run depends on: the supervisor, or the agent itself if it is interactive.
    pub holder: RunningProcess,
    /// The process of the agent, which is also its process group.
    pub process: Option<RunningProcess>,
    /// The tmux session of an interactive agent.
    pub session: Option<String>,
    /// How often the agent was started again after a crash.
    pub restarts: u32,
    /// The bytes of output that were dropped because the file was full or could not be written.
    pub dropped_bytes: u64,
    /// The bytes of output that are kept.
    #[serde(default)]
    pub output_bytes: u64,
}

/// Whether a run has a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// It has a prompt and an output.
    Headless,
    /// It is in a tmux session.
    Interactive,
}

/// What a run does, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for a place.
    Queued,
    /// Its agent runs, or is about to start.
    Running,
    /// The agent ended by itself.
    Ended {
        /// Its exit code; 128 and the number of the signal if a signal ended it. `None` if it is not known.
        exit_code: Option<i32>,
    },
    /// A person stopped it.
    Stopped {
        /// The exit code of the agent. `None` if it never ran, or if it is not known.
        exit_code: Option<i32>,
    },
    /// The agent could not be started.
    Refused(Refusal),
    /// Its supervisor was killed or the machine was restarted. How the agent ended is not known.
    Interrupted,
}

impl RunState {
    /// Whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// One word for tables and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended { .. } => "ended",
            Self::Stopped { .. } => "stopped",
            Self::Refused(_) => "refused",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit code of the agent, if it ended and its exit code is known.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Ended { exit_code } | Self::Stopped { exit_code } => *exit_code,
            _ => None,
        }
    }
}

impl RunRecord {
    /// The record of a run that has not started.
    pub(super) fn new(id: RunId, kind: RunKind, launch: &LaunchRequest, holder: RunningProcess) -> Self {
        Self {
            id,
            kind,
            venture: launch.venture.clone(),
            repo: None,
            agent: launch.agent.clone(),
            name: None,
            folder: None,
            workspace: launch.workspace.clone(),
            state: RunState::Queued,
            created_at: now(),
            started_at: None,
            ended_at: None,
            holder,
            process: None,
            session: None,
            restarts: 0,
            dropped_bytes: 0,
            output_bytes: 0,
        }
    }

    /// Whether the run has a place on its machine: it is running, and its processes exist.
    pub fn is_live(&self) -> bool {
        !self.state.is_final() && self.holder.is_running()
    }

    /// The record with the state that follows from its processes. A run whose holder has ended without a final state was
    /// interrupted. An interactive agent records no exit code.
    #[must_use]
    pub(super) fn checked(mut self) -> Self {
        if !self.state.is_final() && !self.holder.is_running() {
            self.state = match self.kind {
                RunKind::Headless => RunState::Interrupted,
                RunKind::Interactive => RunState::Ended { exit_code: None },
            };
        }
        self
    }
}
