//! The installed programs as one set: replaced together, with the earlier set kept.
//!
//! Files can't be renamed together. So the new set is prepared in a folder, the earlier one is kept as links, and the rename
//! of the prepared folder to [`PENDING`] decides: from then on, the new set is moved into place, by this process or, if it is
//! killed, by the next update. Each program is whole at every moment.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::update_error::UpdateError;

/// The programs of a release. The launcher is moved last, so that it is the earlier one that repeats an update.
pub(super) const PROGRAMS: [&str; 4] = ["deckwatch-mcp", "deckwatch-server", "dev-session", "launcher"];
/// The new set while it is moved into place.
const PENDING: &str = ".deckwatch-pending";
/// The earlier set.
const EARLIER: &str = ".deckwatch-earlier";
/// The beginning of the name of a folder in which a set is prepared.
const PREPARED: &str = ".deckwatch-new-";

/// The folder with the installed programs. Only the holder of the lock may change it.
pub(super) struct ProgramSet {
    pub(super) folder: PathBuf,
}

/// What became of an update that was interrupted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interrupted {
    /// It was finished now.
    Finished,
    /// Other programs were installed since, so it was given up.
    GivenUp,
}

impl ProgramSet {
    /// An empty folder for a new set, on the same file system. It is removed when it is dropped.
    pub(super) fn prepare(&self) -> Result<TempDir, UpdateError> {
        let prepared = || {
            self.remove_abandoned()?;
            tempfile::Builder::new().prefix(PREPARED).tempdir_in(&self.folder)
        };
        prepared().map_err(|cause| self.error(cause))
    }

    /// A folder with the earlier set, to install it again.
    pub(super) fn prepare_earlier(&self) -> Result<Option<TempDir>, UpdateError> {
        let earlier = self.folder.join(EARLIER);
        if !earlier.join("launcher").exists() {
            return Ok(None);
        }
        let prepared = self.prepare()?;
        link_programs(&earlier, prepared.path()).map_err(|cause| self.error(cause))?;
        Ok(Some(prepared))
    }

    /// Replaces the installed set by a prepared one, and keeps the installed one as the earlier set.
    pub(super) fn install(&self, prepared: TempDir) -> Result<(), UpdateError> {
        let install = || {
            sync_programs(prepared.path())?;
            self.keep()?;
            // From here on, the prepared folder is not removed when this process ends.
            fs::rename(prepared.keep(), self.folder.join(PENDING))?;
            self.move_pending(PROGRAMS.len())
        };
        install().map_err(|cause| self.error(cause))
    }

    /// Finishes an update that was interrupted. `None` if there was none.
    pub(super) fn finish_interrupted(&self) -> Result<Option<Interrupted>, UpdateError> {
        let pending = self.folder.join(PENDING);
        if !pending.exists() {
            return Ok(None);
        }
        let finish = || {
            // A program that was not moved yet must still be the earlier one. Otherwise something else was installed since.
            let untouched = |name: &&str| {
                !pending.join(name).exists()
                    || identity(&self.folder.join(name)) == identity(&self.folder.join(EARLIER).join(name))
            };
            if PROGRAMS.iter().all(untouched) {
                self.move_pending(PROGRAMS.len())?;
                return io::Result::Ok(Interrupted::Finished);
            }
            fs::remove_dir_all(&pending)?;
            Ok(Interrupted::GivenUp)
        };
        finish().map(Some).map_err(|cause| self.error(cause))
    }

