//! The folders of the runs on this machine: `state/deckwatch/runs/<id>/`.
//!
//! `run.json` is the record, `launched.json` what the launcher reported, `output` and `messages` are what the agent wrote to
//! its standard output and standard error.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use thiserror::Error;

use super::launch_request::Launched;
use super::{RunId, RunRecord};
use crate::wire::Refusal;

/// Runs that ended more than this many days ago are deleted.
const MAX_AGE_DAYS: i64 = 7;
/// How many runs that have ended are kept.
const MAX_ENDED: usize = 50;

/// The runs of this user on this machine.
#[derive(Debug, Clone)]
pub struct Runs {
    folder: PathBuf,
}

/// The folder of the runs can't be used.
#[derive(Debug, Error)]
#[error("cannot use {}: {source}; {}", .path.display(), deckwatch_machine::disk::advice(.source))]
pub struct StoreError {
    path: PathBuf,
    source: io::Error,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::machine(error.to_string())
    }
}

impl Runs {
    /// The runs below the state folder. Creates nothing.
    pub fn of(dirs: &Dirs) -> Self {
        Self { folder: dirs.state.join("runs") }
    }

    /// The folder of one run.
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// The file with the agent's output.
    pub fn output(&self, id: &RunId) -> PathBuf {
        self.folder(id).join("output")
    }

    /// The file with the agent's messages.
    pub fn messages(&self, id: &RunId) -> PathBuf {
        self.folder(id).join("messages")
    }

    /// The file with the launcher's report.
    pub fn report(&self, id: &RunId) -> PathBuf {
        self.folder(id).join("launched.json")
    }

    /// Makes the folder of a new run. `false` if the run exists.
    pub fn create(&self, id: &RunId) -> Result<bool, StoreError> {
        Dirs::create(&self.folder).map_err(|source| self.error(source))?;
        match std::fs::DirBuilder::new().mode(0o700).create(self.folder(id)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(StoreError { path: self.folder(id), source }),
        }
    }

    /// Removes a run that did not start.
    pub fn remove(&self, id: &RunId) {
        // A folder that stays is deleted with the old runs.
        let _ = std::fs::remove_dir_all(self.folder(id));
    }

    /// Writes the record of a run.
    pub fn write(&self, record: &RunRecord) -> Result<(), StoreError> {
        let path = self.folder(&record.id).join("run.json");
        let text = serde_json::to_vec(record).unwrap_or_default();
        durable::write(&path, &text).map_err(|source| StoreError { path, source })
    }

    /// The record of a run, with what the launcher reported and the state that its processes show. `None` if there is no
    /// such run.
    pub fn read(&self, id: &RunId) -> Option<RunRecord> {
        let text = std::fs::read(self.folder(id).join("run.json")).ok()?;
        let mut record = serde_json::from_slice::<RunRecord>(&text).ok()?;
        let is_live = record.is_live();
        if !record.state.is_final() && !is_live {
            // The holder may have written its last record and ended since the file was read.
            let text = std::fs::read(self.folder(id).join("run.json")).ok()?;
            record = serde_json::from_slice(&text).ok()?;
        }
        if let Some(Launched::Starts { repo, agent, folder }) = self.launched(id) {
            (record.repo, record.agent, record.folder) = (Some(repo), Some(agent), Some(folder));
        }
        record.output_bytes = self.output(id).metadata().map_or(0, |file| file.len());
        Some(record.checked())
    }

    /// What the launcher reported about the last start.
    pub fn launched(&self, id: &RunId) -> Option<Launched> {
        serde_json::from_slice(&std::fs::read(self.report(id)).ok()?).ok()
    }

    /// All runs, oldest first.
    pub fn all(&self) -> Vec<RunRecord> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<RunId>().ok());
        let mut ids: Vec<RunId> = ids.collect();
        ids.sort();
        ids.iter().filter_map(|id| self.read(id)).collect()
    }

    /// Deletes old runs that have ended.
    pub fn delete_old(&self) {
        let oldest = now().plus_seconds(-MAX_AGE_DAYS * 24 * 60 * 60);
        let ended: Vec<RunRecord> = self.all().into_iter().filter(|run| run.state.is_final()).collect();
        let surplus = ended.len().saturating_sub(MAX_ENDED);
        for (place, run) in ended.iter().enumerate() {
            if place < surplus || run.ended_at.unwrap_or(run.created_at) < oldest {
                self.remove(&run.id);
            }
        }
    }

    /// Waits for the lock of all runs. Dropping the file releases it, and so does a crash.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        Dirs::create(&self.folder).map_err(|source| self.error(source))?;
        let path = self.folder.join("lock");
        let lock = || {
            let file = File::options().create(true).write(true).truncate(false).open(&path)?;
            file.lock().map(|()| file)
        };
        lock().map_err(|source| StoreError { path: path.clone(), source })
    }

    fn error(&self, source: io::Error) -> StoreError {
        StoreError { path: self.path().to_owned(), source }
    }

    fn path(&self) -> &Path {
        &self.folder
    }
}
