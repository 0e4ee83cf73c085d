//! Finds the files of a repository and reads them within limits.
//!
//! The walk covers the files that git tracks or would track. It follows no links. The name, the size and the bytes of a
//! file are checked before its text is used. All results are sorted by path.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::GeneratorError;
use super::git_index::PrivateIgnores;
use super::secret_names;
use super::skipped::{Reason, Skip, Skipped};

/// The maximum number of files. A folder with more files is not a repository.
const MAX_FILES: usize = 1_000_000;
/// The maximum depth of nested folders.
const MAX_DEPTH: usize = 64;
/// The maximum size of one file. Files that people write are smaller.
const MAX_BYTES: u64 = 1024 * 1024;
/// The maximum size of all files that are read for one document.
const MAX_TOTAL_BYTES: u64 = 512 * 1024 * 1024;
/// The maximum number of threads. More threads don't help, because reading mostly waits for the disk.
const MAX_THREADS: usize = 4;

/// Names of folders with dependencies. They are skipped even if they were committed.
const DEPENDENCIES: [&str; 9] = [
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    "site-packages",
    ".venv",
    "__pycache__",
    ".yarn",
    ".pnpm-store",
];

/// The files of a repository, and the list of what was not read.
pub(super) struct Tree {
    root: PathBuf,
    files: Vec<String>,
    skipped: Skipped,
}

/// One result of the walk.
enum WalkEntry {
    File(String),
    Folder,
    Skipped(Reason, String),
}

impl Tree {
    /// Lists the files of the repository that contains `dir`, or of `dir` itself if no repository contains it.
    pub(super) fn of(dir: &Path) -> Result<Self, GeneratorError> {
        if !dir.is_dir() {
            return Err(GeneratorError::NotADirectory(dir.to_owned()));
        }
        let unreadable = |cause| GeneratorError::Unreadable { dir: dir.to_owned(), cause };
        let dir = dir.canonicalize().map_err(unreadable)?;
        std::fs::read_dir(&dir).map_err(unreadable)?;
        let root = dir.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&dir).to_owned();
        let mut tree = Self { root, files: Vec::new(), skipped: Skipped::default() };
        for (count, entry) in walk(&tree.root).into_iter().enumerate() {
            match entry {
                _ if count >= MAX_FILES => {
                    return Err(GeneratorError::TooManyFiles { dir: tree.root, limit: MAX_FILES });
                }
                WalkEntry::File(path) => tree.files.push(path),
                WalkEntry::Skipped(reason, path) => tree.skipped.add(reason, &path),
                WalkEntry::Folder => {}
            }
        }
        tree.files.sort_unstable();
        Ok(tree)
    }

    /// The sorted paths of all files, read or not, relative to the repository and with slashes.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// Adds a file to the list of what was not read, because its text is not in the format that its name indicates.
    pub(super) fn add_malformed(&mut self, path: &str) {
        self.skipped.add(Reason::Malformed, path);
    }

    /// Adds a file of code to the list of what was not read.
    pub(super) fn add_skipped(&mut self, reason: Reason, path: &str) {
        self.skipped.add(reason, path);
    }

    /// Reads the files that `wanted` selects, several at the same time, and returns the results of `extract` in the
    /// order of the paths. Files for which `extract` returns `None` are dropped.
    pub(super) fn read<T: Send>(
        &mut self,
        wanted: impl Fn(&str) -> bool,
        extract: impl Fn(&str, &str) -> Option<T> + Sync,
    ) -> Vec<(String, T)> {
        let candidates = self.within_budget(wanted);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let work = || {
            while let Some(path) = candidates.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = match read_text(&self.root.join(path)) {
                    Ok(text) => extract(path, &text).map(Ok),
                    Err(reason) => Some(Err(reason)),
                };
                if let (Some(outcome), Ok(mut done)) = (outcome, done.lock()) {
                    done.push((path.clone(), outcome));
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        let mut outcomes = done.into_inner().unwrap_or_default();
        outcomes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut found = Vec::new();
        for (path, outcome) in outcomes {
            match outcome {
                Ok(fact) => found.push((path, fact)),
                Err(reason) => self.skipped.add(reason, &path),
            }
        }
        found
    }

    /// The list of what was not read.
    pub(super) fn into_skipped(self) -> Vec<Skip> {
        self.skipped.list()
    }

    /// The files that `wanted` selects, up to the total limit of bytes. The sizes are read before any file, so that the
    /// selection does not depend on the speed of the threads.
    fn within_budget(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut bytes: u64 = 0;
        let mut candidates = Vec::new();
        for path in self.files.iter().filter(|path| wanted(path)) {
            let size = match self.root.join(path).symlink_metadata() {
                Ok(metadata) if metadata.len() > MAX_BYTES => Err(Reason::TooLarge),
                Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
                Ok(_) | Err(_) => Err(Reason::Unreadable),
            };
            match size {
                Ok(size) if bytes + size <= MAX_TOTAL_BYTES => {
                    bytes += size;
                    candidates.push(path.clone());
                }
                Ok(_) => self.skipped.add(Reason::PastBudget, path),
                Err(reason) => self.skipped.add(reason, path),
            }
        }
        candidates
    }
}

/// Everything below `root` that git tracks or would track, in no particular order.
fn walk(root: &Path) -> Vec<WalkEntry> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).ignore(false).parents(false).require_git(false).follow_links(false);
    // These rules are not part of the tree. `PrivateIgnores` applies them to files that are not tracked.
    walk.git_global(false).git_exclude(false);
    let (private_ignores, top) = (PrivateIgnores::of(root), root.to_owned());
    walk.max_depth(Some(MAX_DEPTH)).filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_hidden = |path| private_ignores.hide(path, is_folder);
        let path = entry.path().strip_prefix(&top).ok().filter(|_| entry.depth() > 0);
        entry.file_name() != ".git" && !path.is_some_and(is_hidden)
    });
    walk.threads(std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS));
    let (sender, entries) = mpsc::channel();
    let count = AtomicUsize::new(0);
    walk.build_parallel().run(|| {
        let (sender, count) = (sender.clone(), &count);
        Box::new(move |entry| {
            let entry = classify(root, entry);
            let state = if matches!(entry, WalkEntry::Skipped(..)) { WalkState::Skip } else { WalkState::Continue };
            let _ = sender.send(entry);
            if count.fetch_add(1, Ordering::Relaxed) > MAX_FILES { WalkState::Quit } else { state }
        })
    });
    drop(sender);
    entries.into_iter().collect()
}

