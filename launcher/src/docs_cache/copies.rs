//! The copies of one scope on disk: each whole or not there, readable by this user alone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deckwatch_client::digest::sha256_hex;
use deckwatch_client::dirs::Dirs;
use deckwatch_protocol::{Doc, DocName, DocScope};
use tempfile::NamedTempFile;

/// The folder of one scope. Two scopes have two folders, so a name in both is two files.
pub(super) struct Copies {
    pub(super) scope: DocScope,
    folder: PathBuf,
}

impl Copies {
    pub(super) fn of(root: &Path, scope: DocScope) -> Self {
        Self { folder: root.join(scope.as_str()), scope }
    }

    /// The names of what is there, sorted. What can be no document's name is not ours.
    pub(super) fn names(&self) -> Vec<DocName> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<DocName> =
            files.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names
    }

    /// The hash of a copy as the API counts it: that of its content. A copy that somebody changed has another.
    pub(super) fn hash(&self, name: &DocName) -> Option<String> {
        let path = self.path(name);
        let size = usize::try_from(fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.len()).ok()?;
        let bytes = (size <= Doc::MAX_BYTES).then(|| fs::read(path).ok())??;
        Some(sha256_hex(&bytes))
    }

    /// Puts a copy in the place of what is there.
    pub(super) fn write(&self, name: &DocName, content: &str) -> io::Result<()> {
        Dirs::create(&self.folder)?;
        // The name of an unfinished one begins with a dot, as no document's does.
        let mut file = NamedTempFile::with_prefix_in(".unfinished-", &self.folder)?;
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
        self.folder.join(name.as_str())
    }
}
