//! The processes of this machine that work on each session. They show at once that an agent was killed.
//!
//! Each session has a small file with one entry for each MCP server that works on it. An entry names the server process
//! and the agent process, because a server can restart while its agent runs, and one agent can have several servers.
//! A process is identified by its id and its start time, so a file stays correct after its processes have ended.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use deckwatch_protocol::{Agent, Host, SessionId};
use serde::{Deserialize, Serialize};

use super::process::{RunningProcess, namespace};
use super::slot::Slot;
use crate::dirs::Dirs;
use crate::durable;

/// A session's file is deleted if no server has joined for this long.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// The sessions that this machine's agents work on.
#[derive(Debug, Clone)]
pub struct SessionProcesses {
    folder: PathBuf,
}

/// The state of the agent process of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentProcess {
    /// It runs on this machine.
    Running,
    /// It ran on this machine and has ended.
    Ended,
    /// No known process of this machine worked on the session, or the process can't be seen from here.
    Unknown,
}

/// The agent that worked on a session last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// The agent in question.
    ThisAgent,
    /// Another agent with the same name.
    AnotherAgent,
    /// This machine does not know.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    server: RunningProcess,
    agent: RunningProcess,
    /// The process namespace of both ids.
    namespace: Option<String>,
    /// Whether the server has left the session.
    left: bool,
}

impl Entry {
    fn is_comparable(&self) -> bool {
        self.namespace == namespace()
    }

    fn is_of(&self, agent: &RunningProcess) -> bool {
        self.is_comparable() && self.agent == *agent
    }

    /// Whether the server may still work on the session. A server in a container can't be seen, so it counts as running
    /// until the next boot.
    fn may_work(&self) -> bool {
        let runs = || if self.is_comparable() { self.server.is_running() } else { self.server.is_of_this_boot() };
        !self.left && runs()
    }
}

/// The process of this agent: the holder of its slot, or else the parent of this server.
pub fn agent_process(dirs: &Dirs, host: &Host, agent: &Agent) -> u32 {
    let holder = Slot::holding(dirs, host, agent).filter(|held| held.comparable && held.holder.is_running());
    let parent = std::os::unix::process::parent_id();
    // The parent of a detached server is process 1. Such a server uses its own process.
    let parent = if parent > 1 { parent } else { std::process::id() };
    holder.map_or(parent, |held| held.holder.pid)
}

impl SessionProcesses {
    /// The sessions of one machine. Several machines can share a home.
    pub fn of(dirs: &Dirs, host: &Host) -> Self {
        Self { folder: dirs.state.join("sessions").join(host.as_str()) }
    }

    /// Records that this server and its agent, process `agent`, work on the session.
    pub fn join(&self, session: &SessionId, agent: u32) -> io::Result<()> {
        let ended = || io::Error::new(io::ErrorKind::NotFound, format!("process {agent} has ended"));
        let server = RunningProcess::find(std::process::id()).ok_or_else(ended)?;
        let agent = RunningProcess::find(agent).ok_or_else(ended)?;
        Dirs::create(&self.folder)?;
        let _held = self.lock()?;
        let mut entries = self.read(session);
        entries.retain(|entry| entry.server != server && (!entry.is_comparable() || entry.agent.is_running()));
        entries.push(Entry { server, agent, namespace: namespace(), left: false });
        self.write(session, &entries)?;
        self.delete_old();
        Ok(())
    }

    /// Records that this server no longer works on the session. Returns true if it did and no other server does.
    pub fn leave(&self, session: &SessionId) -> io::Result<bool> {
        let Some(server) = RunningProcess::find(std::process::id()) else { return Ok(false) };
        if !self.folder.is_dir() {
            return Ok(false);
        }
        let _held = self.lock()?;
        let mut entries = self.read(session);
        let Some(own) = entries.iter_mut().find(|entry| entry.is_comparable() && entry.server == server) else {
            return Ok(false);
        };
        own.left = true;
        self.write(session, &entries)?;
        Ok(!entries.iter().any(Entry::may_work))
    }

