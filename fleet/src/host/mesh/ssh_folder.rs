//! The folder `~/.ssh`, and changes of its files.
//!
//! A file that is a symbolic link stays one. If the changes are only planned, nothing is written.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::{disk, durable, links};

use super::FileChange;
use crate::wire::Refusal;

/// The permission of others to write. SSH does not use files and folders that have it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The folder, and the changes so far.
pub(super) struct SshFolder {
    path: PathBuf,
    dry_run: bool,
    changes: Vec<FileChange>,
    /// Other runs of the mesh wait until this one has finished.
    lock: Option<File>,
}

impl SshFolder {
    /// The folder of this user, to be read.
    pub(super) fn to_read() -> Result<Self, Refusal> {
        let dirs = dirs()?;
        Ok(Self { path: dirs.home.join(".ssh"), dry_run: true, changes: Vec::new(), lock: None })
    }

    /// The folder of this user, to be changed, or for plans of changes.
    pub(super) fn to_change(dry_run: bool) -> Result<Self, Refusal> {
        let mut folder = Self::to_read()?;
        folder.dry_run = dry_run;
        if !dry_run {
            folder.lock = Some(lock().map_err(|error| failed("the state folder of Deckwatch", &error))?);
        }
        folder.create_folder("")?;
        Ok(folder)
    }

    /// The path of a file of the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The changes that were made, or that would be made.
    pub(super) fn into_changes(self) -> Vec<FileChange> {
        self.changes
    }

    /// The content of a file. `None` if it does not exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let path = self.path(name);
        let read = match path.metadata() {
            Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a file")),
            Ok(_) => fs::read(&path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(|error| failed(&shown(name), &error))
    }

    /// Makes a folder that does not exist, and takes the permission to write it from others.
    pub(super) fn create_folder(&mut self, name: &str) -> Result<(), Refusal> {
        let path = self.path(name);
        if path.is_dir() {
            return self.protect(name);
        }
        self.changes.push(FileChange { mode: Some(0o700), ..change(name, true) });
        if self.dry_run {
            return Ok(());
        }
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| failed(&shown(name), &error))
    }

    /// Adds lines at the end of a file. The rest of the file stays as it is, also if another program adds lines at the
    /// same time.
    pub(super) fn append(&mut self, name: &str, lines: &[String]) -> Result<(), Refusal> {
        let before = self.read(name)?;
        if !lines.is_empty() {
            self.changes.push(FileChange { added: lines.to_vec(), ..change(name, before.is_none()) });
            if !self.dry_run {
                let unfinished = before.as_deref().is_some_and(|text| !text.is_empty() && !text.ends_with(b"\n"));
                let start = if unfinished { "\n" } else { "" };
                let text = format!("{start}{}\n", lines.join("\n"));
                append_to(&self.path(name), &text).map_err(|error| failed(&shown(name), &error))?;
            }
        }
        self.protect(name)
    }

    /// Replaces the content of a file. Its permissions stay, but for those of others to write.
    pub(super) fn replace(&mut self, name: &str, content: &[u8]) -> Result<(), Refusal> {
        let before = self.read(name)?;
        if before.as_deref() == Some(content) {
            return self.protect(name);
        }
        let (removed, added) = difference(before.as_deref().unwrap_or_default(), content);
        self.changes.push(FileChange { removed, added, ..change(name, before.is_none()) });
        if self.dry_run {
            return Ok(());
        }
        replace(&self.path(name), content).map_err(|error| failed(&shown(name), &error))
    }

    /// Takes the permission to write a file or folder from others.
    fn protect(&mut self, name: &str) -> Result<(), Refusal> {
        let path = self.path(name);
        let Ok(metadata) = path.metadata() else { return Ok(()) };
        let mode = metadata.mode() & 0o7777;
        if mode & WRITABLE_BY_OTHERS == 0 {
            return Ok(());
        }
        let mode = mode & !WRITABLE_BY_OTHERS;
        self.changes.push(FileChange { mode: Some(mode), ..change(name, false) });
        if self.dry_run {
            return Ok(());
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(|error| failed(&shown(name), &error))
    }
}

pub(super) fn dirs() -> Result<Dirs, Refusal> {
    Dirs::from_env().map_err(|error| Refusal::machine(error.to_string()))
}

/// Waits until no other run of the mesh changes this user's files.
fn lock() -> io::Result<File> {
    let dirs = Dirs::from_env().map_err(io::Error::other)?;
    Dirs::create(&dirs.state)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(dirs.state.join("ssh-mesh.lock"))?;
    file.lock()?;
    Ok(file)
}

fn append_to(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    durable::sync_folder_of(path)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = links::resolve(path)?;
    let mode = match target.metadata() {
        Ok(metadata) if metadata.mode() & 0o200 == 0 => return Err(refused("it is read-only")),
        Ok(metadata) if Some(metadata.uid()) != owner_of_home() => return Err(refused("it belongs to another user")),
        Ok(metadata) => metadata.mode() & 0o7777 & !WRITABLE_BY_OTHERS,
        Err(_) => 0o600,
    };
    durable::write_with_mode(&target, content, mode)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

fn owner_of_home() -> Option<u32> {
    Some(Dirs::from_env().ok()?.home.metadata().ok()?.uid())
}

fn change(name: &str, created: bool) -> FileChange {
    FileChange { file: shown(name), created, removed: Vec::new(), added: Vec::new(), mode: None }
}

/// The path as a person writes it.
fn shown(name: &str) -> String {
    if name.is_empty() { "~/.ssh".to_owned() } else { format!("~/.ssh/{name}") }
}

fn failed(file: &str, error: &io::Error) -> Refusal {
    Refusal::machine(format!("{file} can't be used: {error}; {}", disk::advice(error)))
}

/// The lines between the equal start and the equal end of two texts.
fn difference(before: &[u8], after: &[u8]) -> (Vec<String>, Vec<String>) {
    let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let (mut before, mut after) = (lines(before), lines(after));
    let same = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    before.drain(..same);
    after.drain(..same);
    while before.last().is_some_and(|last| after.last() == Some(last)) {
        before.pop();
        after.pop();
    }
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_only_the_changed_lines() {
        let lines = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(difference(b"", b"a\nb\n"), (lines(&[]), lines(&["a", "b"])));
        assert_eq!(difference(b"a\nb\nc\n", b"a\nx\nc\n"), (lines(&["b"]), lines(&["x"])));
        assert_eq!(difference(b"a\na\n", b"a\na\na\n"), (lines(&[]), lines(&["a"])));
    }
}
