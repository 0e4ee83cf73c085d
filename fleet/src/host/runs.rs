//! The requests about runs.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use deckwatch_machine::agent::{Slot, this_host};
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::sleep;

use super::follow::follow;
use super::{Answers, Connection};
use crate::runs::requests::{
    AskPlace, AttachRun, ListRuns, OpenSession, OpenedSession, Place, StartRun, Started, StopRun, conversation_time,
};
use crate::runs::{
    Assignment, Launched, Launcher, RunKind, RunRecord, RunState, Runs, Variable, admission, linger_warning,
    open_session, supervisor,
};
use crate::wire::{Refusal, RefusalKind};

/// The agent CLIs whose conversations are searched if none is named.
const CLIENTS: [&str; 3] = ["claude", "gemini", "codex"];
/// How often a run that is stopped is looked at.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
/// What the end of a run may take beyond the agent's grace.
const STOP_MARGIN: Duration = Duration::from_secs(5);

fn dirs() -> Result<Dirs, Refusal> {
    Dirs::from_env().map_err(|error| Refusal::machine(error.to_string()))
}

/// Refuses variables that no environment can contain.
fn check(environment: &[Variable]) -> Result<(), Refusal> {
    match environment.iter().find(|variable| !variable.is_valid()) {
        Some(variable) => {
            let message = format!("the variable {:?} has an invalid name or a NUL in its value", variable.name);
            Err(Refusal::new(RefusalKind::BadRequest, message))
        }
        None => Ok(()),
    }
}

impl Answers for StartRun {
    async fn answer(self, _: &mut Connection) -> Result<Started, Refusal> {
        check(&self.0.environment)?;
        let (run, warning) = tokio::join!(start(&self.0), linger_warning());
        Ok(Started { run: run?, warnings: warning.into_iter().collect() })
    }
}

/// Starts the supervisor, which outlives this process, and waits for its report.
async fn start(assignment: &Assignment) -> Result<RunRecord, Refusal> {
    let failed = |error: std::io::Error| Refusal::machine(format!("the supervisor could not be started: {error}"));
    let mut command = Launcher::of_this_process()?.supervisor();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let text = serde_json::to_vec(assignment).map_err(|error| Refusal::machine(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&text).await.map_err(failed)?;
    }
    let mut report = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut report).await.map_err(failed)?;
    }
    let report: Result<Result<RunRecord, Refusal>, _> = serde_json::from_str(&report);
    report.map_err(|_| Refusal::machine("the supervisor ended before it started the agent"))?
}

impl Answers for AttachRun {
    async fn answer(self, connection: &mut Connection) -> Result<RunRecord, Refusal> {
        follow(&self, &Runs::of(&dirs()?), connection).await
    }
}

impl Answers for ListRuns {
    async fn answer(self, _: &mut Connection) -> Result<Vec<RunRecord>, Refusal> {
        let dirs = dirs()?;
        let (mut runs, held) = (Runs::of(&dirs).all(), Slot::held(&dirs, &this_host()));
        for run in runs.iter_mut().filter(|run| !run.state.is_final()) {
            let process = run.process.as_ref().map(|process| process.pid);
            run.name = held.iter().find(|slot| Some(slot.pid) == process).map(|slot| slot.agent.clone());
        }
        Ok(runs)
    }
}

impl Answers for StopRun {
    async fn answer(self, _: &mut Connection) -> Result<RunRecord, Refusal> {
        let runs = Runs::of(&dirs()?);
        let missing = || Refusal::new(RefusalKind::NoSuchRun, format!("this machine has no run {}", self.id));
        let find = || runs.read(&self.id).ok_or_else(missing);
        let run = find()?;
        if run.state.is_final() {
            end_left_over(&run);
            return find();
        }
        ask_to_end(&run);
        let started = Instant::now();
        let (mut killed, patience) = (false, supervisor::STOP_GRACE + STOP_MARGIN);
        loop {
            let mut run = find()?;
            if run.state.is_final() {
                if run.kind == RunKind::Interactive {
                    // No supervisor records the end of an interactive agent.
                    (run.state, run.ended_at) = (RunState::Stopped { exit_code: None }, Some(now()));
                    runs.write(&run)?;
                }
                return Ok(run);
            }
            let is_late = started.elapsed() > supervisor::STOP_GRACE;
            if run.kind == RunKind::Interactive && is_late && !killed {
                signal_group(run.holder.pid, Signal::KILL);
                killed = true;
            }
            if started.elapsed() > patience {
                return Err(Refusal::machine(format!(
                    "{} did not end within {} s; look at process {} on the machine",
                    run.id,
                    patience.as_secs(),
                    run.holder.pid
                )));
            }
            sleep(STOP_INTERVAL).await;
        }
    }
}

/// The supervisor of a headless run ends its agent. An interactive agent is asked itself.
fn ask_to_end(run: &RunRecord) {
    match run.kind {
        RunKind::Headless => {
            if let Some(pid) = pid(run.holder.pid) {
                // A process that has ended in this moment needs no signal.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        RunKind::Interactive => signal_group(run.holder.pid, Signal::TERM),
    }
}

/// Ends an agent whose supervisor was killed.
fn end_left_over(run: &RunRecord) {
    if let Some(process) = run.process.as_ref().filter(|process| process.is_running()) {
        signal_group(process.pid, Signal::KILL);
    }
}

fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = pid(group) {
        let _ = kill_process_group(group, signal);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

impl Answers for AskPlace {
    async fn answer(self, connection: &mut Connection) -> Result<Place, Refusal> {
        let (dirs, venture) = (dirs()?, &self.launch.venture);
        let (mut folder, mut refusal) = (None, None);
        if let Some(environment) = &self.check {
            check(environment)?;
            match Launcher::of_this_process()?.check(&self.launch, environment).await {
                Ok(Launched::Starts { folder: found, .. }) => folder = Some(PathBuf::from(found)),
                Ok(Launched::Refused(refused)) | Err(refused) => refusal = Some(refused),
            }
        }
        let named = self.launch.agent.as_deref().map_or(CLIENTS.to_vec(), |agent| vec![agent]);
        let clients: Vec<_> = named.iter().filter_map(|client| client.parse().ok()).collect();
        let conversation = self
            .resumes
            .as_ref()
            .and_then(|resumes| conversation_time(resumes, venture, folder.as_deref(), &clients, &this_host(), &dirs));
        Ok(Place { room: admission::room(venture, connection.limits()?, &dirs), load: load(), refusal, conversation })
    }
}

/// The load average of the last minute, for each core.
fn load() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    sysinfo::System::load_average().one / f64::from(u32::try_from(cores).unwrap_or(u32::MAX))
}

impl Answers for OpenSession {
    async fn answer(self, connection: &mut Connection) -> Result<OpenedSession, Refusal> {
        check(&self.environment)?;
        let dirs = dirs()?;
        let limits = connection.limits()?;
        let (opened, warning) = tokio::join!(open_session(&self, limits, &dirs), linger_warning());
        let mut opened = opened?;
        opened.warnings.extend(warning);
        Ok(opened)
    }
}
