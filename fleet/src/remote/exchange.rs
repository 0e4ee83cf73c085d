//! One request and its items.

use std::marker::PhantomData;
use std::process::ExitStatus;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::{Failure, classify, last_line};
use crate::lines::next_line;
use crate::ssh::{CONNECTION_FAILED, NOT_FOUND};
use crate::wire::{Envelope, Frame, Marker, Refusal, Request, VERSION};

/// The exit code of a launcher that does not know the command of the far side.
const USAGE: i32 = 2;
/// The most lines of a login shell that are skipped before the marker.
const MAX_NOISE: usize = 1000;
/// The largest error output that is kept, in bytes.
const MAX_MESSAGE: u64 = 64 * 1024;
/// How long the end of the error output is waited for. The master of a shared connection may keep it open.
const MESSAGE_GRACE: Duration = Duration::from_millis(300);

/// What a member sends.
pub enum Event<R: Request> {
    /// One item.
    Item(R::Item),
    /// The answer, the last event.
    Done(R::Answer),
}

/// A request that is being answered.
pub struct Exchange<R> {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    message: Option<JoinHandle<String>>,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Exchange<R> {
    /// Starts the far side, and sends the request once it has answered with its marker.
    pub(super) async fn open(mut command: Command, request: &R) -> Result<Self, Failure> {
        let mut child = command.spawn().map_err(|error| Failure::NoSsh(error.to_string()))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(Failure::NoSsh("its input and output could not be opened".to_owned()));
        };
        let message = Some(tokio::spawn(message_of(errors)));
        let output = BufReader::new(output);
        let mut exchange = Self { child, input: Some(input), output, message, request: PhantomData };
        exchange.wait_for_marker().await?;
        let body = serde_json::to_value(request).map_err(|error| Failure::Lost(error.to_string()))?;
        exchange.send(&Envelope { version: VERSION, request: R::NAME.to_owned(), body }).await?;
        Ok(exchange)
    }

    /// Sends a further line.
    pub async fn send(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(line).map_err(|error| Failure::Lost(error.to_string()))?;
        text.push(b'\n');
        let Some(input) = &mut self.input else { return Ok(()) };
        match input.write_all(&text).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.lost().await),
        }
    }

    /// Tells the far side that no further lines follow.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// The next item, or the answer.
    pub async fn next(&mut self) -> Result<Event<R>, Failure> {
        let line = next_line(&mut self.output).await;
        let Ok(Some(line)) = line else { return Err(self.lost().await) };
        let malformed = |error: serde_json::Error| Failure::Outdated(format!("its answer is malformed: {error}"));
        match serde_json::from_slice(&line).map_err(malformed)? {
            Frame::Item(value) => read(value).map(Event::Item),
            Frame::Done(value) => read(value).map(Event::Done),
            Frame::Failed(refusal) => Err(Failure::Refused(refusal)),
        }
    }

    /// Skips what a login shell prints.
    async fn wait_for_marker(&mut self) -> Result<(), Failure> {
        for _ in 0..MAX_NOISE {
            let Ok(Some(line)) = next_line(&mut self.output).await else { return Err(self.not_started().await) };
            match serde_json::from_slice(&line) {
                Ok(Marker { deckwatch_fleet: VERSION }) => return Ok(()),
                Ok(Marker { deckwatch_fleet: other }) => {
                    return Err(Failure::Outdated(format!(
                        "it speaks version {other}, this machine version {VERSION}"
                    )));
                }
                Err(_) => {}
            }
        }
        Err(Failure::Outdated(format!("its login shell prints over {MAX_NOISE} lines")))
    }

    /// Why the far side ended before its marker.
    async fn not_started(&mut self) -> Failure {
        let (status, message) = self.ended().await;
        match status.and_then(|status| status.code()) {
            Some(CONNECTION_FAILED) => classify(&message),
            Some(NOT_FOUND) => Failure::LauncherMissing,
            Some(USAGE) => Failure::Outdated(last_line(&message)),
            _ => Failure::Refused(Refusal::machine(format!("its launcher failed: {}", error_line(&message)))),
        }
    }

    /// The connection ended too early.
    async fn lost(&mut self) -> Failure {
        let (_, message) = self.ended().await;
        Failure::Lost(last_line(&message))
    }

    /// Waits for the end of the program, and for what it wrote about it.
    async fn ended(&mut self) -> (Option<ExitStatus>, String) {
        self.input = None;
        let status = self.child.wait().await.ok();
        let Some(message) = self.message.take() else { return (status, String::new()) };
        let message = tokio::time::timeout(MESSAGE_GRACE, message).await;
        (status, message.ok().and_then(Result::ok).unwrap_or_default())
    }
}

async fn message_of(errors: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is the message.
    let _ = errors.take(MAX_MESSAGE).read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The line with the error of the far side's launcher, or else the last line.
fn error_line(message: &str) -> String {
    let error = message.lines().find_map(|line| line.strip_prefix("error: "));
    error.map_or_else(|| last_line(message), str::to_owned)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| Failure::Outdated(format!("its answer is malformed: {error}")))
}
