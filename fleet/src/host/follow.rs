//! Reads what a run writes, from a position on, until the run ends.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Connection;
use crate::runs::requests::{AttachRun, Piece, RunItem};
use crate::runs::{Bytes, RunRecord, RunState, Runs};
use crate::wire::{Refusal, RefusalKind};

/// How much is sent at once, in bytes.
const PIECE: usize = 48 * 1024;
/// How often files are looked at: after something new, and after nothing new for a while.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// After this time without anything new, the viewer hears that the connection works.
const ALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// Sends a run's output and messages. Returns its last record.
pub(super) async fn follow(
    request: &AttachRun,
    runs: &Runs,
    connection: &mut Connection,
) -> Result<RunRecord, Refusal> {
    let id = &request.id;
    let find = || {
        let missing =
            || format!("this machine has no run {id}; `launcher ps` shows the runs, and old ones are deleted");
        runs.read(id).ok_or_else(|| Refusal::new(RefusalKind::NoSuchRun, missing()))
    };
    let mut output = Tail { position: request.output, file: None };
    let mut messages = Tail { position: request.messages, file: None };
    let (mut shown, mut sent_at, mut pause) = (None, Instant::now(), SHORTEST_PAUSE);
    loop {
        // The record is read before the files: if it is final, the files have everything.
        let record = find()?;
        let is_news = shown.as_ref().is_none_or(|shown| differs(shown, &record));
        if is_news {
            connection.item(&RunItem::State(Box::new(record.clone()))).await?;
            shown = Some(record.clone());
        }
        let mut sent = is_news;
        if !request.only_start {
            sent |= messages.send(&runs.messages(id), RunItem::Messages, connection).await?;
            sent |= output.send(&runs.output(id), RunItem::Output, connection).await?;
        }
        let is_started = runs.launched(id).is_some();
        if record.state.is_final() || request.only_start && (is_started || record.state == RunState::Queued) {
            return Ok(record);
        }
        if sent {
            (sent_at, pause) = (Instant::now(), SHORTEST_PAUSE);
        } else if sent_at.elapsed() >= ALIVE_INTERVAL {
            connection.item(&RunItem::Alive).await?;
            sent_at = Instant::now();
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether a viewer should hear about the new record.
fn differs(shown: &RunRecord, record: &RunRecord) -> bool {
    shown.state != record.state
        || shown.restarts != record.restarts
        || (shown.dropped_bytes == 0) != (record.dropped_bytes == 0)
        || shown.repo != record.repo
}

/// The part of a file that was not sent yet.
struct Tail {
    position: u64,
    file: Option<File>,
}

impl Tail {
    /// Sends everything that is new. Returns whether there was something.
    async fn send(
        &mut self,
        path: &Path,
        item: fn(Piece) -> RunItem,
        connection: &mut Connection,
    ) -> Result<bool, Refusal> {
        let mut sent = false;
        loop {
            let data = self
                .read(path)
                .map_err(|error| Refusal::machine(format!("{} can't be read: {error}", path.display())))?;
            if data.is_empty() {
                return Ok(sent);
            }
            let length = data.len() as u64;
            connection.item(&item(Piece { offset: self.position, data: Bytes(data) })).await?;
            self.position += length;
            sent = true;
        }
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if self.file.is_none() {
            match File::open(path) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(self.position))?;
                    self.file = Some(file);
                }
                // The agent has not started yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut data = Vec::new();
        file.take(PIECE as u64).read_to_end(&mut data)?;
        Ok(data)
    }
}
