//! Runs programs of this machine with a time limit.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::variables;
use deckwatch_protocol::cut;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// The largest output that is read, in bytes. The output of a program that prints more is closed.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How long the end of the output is waited for after the program has ended. A process that it left behind can keep the
/// output open.
const OUTPUT_GRACE: Duration = Duration::from_millis(300);
/// Variables that other programs don't need: keys, and those with which a git hook points git at another repository.
const WITHHELD: [&str; 8] = [
    variables::API_KEY,
    variables::ADMIN_KEY,
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
];

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is no such program on `PATH`.
    NotFound,
    /// It can't be started.
    NotStarted(String),
    /// It did not end in time, and was killed with the processes that it started.
    TimedOut(Duration),
    /// It ended.
    Exited {
        /// Whether its exit code was 0.
        success: bool,
        stdout: String,
        stderr: String,
    },
}

/// A command with the environment of this process, without keys and in English. It gets no input.
pub(super) fn command(program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C.UTF-8").env("LANGUAGE", "").env("GIT_TERMINAL_PROMPT", "0");
    for name in WITHHELD {
        command.env_remove(name);
    }
    // A group of its own, so that it can be ended with the processes that it starts.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command to its end, but not longer than `limit`.
pub(super) async fn run(mut command: Command, limit: Duration) -> Ended {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ended::NotFound,
        Err(error) => return Ended::NotStarted(error.to_string()),
    };
    let group = Group { id: child.id() };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = tokio::time::timeout(limit, finished(&mut child, &mut stdout, &mut stderr)).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match ended {
        Ok(Ok(success)) => {
            group.release();
            Ended::Exited { success, stdout: text(&stdout), stderr: text(&stderr) }
        }
        Ok(Err(error)) => Ended::NotStarted(error.to_string()),
        Err(_) => Ended::TimedOut(limit),
    }
}

/// A running program and the processes that it started. Dropping it ends them.
struct Group {
    id: Option<u32>,
}

impl Group {
    /// The program has ended. What it left behind may go on.
    fn release(mut self) {
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        kill_group(self.id);
    }
}

/// Ends a program and the processes that it started. `group` is its process id.
pub(super) fn kill_group(group: Option<u32>) {
    if let Some(group) = group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It fails only if they have ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

async fn finished(child: &mut Child, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) -> io::Result<bool> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(read(out, stdout), read(err, stderr)) };
    tokio::pin!(reading);
    let status = tokio::select! {
        _ = &mut reading => child.wait().await?,
        status = child.wait() => {
            // What was read until then is the output.
            let _ = tokio::time::timeout(OUTPUT_GRACE, &mut reading).await;
            status?
        }
    };
    Ok(status.success())
}

async fn read(stream: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    if let Some(stream) = stream {
        // What was read before an error is the output.
        let _ = stream.take(MAX_OUTPUT).read_to_end(into).await;
    }
}

/// The first line with text, without what follows `max` characters.
pub(super) fn first_line(text: &str, max: usize) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(cut::to_chars(line, max).to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(500);

    async fn sh(script: &str) -> (Ended, Duration) {
        let started = Instant::now();
        (run(command("sh", &["-c", script]), LIMIT).await, started.elapsed())
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_what_it_started() {
        for script in ["sleep 61", "trap '' TERM HUP INT; sleep 62 & sleep 62"] {
            let (ended, took) = sh(script).await;
            assert_eq!(ended, Ended::TimedOut(LIMIT), "{script}");
            assert!(took < LIMIT * 6, "{script} took {took:?}");
        }
        let (ended, took) = sh("yes").await;
        assert!(matches!(ended, Ended::Exited { success: false, .. }) && took < LIMIT * 6, "{took:?}");
        let left = std::process::Command::new("pgrep").args(["-f", "^sleep 6[12]$"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    }

    #[tokio::test]
    async fn a_process_that_is_left_behind_does_not_delay_the_output() {
        let (ended, took) = sh("echo one; echo two >&2; sleep 3 & exit 3").await;
        let expected = Ended::Exited { success: false, stdout: "one\n".to_owned(), stderr: "two\n".to_owned() };
        assert_eq!(ended, expected);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }

    #[tokio::test]
    async fn a_missing_program_is_told_from_one_that_fails() {
        assert_eq!(run(command("no-such-program", &[]), LIMIT).await, Ended::NotFound);
        let (ended, _) = sh("exit 1").await;
        assert!(matches!(ended, Ended::Exited { success: false, .. }));
    }

    #[test]
    fn the_first_line_is_cut() {
        assert_eq!(first_line("\n  tmux 3.4 \nmore", 80).as_deref(), Some("tmux 3.4"));
        assert_eq!(first_line(&"x".repeat(300), 80).unwrap().len(), 80);
        assert_eq!(first_line(" \n", 80), None);
    }
}