/// Decides whether an entry of the walk is a file, a folder or skipped. The walk does not enter a skipped folder.
fn classify(root: &Path, entry: Result<DirEntry, ignore::Error>) -> WalkEntry {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => return WalkEntry::Skipped(Reason::Unreadable, relative(root, path_of(&error).unwrap_or(root))),
    };
    let path = relative(root, entry.path());
    let (Some(kind), Some(name)) = (entry.file_type(), entry.file_name().to_str()) else {
        return WalkEntry::Skipped(Reason::NotUtf8, path);
    };
    let reason = match () {
        () if entry.depth() == 0 => return WalkEntry::Folder,
        () if kind.is_symlink() => Reason::Link,
        () if kind.is_file() && secret_names::may_contain_secret(&path) => Reason::LooksSecret,
        () if kind.is_file() => return WalkEntry::File(path),
        () if !kind.is_dir() => Reason::Special,
        () if DEPENDENCIES.contains(&name) => Reason::Dependencies,
        () if secret_names::is_secret_folder(name) => Reason::LooksSecret,
        () if entry.path().join(".git").exists() => Reason::OtherRepository,
        () if entry.depth() >= MAX_DEPTH => Reason::TooDeep,
        () => return WalkEntry::Folder,
    };
    WalkEntry::Skipped(reason, path)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(Path::new("")).to_string_lossy().into_owned()
}

/// The path that an error of the walk refers to.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// Reads the text of a file.
fn read_text(path: &Path) -> Result<String, Reason> {
    let file = File::open(path).map_err(|_| Reason::Unreadable)?;
    let metadata = file.metadata().map_err(|_| Reason::Unreadable)?;
    if !metadata.is_file() {
        return Err(Reason::Unreadable);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or(0) + 1);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|_| Reason::Unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Reason::TooLarge);
    }
    if bytes.contains(&0) {
        return Err(Reason::Binary);
    }
    let text = String::from_utf8(bytes).map_err(|_| Reason::NotUtf8)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
