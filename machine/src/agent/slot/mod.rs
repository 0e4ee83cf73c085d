//! Slots: numbers that distinguish the agents on one machine.
//!
//! A slot is a small file that names the process that holds it. It needs no clean-up, because a slot is free when its
//! process has ended. One lock per machine protects all reads and writes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deckwatch_protocol::{Agent, Client, Host, Invalid, VentureCode, cut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::process::{RunningProcess, namespace};
use crate::dirs::Dirs;
use crate::durable;

/// The slot of one running agent: its number and the name that the number gives the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// `<host>-<client>-<number>`. The host is shortened if the name would be too long.
    pub agent: Agent,
    /// The machine.
    pub host: Host,
    /// The number, from 1.
    pub number: u32,
}

/// The slot that an agent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotRequest {
    /// Any slot.
    Any,
    /// The slot of its conversation, unless another agent holds it now.
    Exactly(u32),
    /// Any slot except this one, which belongs to the conversation that this one was forked from.
    Except(u32),
}

/// Why an agent got no slot.
#[derive(Debug, Error)]
pub enum SlotError {
    /// The process that should hold the slot has ended.
    #[error("process {0} has ended, so it can't hold a slot; start the agent again")]
    NoSuchProcess(u32),
    /// The operating system gives no information about this process.
    #[error(
        "cannot read the start time of this process, so the agent gets no name; make /proc readable (in a container: \
         mount it) and start the agent again"
    )]
    NoProcesses,
    /// The folder of slots can't be used.
    #[error("cannot use {}: {source}; {}", .path.display(), crate::disk::advice(.source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Host, client and number do not make a valid agent name.
    #[error("the agent's name {0}")]
    Name(Invalid),
}

/// The content of a slot's file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    venture: VentureCode,
    holder: RunningProcess,
    /// The process namespace of the holder. Records of older builds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// When the file was written.
    #[serde(skip)]
    written: Option<SystemTime>,
}

/// How long an invisible holder, for example in a container, keeps its slot. Its end can't be seen.
const MAX_HOLD_UNSEEN: Duration = Duration::from_hours(24);

impl Record {
    /// Whether process ids here mean the same processes as for the holder.
    fn is_comparable(&self) -> bool {
        self.namespace.is_none() || self.namespace == namespace()
    }

    /// Whether the slot is taken.
    fn is_held(&self) -> bool {
        if self.is_comparable() {
            return self.holder.is_running();
        }
        let age = self.written.and_then(|written| written.elapsed().ok()).unwrap_or_default();
        self.holder.is_of_this_boot() && age < MAX_HOLD_UNSEEN
    }
}

/// A slot that a running agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSlot {
    /// The name that the slot gives the agent. One that goes on as an agent of another machine has another name.
    pub agent: Agent,
    /// The venture that the agent works on.
    pub venture: VentureCode,
    /// The process id of the agent, in its own process namespace.
    pub pid: u32,
}

/// The current or last holder of an agent's name.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) holder: RunningProcess,
    /// Whether process ids here mean the same processes as for the holder.
    pub(super) comparable: bool,
}

impl Slot {
    /// Gives process `pid` a slot for as long as it runs, even if it becomes another program by `exec`.
    ///
    /// A process that holds a slot keeps it. Otherwise it gets the wanted slot, if that is free; or else the lowest free
    /// slot that last served the same venture, so that a relaunched agent gets its name back; or else the lowest free
    /// slot.
    pub fn claim(
        dirs: &Dirs,
        host: &Host,
        client: &Client,
        venture: &VentureCode,
        pid: u32,
        wanted: SlotRequest,
    ) -> Result<Self, SlotError> {
        processes_are_readable(RunningProcess::find(std::process::id()).as_ref())?;
        let holder = RunningProcess::find(pid).ok_or(SlotError::NoSuchProcess(pid))?;
        let folder = Folder::of(dirs, host);
        Dirs::create(&folder.path).map_err(|source| folder.error(source))?;
        let _held = folder.lock()?;
        super::save_host(dirs, host).map_err(|source| folder.error(source))?;
        let slots = folder.read(client)?;
        let number = slots
            .iter()
            .find(|(_, record)| record.as_ref().is_some_and(|record| record.holder == holder))
            .map_or_else(|| choose(&slots, venture, wanted), |(number, _)| *number);
        folder.write(
            client,
            number,
            &Record { venture: venture.clone(), holder, namespace: namespace(), written: None },
        )?;
        Self::named(host, client, number)
    }

    /// The slot that [`Slot::claim`] would give a new process now. It reserves nothing.
    pub fn next(
        dirs: &Dirs,
        host: &Host,
        client: &Client,
        venture: &VentureCode,
        wanted: SlotRequest,
    ) -> Result<Self, SlotError> {
        processes_are_readable(RunningProcess::find(std::process::id()).as_ref())?;
        let slots = Folder::of(dirs, host).read(client)?;
        Self::named(host, client, choose(&slots, venture, wanted))
    }

