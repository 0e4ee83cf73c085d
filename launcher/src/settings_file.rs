//! Reads, replaces and backs up one settings file of an agent CLI.
//!
//! The file is replaced atomically. A reader gets the old file or the new one, also after a crash.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use deckwatch_machine::links;
use toml_edit::{DocumentMut, TomlError};

use crate::error::LaunchError;

/// Settings may contain keys of other servers, so only the owner can read a new file.
const NEW_FILE_MODE: u32 = 0o600;

/// The byte order mark, which some editors write at the start of a file.
const BOM: char = '\u{feff}';

/// The current content of a settings file.
pub(crate) struct SettingsFile {
    path: PathBuf,
    /// The complete text. `None` if the file does not exist.
    text: Option<String>,
    /// The text for parsers: without a byte order mark, and with Unix line ends.
    plain: String,
}

/// The planned content of a settings file.
pub(crate) struct Change {
    path: PathBuf,
    before: Option<String>,
    after: String,
    backup: Backup,
}

/// Whether a backup of the replaced file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backup {
    /// For a file of the user: its first version is kept beside it.
    Once,
    /// For a file that only Deckwatch writes.
    Never,
}

impl SettingsFile {
    pub(crate) fn read(path: PathBuf) -> Result<Self, LaunchError> {
        let text = read_text(&path).map_err(|error| registration_error(&path, &error))?;
        let whole = text.as_deref().unwrap_or_default();
        let plain = whole.strip_prefix(BOM).unwrap_or(whole).replace("\r\n", "\n");
        Ok(Self { path, text, plain })
    }

    /// The text without a byte order mark and with Unix line ends. Empty if the file does not exist.
    pub(crate) fn text(&self) -> &str {
        &self.plain
    }

    /// The change to the text `after`, which keeps the byte order mark and the line ends. `None` if nothing changes.
    pub(crate) fn into_change(self, after: &str, backup: Backup) -> Option<Change> {
        let after = self.as_written(after);
        let differs = self.text.as_ref() != Some(&after);
        differs.then_some(Change { path: self.path, before: self.text, after, backup })
    }

    /// Existing lines keep their line ends. New lines get the line end that most lines have.
    fn as_written(&self, after: &str) -> String {
        let before = self.text.as_deref().unwrap_or_default();
        let (dos, unix): (Vec<&str>, Vec<&str>) = before.split_inclusive('\n').partition(|line| line.ends_with("\r\n"));
        let mark = if before.starts_with(BOM) { BOM.to_string() } else { String::new() };
        if dos.is_empty() {
            return mark + after;
        }
        let content = |line: &str| line.trim_start_matches(BOM).trim_end_matches(['\r', '\n']).to_owned();
        let only_unix: HashSet<String> = unix.iter().map(|line| content(line)).collect();
        let only_dos: HashSet<String> = dos.iter().map(|line| content(line)).collect();
        let most = dos.len() >= unix.len();
        let lines = after.split_inclusive('\n').map(|line| {
            let plain = line.trim_end_matches('\n');
            let is_dos = match (only_dos.contains(plain), only_unix.contains(plain)) {
                (true, false) => true,
                (false, true) => false,
                _ => most,
            };
            if is_dos && line.ends_with('\n') { format!("{plain}\r\n") } else { line.to_owned() }
        });
        mark + &lines.collect::<String>()
    }

    /// The text as TOML, with its comments and layout.
    pub(crate) fn toml(&self) -> Result<DocumentMut, LaunchError> {
        self.text().parse().map_err(|error: TomlError| {
            let before = error.span().and_then(|span| self.text().get(..span.start)).unwrap_or_default();
            self.malformed(before.matches('\n').count() + 1, error.message())
        })
    }

    /// An error about one line of this file.
    pub(crate) fn malformed(&self, line: usize, what: &str) -> LaunchError {
        self.unusable(&format!("line {line}: {what}; correct it first, nothing was changed"))
    }

