//! The copies of documents that `launcher docs cache` keeps on this machine: their paths and their age.
//!
//! This module only reads. The launcher replaces a copy with one rename, so a copy is always complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Doc, DocName, DocScope, Timestamp};

/// The copies of one scope. Each scope has its own folder, so two scopes can have a document of the same name.
#[derive(Debug, Clone)]
pub struct DocCopies {
    /// The scope.
    pub scope: DocScope,
    folder: PathBuf,
}

/// One copy on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocCopy {
    /// The text of the document.
    pub content: String,
    /// When the launcher last checked that the copy equals the document at the API.
    pub confirmed_at: Timestamp,
}

impl DocCopies {
    /// The folder of all copies.
    pub fn root(dirs: &Dirs) -> PathBuf {
        dirs.cache.join("docs")
    }

    /// The copies of one scope below `root`.
    pub fn of(root: &Path, scope: DocScope) -> Self {
        Self { folder: root.join(scope.as_str()), scope }
    }

    /// The folder of this scope.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the copy of this document. The file may not exist.
    pub fn path(&self, name: &DocName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// The names of the copies, sorted. Files whose names are not valid document names are ignored.
    pub fn names(&self) -> Vec<DocName> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<DocName> =
            files.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names
    }

    /// The bytes of a copy. `None` for a missing file, a symbolic link, or a file larger than a document may be.
    pub fn bytes(&self, name: &DocName) -> Option<Vec<u8>> {
        let path = self.path(name);
        let size = usize::try_from(fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.len()).ok()?;
        (size <= Doc::MAX_BYTES).then(|| fs::read(path).ok())?
    }

    /// Reads the copy of this document.
    pub fn read(&self, name: &DocName) -> Option<DocCopy> {
        let content = String::from_utf8(self.bytes(name)?).ok()?;
        Some(DocCopy { content, confirmed_at: self.confirmed_at(name)? })
    }

    /// When the launcher last checked that the copy equals the document at the API.
    pub fn confirmed_at(&self, name: &DocName) -> Option<Timestamp> {
        let modified = self.path(name).metadata().ok()?.modified().ok()?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_read_with_their_age_and_invalid_files_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let copies = DocCopies::of(root.path(), DocScope::global());
        let name = |name: &str| name.parse::<DocName>().unwrap();
        assert_eq!((copies.names(), copies.read(&name("api.md"))), (Vec::new(), None));
        fs::create_dir(copies.folder()).unwrap();
        for (file, content) in [("api.md", b"text".as_slice()), (".unfinished-1", b"x"), ("broken.md", b"\xff")] {
            fs::write(copies.folder().join(file), content).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", copies.folder().join("link.md")).unwrap();
        assert_eq!(copies.names(), [name("api.md"), name("broken.md")]);
        assert_eq!(copies.read(&name("api.md")).unwrap().content, "text");
        assert_eq!((copies.read(&name("broken.md")), copies.read(&name("link.md"))), (None, None));
    }
}
