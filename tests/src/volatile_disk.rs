//! A disk that loses what was not synced when the power fails.
//!
//! The program under test runs with a library that keeps a second copy of each file: the content after its last
//! successful sync. [`VolatileDisk::power_cut`] gives each file this content, and a random part of the sectors that were
//! written since.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::preload::Library;

/// Disks write whole sectors.
const SECTOR: usize = 512;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::compile("volatile_disk"));

/// The disk below one folder.
pub struct VolatileDisk {
    root: PathBuf,
    state: TempDir,
    random: fastrand::Rng,
}

impl VolatileDisk {
    /// The disk below `root`. The same `seed` loses the same sectors.
    pub fn new(root: &Path, seed: u64) -> Self {
        let root = root.canonicalize().unwrap();
        Self { root, state: TempDir::new().unwrap(), random: fastrand::Rng::with_seed(seed) }
    }

    /// The variables that put a program on this disk. With `failing_syncs`, about one sync in so many fails.
    pub fn variables(&self, failing_syncs: Option<u32>) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("LD_PRELOAD", LIBRARY.path.clone().into_os_string()),
            ("VOLATILE_DISK", self.root.clone().into_os_string()),
            ("VOLATILE_DISK_STATE", self.state.path().into()),
        ];
        variables.extend(failing_syncs.map(|rate| ("VOLATILE_DISK_FAILS", rate.to_string().into())));
        variables
    }

    /// Cuts the power: no program may use the disk now. Returns how many sectors were lost.
    pub fn power_cut(&mut self) -> usize {
        let mut lost = 0;
        for entry in std::fs::read_dir(self.state.path()).unwrap() {
            let name = entry.unwrap().path();
            if name.extension().is_some_and(|ending| ending == "path") {
                let path = PathBuf::from(String::from_utf8(std::fs::read(&name).unwrap()).unwrap());
                lost += self.restore(&name, &path);
            }
        }
        for entry in std::fs::read_dir(self.state.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        lost
    }

    /// Gives a file the content that survives.
    fn restore(&mut self, state: &Path, path: &Path) -> usize {
        let mut survives = std::fs::read(state.with_extension("disk")).unwrap();
        let shown = std::fs::read(path).unwrap_or_default();
        let pending = std::fs::read(state.with_extension("pending")).unwrap_or_default();
        let number = |bytes: &[u8]| usize::try_from(u64::from_ne_bytes(bytes.try_into().unwrap())).unwrap();
        let mut lost = 0;
        // A killed program may have written a part of the last range's numbers.
        for range in pending.chunks_exact(16) {
            let (offset, length) = (number(&range[..8]), number(&range[8..]));
            let (mut at, end) = (offset, (offset + length).min(shown.len()));
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if self.random.bool() {
                    survives.resize(survives.len().max(next), 0);
                    survives[at..next].copy_from_slice(&shown[at..next]);
                } else {
                    lost += 1;
                }
                at = next;
            }
        }
        std::fs::write(path, survives).unwrap();
        lost
    }
}
