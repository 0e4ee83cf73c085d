//! The supervisor of a headless run: `launcher fleet supervise`.
//!
//! It reads its [`Assignment`] from standard input, asks the machine for a place, says on standard output what came of it,
//! and closes both. From then on it depends on no connection and no terminal. The environment and the prompt stay in its
//! memory: it can start the agent again after a crash, and nothing on the disk holds a key.
//!
//! 1. Make the folder of the run. A run that exists is reported as it is: the request was repeated.
//! 2. Ask for a place under the lock of the machine.
//! 3. Report the record, or the refusal.
//! 4. Wait in the queue if there is no place.
//! 5. Start the agent and keep its output, again after a crash if that is wanted.
//! 6. Record how it ended.

mod attempt;
mod kept_file;
mod stop;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use deckwatch_machine::agent::RunningProcess;
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use tokio::time::sleep;

use self::attempt::Dropped;
pub(crate) use self::attempt::STOP_GRACE;
use self::stop::Stop;
use super::{Assignment, Launched, Launcher, Limits, RunKind, RunRecord, RunState, Runs, admission};
use crate::wire::Refusal;

/// How often a run that waits asks whether it is next.
const QUEUE_INTERVAL: Duration = Duration::from_millis(250);
/// How often an agent is started again after a crash.
const MAX_RESTARTS: u32 = 5;
/// The pause before the first restart. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Supervises one run. Returns when it has ended.
pub async fn supervise(dirs: &Dirs, limits: Limits) -> io::Result<()> {
    // A process group leader can't make a session; this process was started without a group of its own.
    rustix::process::setsid()?;
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    let assignment: Assignment = serde_json::from_slice(&text)?;
    drop(text);
    let mut stop = Stop::listen()?;
    let runs = Runs::of(dirs);
    let accepted = accept(&assignment, &runs, limits, dirs);
    let is_new = accepted.as_ref().is_ok_and(|(_, is_new)| *is_new);
    let report = accepted.as_ref().map(|(record, _)| record).map_err(Clone::clone);
    let mut line = serde_json::to_vec(&report)?;
    line.push(b'\n');
    // The connection that asked for the run may be lost already. That changes nothing for the run.
    let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
    leave_connection()?;
    if let (Ok((mut record, _)), true) = (accepted, is_new) {
        runs.delete_old();
        let state = carry_out(&assignment, &mut record, &runs, limits, dirs, &mut stop).await;
        record.state = state.unwrap_or_else(RunState::Refused);
        record.ended_at = Some(now());
        runs.write(&record).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Gives up standard input and output, so that the far side of the connection can end.
fn leave_connection() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Makes the run and asks for its place. The second value is `false` if the run exists already.
fn accept(assignment: &Assignment, runs: &Runs, limits: Limits, dirs: &Dirs) -> Result<(RunRecord, bool), Refusal> {
    let id = &assignment.id;
    if !runs.create(id)? {
        let known = runs.read(id).ok_or_else(|| Refusal::machine(format!("the record of {id} can't be read")))?;
        return Ok((known, false));
    }
    let holder = RunningProcess::find(std::process::id())
        .ok_or_else(|| Refusal::machine("this machine does not show its processes; make /proc readable"));
    let admitted = holder.and_then(|holder| {
        let mut record = RunRecord::new(id.clone(), RunKind::Headless, &assignment.launch, holder);
        admission::admit(&mut record, assignment.queue, assignment.at_least_free, limits, dirs).map(|_| record)
    });
    match admitted {
        Ok(record) => Ok((record, true)),
        Err(refusal) => {
            runs.remove(id);
            Err(refusal)
        }
    }
}

async fn carry_out(
    assignment: &Assignment,
    record: &mut RunRecord,
    runs: &Runs,
    limits: Limits,
    dirs: &Dirs,
    stop: &mut Stop,
) -> Result<RunState, Refusal> {
    let launcher = Launcher::of_this_process()?;
    while record.state == RunState::Queued && !admission::try_next(record, limits, dirs)? {
        tokio::select! {
            () = sleep(QUEUE_INTERVAL) => {}
            () = stop.requested() => return Ok(RunState::Stopped { exit_code: None }),
        }
    }
    let dropped = Dropped::default();
    loop {
        let status = attempt::run(&launcher, assignment, record, runs, &dropped, stop).await?;
        let exit_code = exit_code(status);
        if stop.is_requested() {
            return Ok(RunState::Stopped { exit_code });
        }
        if let Some(Launched::Refused(refusal)) = runs.launched(&record.id) {
            return Ok(RunState::Refused(refusal));
        }
        if status.success() || !assignment.supervise || record.restarts == MAX_RESTARTS {
            return Ok(RunState::Ended { exit_code });
        }
        tokio::select! {
            () = sleep(FIRST_PAUSE * 2_u32.pow(record.restarts)) => record.restarts += 1,
            () = stop.requested() => return Ok(RunState::Stopped { exit_code }),
        }
    }
}

/// The exit code as a shell shows it.
fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}
