//! What a machine can be asked about runs.

use std::path::{Path, PathBuf};

use deckwatch_machine::agent::{Conversations, SessionFiles};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Client, ClientSessionId, Host, Timestamp, VentureCode};
use serde::{Deserialize, Serialize};

use super::admission::Room;
use super::{Assignment, Bytes, LaunchRequest, RunId, RunRecord, Variable};
use crate::wire::{Refusal, Request};

/// Starts a headless agent. The answer comes when it has a place or waits for one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartRun(pub Assignment);

/// A run that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Started {
    /// The record.
    pub run: RunRecord,
    /// What a person should know about the machine.
    pub warnings: Vec<String>,
}

impl Request for StartRun {
    const NAME: &'static str = "start_run";
    type Item = ();
    type Answer = Started;
}

/// Sends what a run wrote, from these positions, until the run ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachRun {
    /// The run.
    pub id: RunId,
    /// The position in its output, in bytes.
    pub output: u64,
    /// The position in its messages, in bytes.
    pub messages: u64,
    /// Answer as soon as the agent runs or has failed to start.
    pub only_start: bool,
}

/// What a viewer of a run gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunItem {
    /// The state has changed, or the viewer has just come.
    State(Box<RunRecord>),
    /// Output of the agent.
    Output(Piece),
    /// Messages of the agent and the launcher.
    Messages(Piece),
    /// Nothing new. It is sent every few seconds, so that both sides notice a lost connection.
    Alive,
}

/// Bytes with their position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The position of the first byte.
    pub offset: u64,
    /// The bytes.
    pub data: Bytes,
}

impl Request for AttachRun {
    const NAME: &'static str = "attach_run";
    type Item = RunItem;
    type Answer = RunRecord;
}

/// Asks for all runs of the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRuns {}

impl Request for ListRuns {
    const NAME: &'static str = "list_runs";
    type Item = ();
    type Answer = Vec<RunRecord>;
}

/// Ends a run: its agent is asked to end, and killed after a grace.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRun {
    /// The run.
    pub id: RunId,
}

impl Request for StopRun {
    const NAME: &'static str = "stop_run";
    type Item = ();
    type Answer = RunRecord;
}

/// Asks whether an agent could start, and how much room there is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskPlace {
    /// What would be started.
    pub launch: LaunchRequest,
    /// The earlier conversation that would be continued.
    pub resumes: Option<Resumes>,
    /// Variables for the check of the launch. `None`: the launch was checked a moment ago.
    pub check: Option<Vec<Variable>>,
}

/// An earlier conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resumes {
    /// The one with this id.
    Id(ClientSessionId),
    /// The last one of the venture.
    Latest,
}

/// What a machine offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// How many agents run and may run.
    pub room: Room,
    /// The load average of the last minute, for each processor core.
    pub load: f64,
    /// Why the agent could not start. `None` if it could.
    pub refusal: Option<Refusal>,
    /// When the conversation was last known to be at work, if this machine has it.
    pub conversation: Option<Timestamp>,
}

impl Request for AskPlace {
    const NAME: &'static str = "ask_place";
    type Item = ();
    type Answer = Place;
}

/// Makes sure that a tmux session with an agent on the venture exists.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The id of the run, if the agent is started.
    pub id: RunId,
    /// What to start.
    pub launch: LaunchRequest,
    /// The number of the session, if the venture has several.
    pub number: Option<u32>,
    /// Variables for the agent.
    pub environment: Vec<Variable>,
    /// Start only if the machine has at least this many places left.
    pub at_least_free: Option<u32>,
}

/// A tmux session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenedSession {
    /// Its name.
    pub session: String,
    /// The run, if the agent was started now.
    pub run: Option<RunRecord>,
    /// What a person should know about the machine.
    pub warnings: Vec<String>,
}

impl Request for OpenSession {
    const NAME: &'static str = "open_session";
    type Item = ();
    type Answer = OpenedSession;
}

/// When the conversation was last known to be at work, if it is on this machine. `folder` is the repository of the venture.
pub(crate) fn conversation_time(
    resumes: &Resumes,
    venture: &VentureCode,
    folder: Option<&Path>,
    clients: &[Client],
    host: &Host,
    dirs: &Dirs,
) -> Option<Timestamp> {
    let newest = clients.iter().flat_map(|client| {
        let known = Conversations::of(dirs, host, client);
        // The files of the agent CLI itself also have conversations that no launch knew.
        let files = SessionFiles::of(client, dirs, |name| std::env::var_os(name).map(PathBuf::from));
        match resumes {
            Resumes::Id(id) => [known.written_at(id), files.and_then(|files| files.written_at(id))],
            Resumes::Latest => {
                let in_files = files.zip(folder).and_then(|(files, folder)| files.newest_in(folder));
                [known.newest_of(venture).map(|(_, written)| written), in_files.map(|(_, written)| written)]
            }
        }
    });
    let since = newest.flatten().max()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?))
}
