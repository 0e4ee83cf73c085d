//! Names of repositories without a remote on a host. They are unique on this machine.
//!
//! The first folder with a given name gets `local/<folder>`. Further folders with that name get a suffix, so that they do
//! not share records. The state folder records the owner of each name.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{RepoName, cut};

use crate::digest::sha256_hex;
use crate::dirs::Dirs;
use crate::durable;

const SUFFIX_CHARS: usize = 6;
/// The maximum number of suffixes to try.
const MAX_SUFFIXES: usize = 100;

pub(super) struct LocalNames {
    folder: PathBuf,
}

impl LocalNames {
    pub(super) fn of(dirs: &Dirs) -> Self {
        Self { folder: dirs.state.join("local-names") }
    }

    /// The name of `place`, or the name that it would get. `plain` is the name without a suffix.
    pub(super) fn name_of(&self, plain: &RepoName, place: &[u8]) -> RepoName {
        let may_have = |name: &RepoName| std::fs::read(self.file(name)).map_or(true, |owner| owner == place);
        candidates(plain, place).find(may_have).unwrap_or_else(|| plain.clone())
    }

    /// Gives `place` a name, unless it has one. If two places claim at once, one gets the plain name.
    pub(super) fn claim(&self, plain: &RepoName, place: &[u8]) -> io::Result<RepoName> {
        Dirs::create(&self.folder)?;
        for name in candidates(plain, place) {
            let file = self.file(&name);
            match durable::create(&file, place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if std::fs::read(&file)? == place {
                        return Ok(name);
                    }
                }
                created => return created.map(|()| name),
            }
        }
        Ok(plain.clone())
    }

    /// Records that the repository with this name is now at `place`.
    pub(super) fn set_place(&self, name: &RepoName, place: &[u8]) -> io::Result<()> {
        let file = self.file(name);
        if std::fs::read(&file).is_ok_and(|owner| owner == place) {
            return Ok(());
        }
        Dirs::create(&self.folder)?;
        durable::write(&file, place)
    }

    /// The file of a name. Case is ignored, as in records and in some file systems.
    fn file(&self, name: &RepoName) -> PathBuf {
        self.folder.join(sha256_hex(name.as_str().to_ascii_lowercase().as_bytes()))
    }
}

/// The plain name, then names with suffixes derived from the place.
fn candidates(plain: &RepoName, place: &[u8]) -> impl Iterator<Item = RepoName> {
    let mut digest = sha256_hex(place);
    let suffixed = std::iter::repeat_with(move || {
        let suffix = cut::to_chars(&digest, SUFFIX_CHARS).to_owned();
        digest = sha256_hex(digest.as_bytes());
        suffix
    });
    let named = suffixed.take(MAX_SUFFIXES).filter_map(move |suffix| format!("{plain}-{suffix}").parse().ok());
    std::iter::once(plain.clone()).chain(named)
}

/// A path as bytes, without loss.
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}
