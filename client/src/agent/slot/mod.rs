//! Slots: the numbers that keep two agents on one machine apart.
//!
//! A slot is a small file that says which process holds it. It needs no clean-up: a process that is
//! gone holds nothing. All reading and writing happens under one lock per machine.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deckwatch_protocol::{Agent, Client, Host, Invalid, VentureCode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::process::{RunningProcess, namespace};
use crate::dirs::Dirs;

/// A number held by one running agent, and the name it gives the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// `<host>-<client>-<number>`, its host cut short where the whole would be too long.
    pub agent: Agent,
    /// The machine.
    pub host: Host,
    /// From 1.
    pub number: u32,
}

/// Which slot an agent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whichever comes next.
    Any,
    /// The one that its conversation was on, unless another agent holds it now.
    This(u32),
    /// Any but this one: it goes on as the conversation that this one was forked from.
    Other(u32),
}

/// Why an agent got no slot.
#[derive(Debug, Error)]
pub enum SlotError {
    /// The process that should hold the slot has ended.
    #[error("process {0} has ended, so it can hold no slot; start the agent again")]
    NoSuchProcess(u32),
    /// The system tells nothing of this process itself.
    #[error(
        "cannot read when this process was started, so no agent can be given a name; make /proc readable (in a \
         container: mount it) and start the agent again"
    )]
    NoProcesses,
    /// The folder of slots can't be used.
    #[error("cannot use {}: {source}; {}", .path.display(), crate::disk::advice(.source))]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Host, client and number make no agent's name.
    #[error("the agent's name {0}")]
    Name(Invalid),
}

/// What a slot's file says.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    venture: VentureCode,
    holder: RunningProcess,
    /// The space of the holder's process id. Records of older builds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// When the file was written.
    #[serde(skip)]
    written: Option<SystemTime>,
}

/// How long a holder keeps its slot that can't be seen from here, as in a container. It is not known when it ends.
const UNSEEN: Duration = Duration::from_hours(24);

impl Record {
    /// Whether process ids here mean the same processes as for the holder.
    fn is_comparable(&self) -> bool {
        self.namespace.is_none() || self.namespace == namespace()
    }

    /// Whether no other process may have the slot.
    fn is_held(&self) -> bool {
        if self.is_comparable() {
            return self.holder.is_running();
        }
        let age = self.written.and_then(|written| written.elapsed().ok()).unwrap_or_default();
        self.holder.is_of_this_boot() && age < UNSEEN
    }
}

/// Who holds an agent's name, or held it last.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) holder: RunningProcess,
    /// Whether process ids here mean the same processes as for the holder.
    pub(super) comparable: bool,
}

impl Slot {
    /// Gives process `pid` a slot for as long as it runs, also after it becomes another program by `exec`.
    ///
    /// A process that already holds a slot keeps it. Else it gets the one that is wanted; else the lowest free
    /// slot that last served the same venture, so that an agent that crashed finds its name again; else the
    /// lowest free one.
    pub fn claim(
        dirs: &Dirs,
        host: &Host,
        client: &Client,
        venture: &VentureCode,
        pid: u32,
        wanted: Wanted,
    ) -> Result<Self, SlotError> {
        processes_are_readable(RunningProcess::find(std::process::id()).as_ref())?;
        let holder = RunningProcess::find(pid).ok_or(SlotError::NoSuchProcess(pid))?;
        let folder = Folder::of(dirs, host);
        Dirs::create(&folder.path).map_err(|source| folder.error(source))?;
        let _held = folder.lock()?;
        super::keep_host(dirs, host).map_err(|source| folder.error(source))?;
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

    /// The slot that [`Slot::claim`] would give a new process now. Changes nothing and promises nothing.
    pub fn next(
        dirs: &Dirs,
        host: &Host,
        client: &Client,
        venture: &VentureCode,
        wanted: Wanted,
    ) -> Result<Self, SlotError> {
        processes_are_readable(RunningProcess::find(std::process::id()).as_ref())?;
        let slots = Folder::of(dirs, host).read(client)?;
        Self::named(host, client, choose(&slots, venture, wanted))
    }

    /// Who holds the slot of an agent's name; `None` when no slot of this machine has that name.
    pub(super) fn holding(dirs: &Dirs, host: &Host, agent: &Agent) -> Option<Holding> {
        let (rest, number) = agent.as_str().rsplit_once('-')?;
        let (number, client) = (number.parse().ok()?, rest.rsplit_once('-')?.1.parse().ok()?);
        if Self::named(host, &client, number).ok()?.agent != *agent {
            return None;
        }
        let text = std::fs::read(Folder::of(dirs, host).file(&client, number)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let comparable = record.is_comparable();
        Some(Holding { holder: record.holder, comparable })
    }

    fn named(host: &Host, client: &Client, number: u32) -> Result<Self, SlotError> {
        let rest = format!("-{client}-{number}");
        let room = Agent::MAX_CHARS.saturating_sub(rest.len());
        let cut: String = host.as_str().chars().take(room).collect();
        let agent = format!("{cut}{rest}").parse().map_err(SlotError::Name)?;
        Ok(Self { agent, host: host.clone(), number })
    }
}

/// This process runs, so one that is not found can't be read.
fn processes_are_readable(this: Option<&RunningProcess>) -> Result<(), SlotError> {
    this.map(|_| ()).ok_or(SlotError::NoProcesses)
}

type Slots = Vec<(u32, Option<Record>)>;

fn choose(slots: &Slots, venture: &VentureCode, wanted: Wanted) -> u32 {
    let is_free = |record: &Option<Record>| !record.as_ref().is_some_and(Record::is_held);
    let taken = |number: u32| slots.iter().any(|(other, record)| *other == number && !is_free(record));
    if let Wanted::This(number) = wanted
        && !taken(number)
    {
        return number;
    }
    let may_be = |number: u32| wanted != Wanted::Other(number);
    let served = |record: &Option<Record>| record.as_ref().is_some_and(|record| record.venture == *venture);
    let again = slots.iter().find(|(number, record)| may_be(*number) && served(record) && is_free(record));
    if let Some((number, _)) = again {
        return *number;
    }
    (1..=u32::MAX).find(|number| may_be(*number) && !taken(*number)).unwrap_or(u32::MAX)
}

/// The slots of one machine; a home may be shared by several.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn of(dirs: &Dirs, host: &Host) -> Self {
        Self { path: dirs.state.join("slots").join(host.as_str()) }
    }

    /// Waits for its turn; released when the file is dropped, also by a crash.
    fn lock(&self) -> Result<File, SlotError> {
        let file = File::options().create(true).write(true).truncate(false).open(self.path.join("lock"));
        let file = file.map_err(|source| self.error(source))?;
        file.lock().map_err(|source| self.error(source))?;
        Ok(file)
    }

    /// Every slot of this client in order of number; one whose file can't be understood is free.
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

    /// Whole or not at all, so that a reader never meets half a record.
    fn write(&self, client: &Client, number: u32, record: &Record) -> Result<(), SlotError> {
        let path = self.file(client, number);
        let unfinished = path.with_extension("new");
        let save = || -> io::Result<()> {
            let mut file = File::create(&unfinished)?;
            serde_json::to_writer(&mut file, record)?;
            file.flush()?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)
        };
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
