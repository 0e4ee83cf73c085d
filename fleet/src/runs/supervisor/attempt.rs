//! One start of the agent: from its process to its end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deckwatch_machine::agent::RunningProcess;
use deckwatch_machine::clock::now;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use super::super::{Assignment, Launcher, RunRecord, Runs};
use super::kept_file::KeptFile;
use super::stop::Stop;
use crate::wire::Refusal;

/// The largest output that is kept, in bytes.
const MAX_OUTPUT: u64 = 64 * 1024 * 1024;
/// The most messages that are kept, in bytes.
const MAX_MESSAGES: u64 = 1024 * 1024;
/// How long an agent may take to end after it was asked to.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long the output is read after the agent has ended. A process that it left behind may keep it open.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);
/// How often a record says how much was dropped.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How much of the agent's output and messages was dropped.
#[derive(Default, Clone)]
pub(super) struct Dropped {
    pub(super) output: Arc<AtomicU64>,
    messages: Arc<AtomicU64>,
}

/// Starts the agent once and waits for its end. Writes the record of the running agent.
pub(super) async fn run(
    launcher: &Launcher,
    assignment: &Assignment,
    record: &mut RunRecord,
    runs: &Runs,
    dropped: &Dropped,
    stop: &mut Stop,
) -> Result<ExitStatus, Refusal> {
    let failed = |error: std::io::Error| Refusal::machine(format!("the agent could not be started: {error}"));
    let output = KeptFile::open(&runs.output(&record.id), MAX_OUTPUT, dropped.output.clone()).map_err(failed)?;
    let mut messages =
        KeptFile::open(&runs.messages(&record.id), MAX_MESSAGES, dropped.messages.clone()).map_err(failed)?;
    if record.restarts > 0 {
        messages.keep(format!("launcher: the agent is started again, attempt {}\n", record.restarts).as_bytes());
    }
    // The report of an earlier start is not about this one.
    let _ = std::fs::remove_file(runs.report(&record.id));
    let mut command = launcher.launch(&assignment.launch, &assignment.environment, Some(runs.report(&record.id)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    record.process = child.id().and_then(RunningProcess::find);
    record.started_at = Some(now());
    runs.write(record)?;
    let streams = [
        child.stdout.take().map(|stream| tokio::spawn(output.keep_all(stream))),
        child.stderr.take().map(|stream| tokio::spawn(messages.keep_all(stream))),
    ];
    let prompt = give_prompt(&mut child, assignment);
    let status = wait(&mut child, record, runs, dropped, stop).await.map_err(failed);
    prompt.abort();
    for stream in streams.into_iter().flatten() {
        let abort = stream.abort_handle();
        if timeout(OUTPUT_GRACE, stream).await.is_err() {
            abort.abort();
        }
    }
    record.dropped_bytes = dropped.output.load(Ordering::Relaxed);
    status
}

/// Writes the prompt in a task of its own: an agent may read it late or never.
fn give_prompt(child: &mut Child, assignment: &Assignment) -> JoinHandle<()> {
    let prompt = assignment.prompt.0.clone();
    let input = child.stdin.take();
    tokio::spawn(async move {
        if let Some(mut input) = input {
            // An agent that does not read its prompt ends the pipe.
            let _ = input.write_all(&prompt).await;
        }
    })
}

async fn wait(
    child: &mut Child,
    record: &mut RunRecord,
    runs: &Runs,
    dropped: &Dropped,
    stop: &mut Stop,
) -> std::io::Result<ExitStatus> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut report = interval(REPORT_INTERVAL);
    let mut kill_at: Option<std::pin::Pin<Box<tokio::time::Sleep>>> = None;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = stop.requested(), if kill_at.is_none() => {
                signal(group, Signal::TERM);
                kill_at = Some(Box::pin(sleep(STOP_GRACE)));
            }
            () = async { if let Some(at) = &mut kill_at { at.await } }, if kill_at.is_some() => {
                signal(group, Signal::KILL);
                kill_at = Some(Box::pin(sleep(STOP_GRACE)));
            }
            _ = report.tick() => {
                let now_dropped = dropped.output.load(Ordering::Relaxed);
                if now_dropped != record.dropped_bytes {
                    record.dropped_bytes = now_dropped;
                    // The record at the end says it again.
                    let _ = runs.write(record);
                }
            }
        }
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The group may have ended in this moment.
        let _ = kill_process_group(group, signal);
    }
}
