//! The copies of the documents of one scope on disk. Each is written completely or not at all, and only this user can
//! read them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deckwatch_client::doc_copies::DocCopies;
use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{DocName, DocScope};

/// The copies of one scope. Only this program writes them.
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

    /// The SHA-256 hash of the content of a copy, as the API computes it. It differs if somebody changed the copy.
    pub(super) fn hash(&self, name: &DocName) -> Option<String> {
        self.on_disk.bytes(name).map(|bytes| sha256_hex(&bytes))
    }

    /// Writes a copy, and replaces an existing one.
    pub(super) fn write(&self, name: &DocName, content: &str) -> io::Result<()> {
        let folder = self.on_disk.folder();
        Dirs::create(folder)?;
        // The name of an unfinished copy begins with a dot. No name of a document does.
        durable::write(&self.path(name), content.as_bytes())
    }

    /// Records that the copy now equals the document in the API. The age of the copy is counted from this time.
    pub(super) fn confirm(&self, name: &DocName) -> io::Result<()> {
        File::options().write(true).open(self.path(name))?.set_modified(SystemTime::now())
    }

    pub(super) fn remove(&self, name: &DocName) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    /// The time since the copy last equalled the document in the API.
    pub(super) fn age(&self, name: &DocName) -> Option<Duration> {
        self.path(name).metadata().ok()?.modified().ok()?.elapsed().ok()
    }

    fn path(&self, name: &DocName) -> PathBuf {
        self.on_disk.path(name)
    }
}
