//! Names of repositories that have no remote on a host: unique on this machine.
//!
//! The first folder of a name gets `local/<folder>`. Another folder of the same name gets a suffix, so that the two
//! share no records. The state folder says which folder has a name.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::RepoName;

use crate::digest::sha256_hex;
use crate::dirs::Dirs;

const SUFFIX_CHARS: usize = 6;
/// More folders of one name than anybody has.
const MOST_SUFFIXES: usize = 100;

pub(super) struct LocalNames {
    folder: PathBuf,
}

impl LocalNames {
    pub(super) fn of(dirs: &Dirs) -> Self {
        Self { folder: dirs.state.join("local-names") }
    }

    /// The name that `place` has, or gets when it claims one. `plain` is the name after its folder alone.
    pub(super) fn name_of(&self, plain: &RepoName, place: &[u8]) -> RepoName {
        let may_have = |name: &RepoName| std::fs::read(self.file(name)).map_or(true, |owner| owner == place);
        candidates(plain, place).find(may_have).unwrap_or_else(|| plain.clone())
    }

    /// Gives the place its name, unless it has one. Of two that ask at once, one gets the plain name.
    pub(super) fn claim(&self, plain: &RepoName, place: &[u8]) -> io::Result<RepoName> {
        let unfinished = self.write(place)?;
        let mut claimed = Ok(plain.clone());
        for name in candidates(plain, place) {
            match std::fs::hard_link(&unfinished, self.file(&name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if std::fs::read(self.file(&name))? != place {
                        continue;
                    }
                    claimed = Ok(name);
                }
                linked => claimed = linked.map(|()| name),
            }
            break;
        }
        std::fs::remove_file(&unfinished)?;
        claimed
    }

    /// A repository that keeps its name is at this place now.
    pub(super) fn is_at(&self, name: &RepoName, place: &[u8]) -> io::Result<()> {
        if std::fs::read(self.file(name)).is_ok_and(|owner| owner == place) {
            return Ok(());
        }
        std::fs::rename(self.write(place)?, self.file(name))
    }

    fn write(&self, place: &[u8]) -> io::Result<PathBuf> {
        Dirs::create(&self.folder)?;
        let unfinished = self.folder.join(format!("{}.{}.new", sha256_hex(place), std::process::id()));
        std::fs::write(&unfinished, place)?;
        Ok(unfinished)
    }

    /// File systems may ignore case, and so do records.
    fn file(&self, name: &RepoName) -> PathBuf {
        self.folder.join(sha256_hex(name.as_str().to_ascii_lowercase().as_bytes()))
    }
}

/// The plain name, then names with a suffix that comes from the place.
fn candidates(plain: &RepoName, place: &[u8]) -> impl Iterator<Item = RepoName> {
    let mut digest = sha256_hex(place);
    let suffixed = std::iter::repeat_with(move || {
        let suffix: String = digest.chars().take(SUFFIX_CHARS).collect();
        digest = sha256_hex(digest.as_bytes());
        suffix
    });
    let named = suffixed.take(MOST_SUFFIXES).filter_map(move |suffix| format!("{plain}-{suffix}").parse().ok());
    std::iter::once(plain.clone()).chain(named)
}

/// A path as bytes that no other path has.
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}
