//! OpenSSH as a program: the command that runs the far side on a member.
//!
//! The user's own configuration applies, with a few exceptions. All requests of one run to one member share a
//! connection: the first `ssh` becomes its master, in a folder that only this user can enter.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::durable;
use deckwatch_protocol::{Host, cut};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::members::Member;

/// What differs from the user's configuration. No password is asked for, nothing is forwarded, a dead link is noticed
/// within 15 seconds, and only known host keys are accepted.
const OPTIONS: [&str; 13] = [
    "BatchMode=yes",
    "ConnectTimeout=5",
    "ConnectionAttempts=1",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "LogLevel=ERROR",
];
/// All requests of a run share a connection.
const SHARED: [&str; 2] = ["ControlMaster=auto", "ControlPersist=30"];
/// A login on trial shares no connection: it shows whether a new one can be made.
const UNSHARED: [&str; 3] = ["ControlMaster=no", "ControlPath=none", "IdentitiesOnly=yes"];

/// The line that runs a program of Deckwatch. SSH gives it to the login shell, which often has a short `PATH`.
fn far_side(program: &str) -> String {
    format!(
        "exec sh -c 'PATH=\"$HOME/.local/bin:$HOME/.cargo/bin:/opt/homebrew/bin:/usr/local/bin:$PATH\"; export PATH; \
         exec {program}'"
    )
}

/// How long a master may take to say that it ends. One that hangs must not keep the command from ending.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
/// The exit code of `ssh` when the connection failed.
pub const CONNECTION_FAILED: i32 = 255;
/// The exit code of a shell that does not find the program.
pub const NOT_FOUND: i32 = 127;

/// The command that logs in to `hostname` as the user's configuration says, with this key only, and does nothing there.
pub fn login_trial(hostname: &Host, key: &Path) -> Command {
    let mut command = Command::new("ssh");
    command.args(OPTIONS.iter().chain(&UNSHARED).flat_map(|option| ["-o", option]));
    command.arg("-i").arg(key).args(["-T", "--", hostname.as_str(), "exit"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The SSH connections of one run.
pub struct Ssh {
    program: PathBuf,
    /// Holds the sockets of the connections and the host keys. The path is short, because a socket's path is limited to
    /// about 100 bytes.
    folder: TempDir,
    /// The hostnames that a command was made for.
    used: Mutex<BTreeSet<String>>,
}

impl Ssh {
    /// Prepares connections with the `ssh` on `PATH`.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("dw").rand_bytes(6).tempdir_in("/tmp")?;
        Ok(Self { program: PathBuf::from("ssh"), folder, used: Mutex::default() })
    }

    /// The command that runs the far side on `member`.
    pub fn far_side(&self, member: &Member) -> io::Result<Command> {
        let mut command = self.command(member, "-T")?;
        command.arg(far_side("launcher fleet host"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// The command that shows a tmux session of `member` in this terminal. The caller has checked the name of the session:
    /// it is the only value that is part of a command line.
    pub(crate) fn terminal(&self, member: &Member, session: &str) -> io::Result<Command> {
        let mut command = self.command(member, "-t")?;
        command.arg(far_side(&format!("launcher fleet enter {session}")));
        Ok(command)
    }

    /// `ssh` with all options and the name of the member. `terminal` is `-t` or `-T`.
    fn command(&self, member: &Member, terminal: &str) -> io::Result<Command> {
        let hostname = member.hostname.as_str();
        let mut command = Command::new(&self.program);
        command.args(OPTIONS.iter().chain(&SHARED).flat_map(|option| ["-o", option]));
        command.arg("-o").arg(format!("ControlPath={}", self.socket(hostname).display()));
        command.arg("-o").arg(format!("HostName={}", member.tailscale_ip));
        if let Some(key) = &member.host_key {
            let file = self.folder.path().join(format!("{}.known", self.short_name(hostname)));
            durable::write(&file, format!("{hostname} {}\n", key.as_str()).as_bytes())?;
            command.arg("-o").arg(format!("UserKnownHostsFile={}", file.display()));
            command.args(["-o", "GlobalKnownHostsFile=none", "-o"]).arg(format!("HostKeyAlias={hostname}"));
        }
        // The name is the last argument before the command, so that blocks for it in the user's configuration apply.
        command.args([terminal, "-l", member.user.as_str(), "--", hostname]);
        Ok(command)
    }

    /// Ends the shared connections.
    pub async fn close(self) {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for hostname in used {
            let socket = self.socket(&hostname);
            if socket.exists() {
                // A master that does not end now ends by itself after half a minute without use.
                let mut exit = Command::new(&self.program);
                exit.args(["-O", "exit", "-o"])
                    .arg(format!("ControlPath={}", socket.display()))
                    .args(["--", &hostname]);
                exit.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
                let _ = timeout(EXIT_TIMEOUT, exit.status()).await;
            }
        }
    }

    fn socket(&self, hostname: &str) -> PathBuf {
        self.folder.path().join(self.short_name(hostname))
    }

    /// A short name for the files of a member.
    fn short_name(&self, hostname: &str) -> String {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(hostname.to_owned());
        cut::to_chars(&sha256_hex(hostname.as_bytes()), 12).to_owned()
    }

    /// The private folder of this run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
