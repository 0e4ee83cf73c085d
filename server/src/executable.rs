//! The file of the running program: an update replaces it on the disk, and the process goes on running the old one.

use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long the new program may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(1);
/// More than a version takes.
const MAX_VERSION_BYTES: u64 = 200;

/// The program that runs, and its file.
pub struct Executable {
    path: PathBuf,
    version: &'static str,
    started_as: Identity,
    /// The file that was found last in its place, and what is said about it.
    found: Mutex<Option<(Option<Identity>, String)>>,
}

/// What tells one file from another without reading it.
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
    /// The file of this process, which says that it is `version`. `None` where the system does not tell the file.
    pub fn running(version: &'static str) -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        let started_as = Identity::of(&std::fs::metadata(&path).ok()?);
        Some(Self { path, version, started_as, found: Mutex::default() })
    }

    /// What an operator should know when the file is another one by now. It is logged once for each file. The new file
    /// is run once, to say its version; otherwise nothing but its metadata is read.
    pub fn replaced(&self) -> Option<String> {
        let now = std::fs::metadata(&self.path).ok().map(|metadata| Identity::of(&metadata));
        if now.as_ref() == Some(&self.started_as) {
            return None;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, notice)) = found.as_ref().filter(|(identity, _)| *identity == now) {
            return Some(notice.clone());
        }
        // The runtime's other work goes on meanwhile.
        let notice = tokio::task::block_in_place(|| self.describe(now.is_some()));
        log::warn!("{notice}");
        *found = Some((now, notice.clone()));
        Some(notice)
    }

    fn describe(&self, is_there: bool) -> String {
        let (running, path) = (self.version, self.path.display());
        if !is_there {
            return format!(
                "This process runs {running}, but its file {path} was removed. Install it again and restart it."
            );
        }
        let on_disk = version_of(&self.path).unwrap_or_else(|| "a file that does not say its version".to_owned());
        format!(
            "This process runs {running}, but {path} was replaced and is now {on_disk}. Restart it to run that one."
        )
    }
}

/// What the program says to `--version`.
fn version_of(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.take(MAX_VERSION_BYTES).read_to_string(&mut text);
        // Whoever has waited for too long takes it no more.
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(VERSION_TIMEOUT).unwrap_or_default();
    let _ = child.kill();
    let _ = child.wait();
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}