    /// The slots of all clients that running agents hold now. A file that can't be read counts as free.
    pub fn held(dirs: &Dirs, host: &Host) -> Vec<HeldSlot> {
        let files = std::fs::read_dir(Folder::of(dirs, host).path).into_iter().flatten().filter_map(Result::ok);
        let records = files.filter_map(|file| {
            let written = file.metadata().ok()?.modified().ok();
            let record: Record = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
            let name = file.file_name().into_string().ok()?;
            let (client, number) = name.strip_suffix(".json")?.rsplit_once('-')?;
            let slot = Self::named(host, &client.parse().ok()?, number.parse().ok()?).ok()?;
            Some((slot.agent, Record { written, ..record }))
        });
        let held = records.filter(|(_, record)| record.is_held());
        held.map(|(agent, record)| HeldSlot { agent, pid: record.holder.pid, venture: record.venture }).collect()
    }

    /// The holder of the slot with this agent name. `None` if no slot of this machine has the name.
    pub(super) fn holding(dirs: &Dirs, host: &Host, agent: &Agent) -> Option<Holding> {
        let (rest, number) = agent.as_str().rsplit_once('-')?;
        let (number, client) = (number.parse().ok()?, rest.rsplit_once('-')?.1.parse().ok()?);
        if !Self::is_name_of(host, &client, number, agent) {
            return None;
        }
        let text = std::fs::read(Folder::of(dirs, host).file(&client, number)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let comparable = record.is_comparable();
        Some(Holding { holder: record.holder, comparable })
    }

    /// Whether this slot of this machine has this agent name.
    pub fn is_name_of(host: &Host, client: &Client, number: u32, agent: &Agent) -> bool {
        Self::named(host, client, number).is_ok_and(|slot| slot.agent == *agent)
    }

    fn named(host: &Host, client: &Client, number: u32) -> Result<Self, SlotError> {
        let rest = format!("-{client}-{number}");
        let available = Agent::MAX_CHARS.saturating_sub(rest.len());
        let agent = format!("{}{rest}", cut::to_chars(host.as_str(), available)).parse().map_err(SlotError::Name)?;
        Ok(Self { agent, host: host.clone(), number })
    }
}

/// Fails if this process, which runs, can't be found: then the system does not show processes.
fn processes_are_readable(this: Option<&RunningProcess>) -> Result<(), SlotError> {
    this.map(|_| ()).ok_or(SlotError::NoProcesses)
}

type Slots = Vec<(u32, Option<Record>)>;

fn choose(slots: &Slots, venture: &VentureCode, wanted: SlotRequest) -> u32 {
    let is_free = |record: &Option<Record>| !record.as_ref().is_some_and(Record::is_held);
    let taken = |number: u32| slots.iter().any(|(other, record)| *other == number && !is_free(record));
    if let SlotRequest::Exactly(number) = wanted
        && !taken(number)
    {
        return number;
    }
    let may_be = |number: u32| wanted != SlotRequest::Except(number);
    let served = |record: &Option<Record>| record.as_ref().is_some_and(|record| record.venture == *venture);
    let same_venture = slots.iter().find(|(number, record)| may_be(*number) && served(record) && is_free(record));
    if let Some((number, _)) = same_venture {
        return *number;
    }
    (1..=u32::MAX).find(|number| may_be(*number) && !taken(*number)).unwrap_or(u32::MAX)
}

/// The slots of one machine. Several machines can share a home.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn of(dirs: &Dirs, host: &Host) -> Self {
        Self { path: dirs.state.join("slots").join(host.as_str()) }
    }

    /// Waits for the lock. Dropping the file releases it, and so does a crash.
    fn lock(&self) -> Result<File, SlotError> {
        let file = File::options().create(true).write(true).truncate(false).open(self.path.join("lock"));
        let file = file.map_err(|source| self.error(source))?;
        file.lock().map_err(|source| self.error(source))?;
        Ok(file)
    }

    /// All slots of this client, sorted by number. A slot with a malformed file is free.
    fn read(&self, client: &Client) -> Result<Slots, SlotError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error(error)),
        };
        let mut slots = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| self.error(source))?;
            if let Some(number) = number_in(&entry.file_name().to_string_lossy(), client) {
                let text = std::fs::read(entry.path()).map_err(|source| io_error(&entry.path(), source))?;
                let written = entry.metadata().and_then(|meta| meta.modified()).ok();
                let record = serde_json::from_slice(&text).ok().map(|record| Record { written, ..record });
                slots.push((number, record));
            }
        }
        slots.sort_by_key(|(number, _)| *number);
        Ok(slots)
    }

    fn file(&self, client: &Client, number: u32) -> PathBuf {
        self.path.join(format!("{client}-{number}.json"))
    }

    /// Writes a record atomically, so that a reader never sees a part of it.
    fn write(&self, client: &Client, number: u32, record: &Record) -> Result<(), SlotError> {
        let path = self.file(client, number);
        let save = || durable::write(&path, &serde_json::to_vec(record)?);
        save().map_err(|source| io_error(&path, source))
    }

    fn error(&self, source: io::Error) -> SlotError {
        io_error(&self.path, source)
    }
}

fn io_error(path: &Path, source: io::Error) -> SlotError {
    SlotError::Io { path: path.to_owned(), source }
}

fn number_in(file_name: &str, client: &Client) -> Option<u32> {
    let number = file_name.strip_prefix(client.as_str())?.strip_prefix('-')?.strip_suffix(".json")?;
    number.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests;