    /// An error about this file as a whole.
    pub(crate) fn unusable(&self, message: &str) -> LaunchError {
        LaunchError::Registration { path: self.path.clone(), message: message.to_owned() }
    }
}

impl Change {
    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file does not exist yet.
    pub(crate) fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Writes the file. Fails if another program changed it after it was read.
    pub(crate) fn apply(&self) -> Result<(), LaunchError> {
        let now = read_text(&self.path).map_err(|error| registration_error(&self.path, &error))?;
        if now.as_ref() == Some(&self.after) {
            return Ok(());
        }
        if now != self.before {
            let message = "another program changed it just now; run the launcher again".to_owned();
            return Err(LaunchError::Registration { path: self.path.clone(), message });
        }
        self.replace().map_err(|error| registration_error(&self.path, &error))
    }

    /// Tests whether the file can be written, without changing it.
    pub(crate) fn try_apply(&self) -> Result<(), LaunchError> {
        self.try_replace().map_err(|error| registration_error(&self.path, &error))
    }

    fn try_replace(&self) -> io::Result<()> {
        let target = links::resolve(&self.path)?;
        let attributes = Attributes::of(&target)?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
            return tempfile::tempfile_in(there)?.write_all(self.after.as_bytes());
        }
        let trial = temporary_path(&target);
        let written = write_new(&trial, &self.after, attributes);
        let _ = fs::remove_file(&trial);
        written
    }

    fn replace(&self) -> io::Result<()> {
        let target = links::resolve(&self.path)?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let attributes = Attributes::of(&target)?;
        if let (Backup::Once, Some(before)) = (self.backup, &self.before) {
            write_backup(&with_suffix(&self.path, ".deckwatch-backup"), before, attributes)?;
        }
        let temporary = temporary_path(&target);
        // A process with the same number may have left this file when it was stopped.
        let _ = fs::remove_file(&temporary);
        let written = write_new(&temporary, &self.after, attributes).and_then(|()| fs::rename(&temporary, &target));
        if written.is_err() {
            // The first error is reported. A left-over file is harmless.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(folder)?.sync_all()
    }
}

/// The temporary file that later replaces `target`.
fn temporary_path(target: &Path) -> PathBuf {
    with_suffix(target, &format!(".deckwatch-{}", std::process::id()))
}

/// Writes the backup if there is none. An existing backup is the older one, which the user had first.
fn write_backup(path: &Path, text: &str, attributes: Attributes) -> io::Result<()> {
    match write_new(path, text, attributes) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

fn write_new(path: &Path, text: &str, attributes: Attributes) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(attributes.mode & 0o700).open(path)?;
    file.write_all(text.as_bytes())?;
    if let Some(owner) = attributes.owner.filter(|owner| file.metadata().is_ok_and(|meta| meta.uid() != *owner)) {
        fchown(&file, Some(owner), None).map_err(|_| refusal("it belongs to another user"))?;
    }
    file.set_permissions(fs::Permissions::from_mode(attributes.mode))?;
    file.sync_all()
}

/// The permissions and the owner of the file that is replaced.
#[derive(Clone, Copy)]
struct Attributes {
    mode: u32,
    owner: Option<u32>,
}

impl Attributes {
    /// Reads them from the file. A file that is read-only for everyone is not replaced, because its owner wants that.
    fn of(target: &Path) -> io::Result<Self> {
        match fs::metadata(target) {
            Ok(meta) if meta.mode() & 0o222 == 0 => Err(refusal("it is read-only")),
            Ok(meta) => Ok(Self { mode: meta.mode() & 0o7777, owner: Some(meta.uid()) }),
            Err(_) => Ok(Self { mode: NEW_FILE_MODE, owner: None }),
        }
    }
}

fn refusal(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

fn read_text(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn registration_error(path: &Path, error: &io::Error) -> LaunchError {
    let fix = match error.kind() {
        io::ErrorKind::InvalidData => "save it as UTF-8",
        _ => "make it readable and writable for you",
    };
    LaunchError::Registration { path: path.to_owned(), message: format!("{error}; {fix}") }
}
