//! The copies of one scope on disk: each whole or not there, readable by this user alone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deckwatch_client::digest::sha256_hex;
use deckwatch_client::dirs::Dirs;
use deckwatch_client::doc_copies::DocCopies;
use deckwatch_protocol::{DocName, DocScope};
use tempfile::NamedTempFile;

/// The copies of one scope, which this program alone changes.
pub(super) struct Copies {
    pub(super) scope: DocScope,
    on_disk: DocCopies,
}

impl Copies {
    pub(super) fn of(root: &Path, scope: DocScope) -> Self {
        Self { on_disk: DocCopies::of(root, scope.clone()), scope }
    }

    pub(super) fn names(&self) -> Vec<DocName> {
        self.on_disk.names()
    }

    /// The hash of a copy as the API counts it: that of its content. A copy that somebody changed has another.
    pub(super) fn hash(&self, name: &DocName) -> Option<String> {
        self.on_disk.bytes(name).map(|bytes| sha256_hex(&bytes))
    }

    /// Puts a copy in the place of what is there.
    pub(super) fn write(&self, name: &DocName, content: &str) -> io::Result<()> {
        let folder = self.on_disk.folder();
        Dirs::create(folder)?;
        // The name of an unfinished one begins with a dot, as no document's does.
        let mut file = NamedTempFile::with_prefix_in(".unfinished-", folder)?;
        file.write_all(content.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.path(name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// The copy is what the API has now: from here on its age counts.
    pub(super) fn confirm(&self, name: &DocName) -> io::Result<()> {
        File::options().write(true).open(self.path(name))?.set_modified(SystemTime::now())
    }

    pub(super) fn remove(&self, name: &DocName) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    /// How long ago the copy was last in step with the API.
    pub(super) fn age(&self, name: &DocName) -> Option<Duration> {
        self.path(name).metadata().ok()?.modified().ok()?.elapsed().ok()
    }

    fn path(&self, name: &DocName) -> PathBuf {
        self.on_disk.path(name)
    }
}