    /// Keeps links to the installed programs as the earlier set.
    fn keep(&self) -> io::Result<()> {
        let kept = tempfile::Builder::new().prefix(PREPARED).tempdir_in(&self.folder)?;
        link_programs(&self.folder, kept.path())?;
        let earlier = self.folder.join(EARLIER);
        let before = tempfile::Builder::new().prefix(PREPARED).tempdir_in(&self.folder)?;
        match fs::rename(&earlier, before.path().join(EARLIER)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(kept.keep(), earlier)?;
        fs::File::open(&self.folder)?.sync_all()
    }

    /// Moves programs of the pending set into place, at most `count`. A test uses fewer, as if the process was killed.
    fn move_pending(&self, count: usize) -> io::Result<()> {
        let pending = self.folder.join(PENDING);
        for name in PROGRAMS.into_iter().take(count) {
            let program = pending.join(name);
            if program.exists() {
                fs::rename(program, self.folder.join(name))?;
            }
        }
        fs::File::open(&self.folder)?.sync_all()?;
        if count == PROGRAMS.len() { fs::remove_dir_all(pending) } else { Ok(()) }
    }

    /// Removes folders that a killed process was preparing.
    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(PREPARED.as_bytes()) && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn error(&self, cause: io::Error) -> UpdateError {
        UpdateError::Folder { folder: self.folder.clone(), cause }
    }
}

/// Identifies a file. `None` if there is none.
fn identity(file: &Path) -> Option<(u64, u64)> {
    let meta = file.metadata().ok()?;
    Some((meta.dev(), meta.ino()))
}

/// Links the programs of a folder into another one. A program that is missing is left out.
fn link_programs(from: &Path, to: &Path) -> io::Result<()> {
    for name in PROGRAMS {
        match fs::hard_link(from.join(name), to.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn sync_programs(folder: &Path) -> io::Result<()> {
    for name in PROGRAMS {
        fs::File::open(folder.join(name))
            .or_else(|error| {
                // An earlier set can lack a program.
                if error.kind() == io::ErrorKind::NotFound { fs::File::open(folder) } else { Err(error) }
            })?
            .sync_all()?;
    }
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(version: &str) -> (TempDir, ProgramSet) {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), version);
        let set = ProgramSet { folder: home.path().to_owned() };
        (home, set)
    }

    fn write(folder: &Path, version: &str) {
        for name in PROGRAMS {
            fs::write(folder.join(name), format!("{name} {version}")).unwrap();
        }
    }

    fn prepared(set: &ProgramSet, version: &str) -> TempDir {
        let prepared = set.prepare().unwrap();
        write(prepared.path(), version);
        prepared
    }

    /// The versions of the programs, in order.
    fn versions(folder: &Path) -> Vec<String> {
        let version = |name| fs::read_to_string(folder.join(name)).unwrap().split(' ').nth(1).unwrap().to_owned();
        PROGRAMS.into_iter().map(version).collect()
    }

    fn hidden(set: &ProgramSet) -> Vec<String> {
        let names = fs::read_dir(&set.folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }

    #[test]
    fn an_update_keeps_the_earlier_set_and_goes_back_to_it() {
        let (_home, set) = set("1");
        assert!(set.prepare_earlier().unwrap().is_none());
        set.install(prepared(&set, "2")).unwrap();
        set.install(prepared(&set, "3")).unwrap();
        assert_eq!(
            (versions(&set.folder), versions(&set.folder.join(EARLIER))),
            (vec!["3".to_owned(); 4], vec!["2".to_owned(); 4])
        );
        for expected in ["2", "3", "2"] {
            set.install(set.prepare_earlier().unwrap().unwrap()).unwrap();
            assert_eq!(versions(&set.folder), vec![expected; 4]);
        }
        assert_eq!(hidden(&set), [EARLIER]);
    }

    #[test]
    fn an_update_that_was_killed_is_finished_by_the_next_one() {
        for moved in 0..=PROGRAMS.len() {
            let (_home, set) = set("1");
            let new = prepared(&set, "2");
            set.keep().unwrap();
            fs::rename(new.keep(), set.folder.join(PENDING)).unwrap();
            for name in PROGRAMS.into_iter().take(moved) {
                fs::rename(set.folder.join(PENDING).join(name), set.folder.join(name)).unwrap();
            }
            let mixed = versions(&set.folder);
            assert_eq!(
                mixed.iter().filter(|version| *version == "2").count(),
                moved,
                "each program is whole: {mixed:?}"
            );
            assert_eq!(set.finish_interrupted().unwrap(), Some(Interrupted::Finished));
            assert_eq!(versions(&set.folder), vec!["2"; 4]);
            assert_eq!(set.finish_interrupted().unwrap(), None);
            assert_eq!(versions(&set.folder.join(EARLIER)), vec!["1"; 4], "the earlier set is whole");
        }
    }

    #[test]
    fn a_killed_preparation_changes_nothing_and_is_removed() {
        let (_home, set) = set("1");
        let abandoned = prepared(&set, "2").keep();
        set.keep().unwrap();
        assert_eq!(set.finish_interrupted().unwrap(), None);
        assert_eq!(versions(&set.folder), vec!["1"; 4]);
        set.install(prepared(&set, "3")).unwrap();
        assert!(!abandoned.exists());
        assert_eq!(versions(&set.folder.join(EARLIER)), vec!["1"; 4]);
    }

    #[test]
    fn an_interrupted_update_does_not_undo_a_later_installation() {
        let (_home, set) = set("1");
        let new = prepared(&set, "2");
        set.keep().unwrap();
        fs::rename(new.keep(), set.folder.join(PENDING)).unwrap();
        set.move_pending(1).unwrap();
        // install.sh replaces each file.
        for name in PROGRAMS {
            fs::write(set.folder.join("new"), format!("{name} 4")).unwrap();
            fs::rename(set.folder.join("new"), set.folder.join(name)).unwrap();
        }
        assert_eq!(set.finish_interrupted().unwrap(), Some(Interrupted::GivenUp));
        assert_eq!(versions(&set.folder), vec!["4"; 4]);
    }
}
