//! Requests to members, and how they fail.

mod exchange;
mod failure;
mod ssh_message;

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::agent::this_host;
use deckwatch_protocol::Host;
use tokio::process::Command;

pub use self::exchange::{Event, Exchange};
pub use self::failure::Failure;
pub use self::ssh_message::classify;
pub(crate) use self::ssh_message::last_line;
use crate::members::Member;
use crate::runs::is_session_name;
use crate::ssh::Ssh;
use crate::wire::Request;

/// How this machine reaches the members of the fleet: itself without SSH, the others with it.
pub struct Remote {
    ssh: Ssh,
    this_host: Host,
    launcher: PathBuf,
}

impl Remote {
    /// Prepares the connections of one run. `launcher` is this machine's own program.
    pub fn new(launcher: PathBuf) -> io::Result<Self> {
        Ok(Self { ssh: Ssh::new()?, this_host: this_host(), launcher })
    }

    /// Whether the member is this machine.
    pub fn is_this_machine(&self, member: &Member) -> bool {
        member.hostname.as_str().eq_ignore_ascii_case(self.this_host.as_str())
    }

    /// Sends a request and waits for its answer, `within` that time in all. Items are dropped.
    pub async fn call<R: Request>(&self, member: &Member, request: &R, within: Duration) -> Result<R::Answer, Failure> {
        let answer = async {
            let mut exchange = self.open(member, request, within).await?;
            loop {
                if let Event::Done(answer) = exchange.next().await? {
                    return Ok(answer);
                }
            }
        };
        tokio::time::timeout(within, answer).await.unwrap_or(Err(Failure::TimedOut(within)))
    }

    /// Sends a request, for items that arrive over time. `within` limits the time until the member answers at all.
    pub async fn open<R: Request>(
        &self,
        member: &Member,
        request: &R,
        within: Duration,
    ) -> Result<Exchange<R>, Failure> {
        let command = if self.is_this_machine(member) { Ok(self.own_far_side()) } else { self.ssh.far_side(member) };
        let command = command.map_err(|error| Failure::NoSsh(error.to_string()))?;
        let opened = Exchange::open(command, request);
        tokio::time::timeout(within, opened).await.unwrap_or(Err(Failure::TimedOut(within)))
    }

    /// The command that shows a tmux session of the member in this terminal. Only the names that
    /// [`crate::runs::session_name`] makes are accepted.
    pub fn terminal(&self, member: &Member, session: &str) -> io::Result<std::process::Command> {
        if !is_session_name(session) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{session} is not the name of a session")));
        }
        if self.is_this_machine(member) {
            let mut command = std::process::Command::new(&self.launcher);
            command.args(["fleet", "enter", session]);
            return Ok(command);
        }
        self.ssh.terminal(member, session).map(Command::into_std)
    }

    /// Ends the connections.
    pub async fn close(self) {
        self.ssh.close().await;
    }

    fn own_far_side(&self) -> Command {
        let mut command = Command::new(&self.launcher);
        command.args(["fleet", "host"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}
