//! Builds and installs the programs with the checkout's own script.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use deckwatch_machine::dirs::Dirs;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc;

use super::branch::Stop;
use super::{Log, Step};
use crate::host::health::{Reading, read_build, version};
use crate::host::program::{command, kill_group};
use crate::installation::{INSTALLER, Installation};

/// A build without a cache takes minutes, on a small machine many.
const LIMIT: Duration = Duration::from_mins(30);
/// How long a program may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// The longest line that is passed on, in bytes. A longer one is split.
const MAX_LINE: u64 = 2_000;
/// How many lines that wait may be stored.
const QUEUE: usize = 100;
/// How many of the last lines explain a failure.
const LAST_LINES: usize = 5;
/// The programs that `scripts/start` installs.
const PROGRAMS: [&str; 3] = ["launcher", "deckwatch-mcp", "deckwatch-server"];

/// The commit that the installed programs were built from. `None` if they do not say it.
pub(super) async fn installed_commit(installed: &Installation) -> Option<String> {
    let line = version(installed.programs.join("deckwatch-mcp"), "--version", VERSION_LIMIT).await;
    let Reading::Value(line) = line else { return None };
    let Reading::Value(build) = read_build(&line) else { return None };
    // Without a commit, every commit would begin with it.
    (build.commit.len() >= 7).then_some(build.commit)
}

/// Builds the commit `to`, which is checked out, and installs it.
pub(super) async fn build(installed: &Installation, to: &str, dirs: &Dirs, log: &mut Log<'_>) -> Result<(), Stop> {
    log.line(Step::Build, format!("building {}", to.get(..12).unwrap_or(to))).await;
    let before = stamps(&installed.programs);
    let failed = |why: String| {
        let kept = if stamps(&installed.programs) == before {
            "the programs that were installed before are unchanged"
        } else {
            "some programs in its folder were replaced; run this command again"
        };
        Stop::fail(Step::Build, format!("{why}; {kept}"))
    };
    let mut script = command(installed.checkout.join(INSTALLER), &["--install-only"]);
    script.current_dir(&installed.checkout);
    // Programs in the build folder are reached by links. Then the script installs where it does by default.
    if !installed.programs.starts_with(&installed.checkout) {
        script.env("DECKWATCH_BIN", &installed.programs);
    }
    let mut child = script.spawn().map_err(|error| failed(format!("{INSTALLER} can't be started: {error}")))?;
    let group = child.id();
    let Ok(ended) = tokio::time::timeout(LIMIT, finished(&mut child, log)).await else {
        kill_group(group);
        return Err(failed(format!("the build took longer than {} minutes and was ended", LIMIT.as_secs() / 60)));
    };
    ended.map_err(&failed)?;
    // The script records where it has installed the programs.
    let installed = Installation::recorded(dirs).unwrap_or_else(|| installed.clone());
    match installed_commit(&installed).await {
        Some(commit) if to.starts_with(&commit) => Ok(()),
        other => {
            let shown = other.map_or("is not known".to_owned(), |commit| format!("is {commit}"));
            let place = installed.programs.display();
            Err(Stop::fail(
                Step::Build,
                format!("{INSTALLER} succeeded, but the commit of the programs in {place} {shown}"),
            ))
        }
    }
}

/// Waits for the end of the script and passes its lines on. The error has its last lines.
async fn finished(child: &mut Child, log: &mut Log<'_>) -> Result<(), String> {
    let (sender, mut lines) = mpsc::channel(QUEUE);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(pass_on(stdout, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(pass_on(stderr, sender.clone()));
    }
    drop(sender);
    let mut last = VecDeque::new();
    while let Some(line) = lines.recv().await {
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line.clone());
        log.line(Step::Build, line).await;
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    Err(format!("the build failed ({status}): {}", Vec::from(last).join(" | ")))
}

async fn pass_on(stream: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut stream = BufReader::new(stream);
    let mut bytes = Vec::new();
    while let Ok(1..) = (&mut stream).take(MAX_LINE).read_until(b'\n', &mut bytes).await {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if !line.is_empty() && lines.send(line).await.is_err() {
            return;
        }
    }
}

/// What changes when an installed program is replaced.
fn stamps(programs: &Path) -> Vec<Option<(u64, u64, i64)>> {
    let stamp = |name: &str| {
        let file = programs.join(name).metadata().ok()?;
        Some((file.dev(), file.ino(), file.mtime()))
    };
    PROGRAMS.into_iter().map(stamp).collect()
}
