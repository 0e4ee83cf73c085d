//! Shows what a run writes, across lost connections.
//!
//! Every piece of output has its position in bytes. After a lost connection, the viewer asks for what follows the last
//! piece that it has shown. So it shows everything once.

use std::io;
use std::time::Duration;

use deckwatch_client::clean::clean_line;
use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Event, Failure, Remote};
use deckwatch_fleet::runs::requests::{AttachRun, Piece, RunItem};
use deckwatch_fleet::runs::{RunId, RunRecord, RunState};
use deckwatch_protocol::Host;
use tokio::time::{Instant, sleep, timeout};

use super::ANSWER_TIMEOUT;
use super::positions::{Positions, PositionsFile};
use crate::error::LaunchError;
use crate::fleet;
use crate::output::{say, warn};
use crate::process_env::ProcessEnv;

/// A connection on which nothing arrives for this time is lost. The machine sends something every 3 seconds.
const SILENCE: Duration = Duration::from_secs(10);
/// The pauses between attempts to connect again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long the end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A viewer of one run.
pub(super) struct Viewer<'a> {
    pub(super) id: RunId,
    pub(super) member: Member,
    pub(super) reconnect_for: Duration,
    /// Only wait until the agent runs or waits for a place.
    pub(super) only_start: bool,
    /// Connections that are open already.
    pub(super) remote: Option<Remote>,
    positions: Positions,
    file: PositionsFile,
    env: &'a ProcessEnv,
    last_state: Option<RunState>,
    has_warned_of_dropped: bool,
}

/// Why one connection of a viewer ended.
enum Broken {
    Connection(Failure),
    /// The reader of standard output is gone.
    OutputClosed,
    Output(io::Error),
}

impl<'a> Viewer<'a> {
    /// A viewer that begins at these positions.
    pub(super) fn new(
        id: RunId,
        member: Member,
        positions: Positions,
        reconnect_for: Duration,
        env: &'a ProcessEnv,
    ) -> Self {
        let file = PositionsFile::of(&id, env);
        Self {
            id,
            member,
            reconnect_for,
            only_start: false,
            remote: None,
            positions,
            file,
            env,
            last_state: None,
            has_warned_of_dropped: false,
        }
    }

    /// Shows the run to its end, or until the person leaves with Ctrl-C.
    pub(super) async fn follow(mut self) -> Result<RunRecord, LaunchError> {
        let (id, machine) = (self.id.clone(), self.machine().clone());
        let (ended, why) = tokio::select! {
            ended = self.until_end() => (ended, "the reader of the output is gone"),
            _ = tokio::signal::ctrl_c() => (Err(LaunchError::Detached), "you left"),
        };
        if let Err(LaunchError::Detached) = ended {
            say(&format!(
                "{why}; the agent continues on {machine}. `launcher attach {id}` shows it, `launcher stop {id}` ends it"
            ));
        }
        ended
    }

    fn machine(&self) -> &Host {
        &self.member.hostname
    }

    async fn until_end(&mut self) -> Result<RunRecord, LaunchError> {
        let (mut lost_at, mut pause): (Option<Instant>, _) = (None, FIRST_PAUSE);
        loop {
            let before = self.positions;
            let remote = self.remote.take().map_or_else(|| fleet::remote(self.env), Ok)?;
            let mut had_contact = false;
            let ended = self.one_connection(&remote, &mut had_contact).await;
            let _ = timeout(CLOSE_TIMEOUT, remote.close()).await;
            let failure = match ended {
                Ok(run) => return Ok(run),
                Err(Broken::OutputClosed) => return Err(LaunchError::Detached),
                Err(Broken::Output(error)) => return Err(LaunchError::Output(error)),
                Err(Broken::Connection(failure)) if is_lost(&failure) => failure,
                Err(Broken::Connection(failure)) => {
                    return Err(LaunchError::Remote { machine: self.machine().clone(), failure });
                }
            };
            if had_contact || self.positions != before {
                (lost_at, pause) = (None, FIRST_PAUSE);
            }
            if lost_at.is_none() {
                say(&format!(
                    "the connection to {} was lost: {}; connecting again",
                    self.machine(),
                    clean_line(&failure.to_string())
                ));
            }
            let lost_for = lost_at.get_or_insert_with(Instant::now).elapsed();
            if lost_for + pause > self.reconnect_for {
                return Err(LaunchError::RunLost {
                    id: self.id.clone(),
                    machine: self.machine().clone(),
                    message: format!("it could not be reached for {} s: {failure}", lost_for.as_secs()),
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn one_connection(&mut self, remote: &Remote, had_contact: &mut bool) -> Result<RunRecord, Broken> {
        let Positions { output, messages } = self.positions;
        let request = AttachRun { id: self.id.clone(), output, messages, only_start: self.only_start };
        let opened = remote.open(&self.member, &request, ANSWER_TIMEOUT).await;
        let mut exchange = opened.map_err(Broken::Connection)?;
        loop {
            let next = timeout(SILENCE, exchange.next()).await;
            let next =
                next.unwrap_or_else(|_| Err(Failure::Lost(format!("nothing arrived for {} s", SILENCE.as_secs()))));
            match next.map_err(Broken::Connection)? {
                Event::Done(run) => return Ok(run),
                Event::Item(item) => {
                    *had_contact = true;
                    self.show(item)?;
                }
            }
        }
    }

    fn show(&mut self, item: RunItem) -> Result<(), Broken> {
        match item {
            RunItem::Alive => Ok(()),
            RunItem::State(run) => {
                self.say_state(&run);
                Ok(())
            }
            RunItem::Output(piece) => {
                self.positions.output = write(&piece, self.positions.output, &mut io::stdout().lock())?;
                self.file.save(self.positions);
                Ok(())
            }
            RunItem::Messages(piece) => {
                self.positions.messages = write(&piece, self.positions.messages, &mut io::stderr().lock())?;
                self.file.save(self.positions);
                Ok(())
            }
        }
    }

    fn say_state(&mut self, run: &RunRecord) {
        let machine = self.machine().clone();
        if run.state == RunState::Queued && self.last_state.as_ref() != Some(&RunState::Queued) {
            say(&format!("{machine} runs as many agents as it may; {} waits for a place", run.id));
        }
        let has_waited = self.last_state == Some(RunState::Queued) && run.state != RunState::Queued;
        // A short run may have ended already.
        if has_waited && run.started_at.is_some() {
            say(&format!("{} has a place on {machine}", run.id));
        }
        if run.dropped_bytes > 0 && !self.has_warned_of_dropped {
            self.has_warned_of_dropped = true;
            warn(&format!(
                "{machine} keeps no more output of {}: its file is full after {} bytes, or could not be written; the agent \
                 continues",
                run.id, run.output_bytes
            ));
        }
        self.last_state = Some(run.state.clone());
    }
}

/// Whether another attempt may succeed.
pub(super) fn is_lost(failure: &Failure) -> bool {
    matches!(failure, Failure::Lost(_) | Failure::Unreachable(_) | Failure::TimedOut(_) | Failure::Outdated(_))
}

/// Writes what follows `position`, and returns the new position.
fn write(piece: &Piece, position: u64, out: &mut impl io::Write) -> Result<u64, Broken> {
    let known = usize::try_from(position.saturating_sub(piece.offset)).unwrap_or(usize::MAX);
    let new = piece.data.0.get(known..).unwrap_or_default();
    match out.write_all(new).and_then(|()| out.flush()) {
        Ok(()) => Ok(position.max(piece.offset) + new.len() as u64),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Broken::OutputClosed),
        Err(error) => Err(Broken::Output(error)),
    }
}
