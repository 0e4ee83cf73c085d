//! The files of a repository: found, and read within bounds.
//!
//! It walks what git would track, never through a link, and hands a file's text to nobody before
//! its name, its size and its bytes have been looked at. The order of everything is that of the paths.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::GeneratorError;
use super::secrecy;
use super::skipped::{Reason, Skip, Skipped};
use super::tracked::OwnIgnores;

/// More files than this are no repository.
const MAX_FILES: usize = 1_000_000;
/// Folders in folders.
const MAX_DEPTH: usize = 64;
/// One file. What people write is smaller.
const MAX_BYTES: u64 = 1024 * 1024;
/// All files that one document is made from.
const MAX_BYTES_IN_ALL: u64 = 512 * 1024 * 1024;
/// Reading waits for the disk more than for a core.
const MAX_THREADS: usize = 4;

/// Folders of packages that others wrote, where somebody committed them.
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

/// The files of a repository, and what was not read of it.
pub(super) struct Tree {
    root: PathBuf,
    files: Vec<String>,
    skipped: Skipped,
}

/// What the walk met.
enum Met {
    File(String),
    Folder,
    Skipped(Reason, String),
}

impl Tree {
    /// Lists the repository that `dir` lies in; outside of one, the folder itself.
    pub(super) fn of(dir: &Path) -> Result<Self, GeneratorError> {
        if !dir.is_dir() {
            return Err(GeneratorError::NotADirectory(dir.to_owned()));
        }
        let unreadable = |cause| GeneratorError::Unreadable { dir: dir.to_owned(), cause };
        let dir = dir.canonicalize().map_err(unreadable)?;
        std::fs::read_dir(&dir).map_err(unreadable)?;
        let root = dir.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&dir).to_owned();
        let mut tree = Self { root, files: Vec::new(), skipped: Skipped::default() };
        for (count, met) in walk(&tree.root).into_iter().enumerate() {
            match met {
                _ if count >= MAX_FILES => {
                    return Err(GeneratorError::TooManyFiles { dir: tree.root, limit: MAX_FILES });
                }
                Met::File(path) => tree.files.push(path),
                Met::Skipped(reason, path) => tree.skipped.add(reason, &path),
                Met::Folder => {}
            }
        }
        tree.files.sort_unstable();
        Ok(tree)
    }

    /// Every file, read or not, sorted; relative to the repository, with slashes.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// Notes a file whose text is not what its name says.
    pub(super) fn is_malformed(&mut self, path: &str) {
        self.skipped.add(Reason::Malformed, path);
    }

    /// Reads the files that are wanted, several at a time, and gives what `extract` makes of them,
    /// in the order of their paths. A file that gives `None` is read and let go.
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

    /// What was not read.
    pub(super) fn into_skipped(self) -> Vec<Skip> {
        self.skipped.list()
    }

    /// The wanted files, up to the budget. Sizes are asked first, so that what is left out does not
    /// depend on which thread was faster.
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
                Ok(size) if bytes + size <= MAX_BYTES_IN_ALL => {
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

/// Everything below `root` that git would track, in no order.
fn walk(root: &Path) -> Vec<Met> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).ignore(false).parents(false).require_git(false).follow_links(false);
    // Those are no part of the tree, and decide over what is not tracked alone.
    walk.git_global(false).git_exclude(false);
    let (own_ignores, top) = (OwnIgnores::of(root), root.to_owned());
    walk.max_depth(Some(MAX_DEPTH)).filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_hidden = |path| own_ignores.hide(path, is_folder);
        let path = entry.path().strip_prefix(&top).ok().filter(|_| entry.depth() > 0);
        entry.file_name() != ".git" && !path.is_some_and(is_hidden)
    });
    walk.threads(std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS));
    let (sender, met) = mpsc::channel();
    let count = AtomicUsize::new(0);
    walk.build_parallel().run(|| {
        let (sender, count) = (sender.clone(), &count);
        Box::new(move |entry| {
            let met = meet(root, entry);
            let state = if matches!(met, Met::Skipped(..)) { WalkState::Skip } else { WalkState::Continue };
            let _ = sender.send(met);
            if count.fetch_add(1, Ordering::Relaxed) > MAX_FILES { WalkState::Quit } else { state }
        })
    });
    drop(sender);
    met.into_iter().collect()
}

/// What to make of an entry of the walk. What is skipped is not gone into.
fn meet(root: &Path, entry: Result<DirEntry, ignore::Error>) -> Met {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => return Met::Skipped(Reason::Unreadable, relative(root, place_of(&error).unwrap_or(root))),
    };
    let path = relative(root, entry.path());
    let (Some(kind), Some(name)) = (entry.file_type(), entry.file_name().to_str()) else {
        return Met::Skipped(Reason::NotUtf8, path);
    };
    let reason = match () {
        () if entry.depth() == 0 => return Met::Folder,
        () if kind.is_symlink() => Reason::Link,
        () if kind.is_file() && secrecy::looks_secret(&path) => Reason::LooksSecret,
        () if kind.is_file() => return Met::File(path),
        () if !kind.is_dir() => Reason::Special,
        () if DEPENDENCIES.contains(&name) => Reason::Dependencies,
        () if secrecy::is_secret_folder(name) => Reason::LooksSecret,
        () if entry.path().join(".git").exists() => Reason::OtherRepository,
        () if entry.depth() >= MAX_DEPTH => Reason::TooDeep,
        () => return Met::Folder,
    };
    Met::Skipped(reason, path)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(Path::new("")).to_string_lossy().into_owned()
}

/// The path that an error of the walk is about.
fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err),
        _ => None,
    }
}

/// The text of a file, if it is one.
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
