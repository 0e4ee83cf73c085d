//! Detects that an update has replaced the file of the running program. The process still runs the old program.

use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long the new program may take to print its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(1);
/// More bytes than a version has.
const MAX_VERSION_BYTES: u64 = 200;

/// The running program and its file.
pub struct Executable {
    path: PathBuf,
    version: &'static str,
    started_as: Identity,
    /// The file that was found last at the path, and its notice.
    found: Mutex<Option<(Option<Identity>, String)>>,
}

/// Identifies a file without reading it.
#[derive(PartialEq, Eq)]
struct Identity {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: Option<u64>,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = Some(std::os::unix::fs::MetadataExt::ino(metadata));
        #[cfg(not(unix))]
        let inode = None;
        Self { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
    }
}

impl Executable {
    /// The executable of this process, whose version is `version`. `None` if the operating system does not report
    /// the file.
    pub fn running(version: &'static str) -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        let started_as = Identity::of(&std::fs::metadata(&path).ok()?);
        Some(Self { path, version, started_as, found: Mutex::default() })
    }

    /// Returns a notice for the operator if the file has changed. The notice is logged once per file. The new file
    /// is run once, to get its version. Otherwise only its metadata is read.
    pub fn replaced(&self) -> Option<String> {
        let now = std::fs::metadata(&self.path).ok().map(|metadata| Identity::of(&metadata));
        if now.as_ref() == Some(&self.started_as) {
            return None;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, notice)) = found.as_ref().filter(|(identity, _)| *identity == now) {
            return Some(notice.clone());
        }
        // Other tasks of the runtime continue meanwhile.
        let notice = tokio::task::block_in_place(|| self.describe(now.is_some()));
        log::warn!("{notice}");
        *found = Some((now, notice.clone()));
        Some(notice)
    }

    fn describe(&self, is_there: bool) -> String {
        let (running, path) = (self.version, self.path.display());
        if !is_there {
            return format!(
                "This process runs {running}, but its file {path} was removed. Install the program again and restart \
                 it."
            );
        }
        let on_disk = version_of(&self.path).unwrap_or_else(|| "a file without a readable version".to_owned());
        format!(
            "This process runs {running}, but an update replaced {path} with {on_disk}. Restart the process to run \
             the new version."
        )
    }
}

/// The first line that the program prints for `--version`.
fn version_of(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.take(MAX_VERSION_BYTES).read_to_string(&mut text);
        // After a timeout, the receiver no longer exists.
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(VERSION_TIMEOUT).unwrap_or_default();
    let _ = child.kill();
    let _ = child.wait();
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}
