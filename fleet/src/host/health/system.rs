//! Disks, memory and load.

use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, System};

use super::Reading;

/// A folder whose file system matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The home folder.
    Home,
    /// The folder with Deckwatch's data.
    Data,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 2] = [Self::Home, Self::Data];
}

/// The space of a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// The folder that was asked about.
    pub path: PathBuf,
    /// What this user may still write, in bytes.
    pub free_bytes: u64,
    /// The size of the file system, in bytes.
    pub total_bytes: u64,
    /// What identifies the file system on its machine.
    pub device: u64,
}

/// The memory of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What programs can still get, caches included, in bytes.
    pub available_bytes: u64,
    /// All memory, in bytes.
    pub total_bytes: u64,
}

/// The load of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The load average of the last minute.
    pub one_minute: f64,
    /// The number of processors.
    pub cpus: u64,
}

/// The file system of a place. It is asked by path, because a list of all file systems would also ask those that hang.
pub(super) fn space(place: Place) -> Reading<Space> {
    let dirs = match Dirs::from_env() {
        Ok(dirs) => dirs,
        Err(error) => return Reading::Failed(error.to_string()),
    };
    let folder = match place {
        Place::Home => dirs.home,
        Place::Data => dirs.data,
    };
    space_of(&folder).map_or_else(|error| Reading::Failed(format!("{}: {error}", folder.display())), Reading::Value)
}

/// The space for new files in a folder, which may not exist yet.
fn space_of(folder: &Path) -> std::io::Result<Space> {
    use std::os::unix::fs::MetadataExt as _;
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let system = rustix::fs::statvfs(existing)?;
    Ok(Space {
        path: folder.to_owned(),
        free_bytes: system.f_bavail.saturating_mul(system.f_frsize),
        total_bytes: system.f_blocks.saturating_mul(system.f_frsize),
        device: existing.metadata()?.dev(),
    })
}

pub(super) fn memory() -> Reading<Memory> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    match (system.available_memory(), system.total_memory()) {
        (_, 0) => Reading::Unknown("the system does not tell how much memory it has".to_owned()),
        (available_bytes, total_bytes) => Reading::Value(Memory { available_bytes, total_bytes }),
    }
}

pub(super) fn load() -> Reading<Load> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let one_minute = System::load_average().one;
    Reading::Value(Load { one_minute, cpus: u64::try_from(cpus).unwrap_or(u64::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_does_not_exist_yet_has_the_space_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let space = space_of(&folder.path().join("a/b")).unwrap();
        assert!(space.free_bytes <= space.total_bytes && space.total_bytes > 0);
        assert_eq!(space.device, space_of(folder.path()).unwrap().device);
        assert_eq!(space.path, folder.path().join("a/b"));
    }
}
