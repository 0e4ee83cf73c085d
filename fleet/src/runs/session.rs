//! Interactive agents, each in a tmux session.
//!
//! tmux keeps the command line of a session, and the variables that `-e` sets, where other programs can read them. So the
//! command of a session has only the path of a socket, and reads from it what to start and the environment. The socket is
//! in a private folder and is gone as soon as the agent starts.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::agent::RunningProcess;
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::VentureCode;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;

use super::launch_request::Launched;
use super::requests::{OpenSession, OpenedSession};
use super::{LaunchRequest, Launcher, Limits, RunKind, RunRecord, RunState, Runs, Variable, admission};
use crate::wire::Refusal;

/// The beginning of the names of all sessions.
pub const SESSION_PREFIX: &str = "deckwatch-";
/// How long tmux may take to start the session's command.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// What the command of a session reads from its socket.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionOffer {
    /// What to start.
    pub launch: LaunchRequest,
    /// Variables for the agent.
    pub environment: Vec<Variable>,
}

/// The name of the session of a venture, or of one of several.
pub fn session_name(venture: &VentureCode, number: Option<u32>) -> String {
    // No code of a venture contains the sign. `dev-session` uses the same names.
    number
        .filter(|number| *number > 1)
        .map_or_else(|| format!("{SESSION_PREFIX}{venture}"), |number| format!("{SESSION_PREFIX}{venture}+{number}"))
}

/// Whether a text has the form of a session's name. Such a name needs no quotes in any shell.
pub fn is_session_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '+');
    text.starts_with(SESSION_PREFIX) && text.chars().all(fits)
}

/// Makes sure that the session exists. Starts the agent in it if it does not.
pub async fn open(request: &OpenSession, limits: Limits, dirs: &Dirs) -> Result<OpenedSession, Refusal> {
    let session = session_name(&request.launch.venture, request.number);
    if has_session(&session).await? {
        return Ok(OpenedSession { session, run: None, warnings: Vec::new() });
    }
    let launcher = Launcher::of_this_process()?;
    let checked = launcher.check(&request.launch, &request.environment).await?;
    let this = RunningProcess::find(std::process::id())
        .ok_or_else(|| Refusal::machine("this machine does not show its processes; make /proc readable"))?;
    let runs = Runs::of(dirs);
    let mut record = RunRecord::new(request.id.clone(), RunKind::Interactive, &request.launch, this);
    record.session = Some(session.clone());
    if let Launched::Starts { repo, agent, folder } = checked {
        (record.repo, record.agent, record.folder) = (Some(repo), Some(agent), Some(folder));
    }
    if !runs.create(&record.id)? {
        return Ok(OpenedSession { session, run: runs.read(&record.id), warnings: Vec::new() });
    }
    let started = async {
        admission::admit(&mut record, false, request.at_least_free, limits, dirs)?;
        runs.delete_old();
        record.holder = start(&session, request, &launcher).await?;
        (record.process, record.started_at) = (Some(record.holder.clone()), Some(now()));
        record.state = RunState::Running;
        Ok(runs.write(&record)?)
    };
    if let Err(refusal) = started.await {
        runs.remove(&record.id);
        return Err(refusal);
    }
    Ok(OpenedSession { session, run: Some(record), warnings: Vec::new() })
}

async fn has_session(session: &str) -> Result<bool, Refusal> {
    let mut command = Command::new("tmux");
    command.args(["has-session", "-t", &format!("={session}")]);
    match command.stdin(Stdio::null()).stdout(Stdio::null()).output().await {
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => absence(String::from_utf8_lossy(&output.stderr).trim()).map(|()| false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Refusal::machine(
            "tmux is not installed on the machine; install it there: apt install tmux, or brew install tmux",
        )),
        Err(error) => Err(Refusal::machine(format!("tmux can't be started: {error}"))),
    }
}

/// A refusal unless tmux only says that there is no server or no such session.
fn absence(message: &str) -> Result<(), Refusal> {
    const ABSENT: [&str; 3] = ["no server running", "(No such file or directory)", "can't find session"];
    if ABSENT.iter().any(|absent| message.contains(absent)) {
        return Ok(());
    }
    Err(Refusal::machine(format!(
        "tmux can't be used on the machine: {message}; if its folder or socket there belongs to another user, remove it as \
         root, or set TMUX_TMPDIR there to a folder of your own"
    )))
}

/// Creates the session, and gives its command what it needs. Returns the process of the agent.
async fn start(session: &str, request: &OpenSession, launcher: &Launcher) -> Result<RunningProcess, Refusal> {
    let failed =
        |error: io::Error| Refusal::machine(format!("the tmux session {session} could not be started: {error}"));
    // The path is short, because the path of a socket is limited to about 100 bytes.
    let folder = tempfile::Builder::new().prefix("dw").tempdir_in("/tmp").map_err(failed)?;
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let mut command = Command::new("tmux");
    command.args(["new-session", "-d", "-s", session]).arg(launcher.program()).args(["fleet", "join"]).arg(&path);
    let output = command.stdin(Stdio::null()).output().await.map_err(failed)?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(io::Error::other(message)));
    }
    let joined = tokio::time::timeout(JOIN_TIMEOUT, give(&listener, request)).await;
    joined.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
}

/// Waits for the command of the session and gives it what to start.
async fn give(listener: &UnixListener, request: &OpenSession) -> io::Result<RunningProcess> {
    let (mut stream, _) = listener.accept().await?;
    let peer = peer_of_this_user(&stream)?;
    let offer = SessionOffer { launch: request.launch.clone(), environment: request.environment.clone() };
    let mut text = serde_json::to_vec(&offer)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    stream.shutdown().await?;
    RunningProcess::find(peer).ok_or_else(|| io::Error::other("its command ended at once"))
}

fn peer_of_this_user(stream: &UnixStream) -> io::Result<u32> {
    let peer = stream.peer_cred()?;
    if peer.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user connected"));
    }
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    pid.ok_or_else(|| io::Error::other("the process of its command is not known"))
}

/// Reads what to start from the socket of a session.
pub fn offered(socket: &Path) -> io::Result<SessionOffer> {
    let stream = std::os::unix::net::UnixStream::connect(PathBuf::from(socket))?;
    stream.set_read_timeout(Some(JOIN_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