    /// Whether process `agent` or another agent worked on the session last.
    pub fn worker(&self, session: &SessionId, agent: u32) -> Worker {
        let entries = self.read(session);
        let Some(agent) = RunningProcess::find(agent).filter(|_| !entries.is_empty()) else { return Worker::Unknown };
        if entries.iter().any(|entry| entry.is_of(&agent)) { Worker::ThisAgent } else { Worker::AnotherAgent }
    }

    /// Whether the agent of a session still runs on this machine.
    pub fn agent_of(&self, session: &SessionId) -> AgentProcess {
        let entries = self.read(session);
        if entries.iter().any(|entry| entry.is_comparable() && entry.agent.is_running()) {
            AgentProcess::Running
        } else if entries.is_empty() || entries.iter().any(|entry| !entry.is_comparable()) {
            AgentProcess::Unknown
        } else {
            AgentProcess::Ended
        }
    }

    /// Waits for the lock. Dropping the file releases it, and so does a crash.
    fn lock(&self) -> io::Result<File> {
        let file = File::options().create(true).write(true).truncate(false).open(self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    fn file(&self, session: &SessionId) -> PathBuf {
        self.folder.join(format!("{session}.json"))
    }

    /// The entries of a session. Empty if the file is missing or malformed.
    fn read(&self, session: &SessionId) -> Vec<Entry> {
        let text = std::fs::read(self.file(session)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, session: &SessionId, entries: &[Entry]) -> io::Result<()> {
        let path = self.file(session);
        durable::write(&path, &serde_json::to_vec(entries)?)
    }

    /// Deletes old files. A file that can't be deleted now is tried again at the next call.
    fn delete_old(&self) {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        for file in files.filter(|file| file.file_name().to_string_lossy().ends_with(".json")) {
            let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > MAX_AGE) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sessions(home: &std::path::Path) -> SessionProcesses {
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.into())).unwrap();
        SessionProcesses::of(&dirs, &"mac1".parse().unwrap())
    }

    fn session() -> SessionId {
        "sess_01JD0000000000000000000001".parse().unwrap()
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn end(mut process: Child) {
        process.kill().unwrap();
        process.wait().unwrap();
    }

    #[test]
    fn the_state_of_an_agent_is_unknown_then_running_then_ended() {
        let home = tempfile::tempdir().unwrap();
        let (sessions, agent) = (sessions(home.path()), sleeper());
        assert_eq!(sessions.agent_of(&session()), AgentProcess::Unknown);
        sessions.join(&session(), agent.id()).unwrap();
        assert_eq!(sessions.agent_of(&session()), AgentProcess::Running);
        assert_eq!(sessions.worker(&session(), agent.id()), Worker::ThisAgent);
        assert_eq!(sessions.worker(&session(), std::process::id()), Worker::AnotherAgent);
        end(agent);
        assert_eq!(sessions.agent_of(&session()), AgentProcess::Ended);
    }

    #[test]
    fn only_the_last_server_of_a_session_leaves_it() {
        let home = tempfile::tempdir().unwrap();
        let (sessions, agent, other) = (sessions(home.path()), sleeper(), sleeper());
        assert!(!sessions.leave(&session()).unwrap(), "it has joined nothing");
        sessions.join(&session(), agent.id()).unwrap();
        // Another server of the same agent.
        let server = RunningProcess::find(other.id()).unwrap();
        let mut entries = sessions.read(&session());
        let own = entries[0].clone();
        entries.push(Entry { server, ..own });
        sessions.write(&session(), &entries).unwrap();
        assert!(!sessions.leave(&session()).unwrap(), "another server works on it");
        end(other);
        assert!(sessions.leave(&session()).unwrap());
        end(agent);
    }

    #[test]
    fn an_agent_in_a_container_is_unknown() {
        let home = tempfile::tempdir().unwrap();
        let (sessions, agent) = (sessions(home.path()), sleeper());
        sessions.join(&session(), agent.id()).unwrap();
        let mut entries = sessions.read(&session());
        let own = entries[0].clone();
        entries.push(Entry { namespace: Some("pid:[1]".to_owned()), ..own });
        sessions.write(&session(), &entries).unwrap();
        end(agent);
        assert_eq!(sessions.agent_of(&session()), AgentProcess::Unknown);
        let leaves = sessions.leave(&session()).unwrap();
        assert!(!leaves, "the server in the container may still work on it");
    }
}
