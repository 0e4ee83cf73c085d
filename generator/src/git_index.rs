//! Reads the index of git and the user's own ignore rules. These rules hide a file only if git does not track it.
//!
//! If they hid tracked files, a line in a user's `~/.config/git/ignore` would change the document of the same commit.
//! If they were not applied at all, files that the user hides would be read. This module reads the files of the `.git`
//! folder and does not run git.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The maximum size of an index. An index of a million files is smaller.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The ignore rules that are not part of the tree: those of the user and those of this clone.
pub(super) struct PrivateIgnores {
    git_folders: Option<GitFolders>,
    ignores: Vec<Gitignore>,
    /// The index. It is read when a rule matches for the first time, because most repositories never need it.
    tracked: OnceLock<Tracked>,
}

impl PrivateIgnores {
    pub(super) fn of(root: &Path) -> Self {
        let git_folders = GitFolders::of(root);
        // If some lines of an ignore file are invalid, the others are used.
        let mut ignores = vec![Gitignore::global().0];
        if let Some(git_folders) = &git_folders {
            let mut of_clone = GitignoreBuilder::new(root);
            let _ = of_clone.add(git_folders.common.join("info/exclude"));
            ignores.extend(of_clone.build().ok());
        }
        ignores.retain(|ignores| !ignores.is_empty());
        Self { git_folders, ignores, tracked: OnceLock::new() }
    }

    /// Whether a file or folder, relative to the root, is ignored and not tracked.
    pub(super) fn hide(&self, path: &Path, is_folder: bool) -> bool {
        let is_ignored = |ignores: &Gitignore| ignores.matched_path_or_any_parents(path, is_folder).is_ignore();
        self.ignores.iter().any(is_ignored) && !self.tracked().has(path, is_folder)
    }

    fn tracked(&self) -> &Tracked {
        self.tracked.get_or_init(|| self.git_folders.as_ref().and_then(Tracked::read).unwrap_or_default())
    }
}

/// The folders in which git keeps the data of a repository.
struct GitFolders {
    /// The folder of this worktree.
    own: PathBuf,
    /// The folder that all worktrees share.
    common: PathBuf,
}

impl GitFolders {
    fn of(root: &Path) -> Option<Self> {
        let dot_git = root.join(".git");
        if dot_git.is_dir() {
            return Some(Self { own: dot_git.clone(), common: dot_git });
        }
        let pointer = std::fs::read_to_string(dot_git).ok()?;
        let own = root.join(pointer.strip_prefix("gitdir:")?.trim());
        let common = std::fs::read_to_string(own.join("commondir"));
        let common = common.map_or_else(|_| own.clone(), |common| own.join(common.trim()));
        Some(Self { own, common })
    }

    /// The length of a hash in this repository, in bytes.
    fn hash_bytes(&self) -> usize {
        let config = std::fs::read_to_string(self.common.join("config")).unwrap_or_default().to_ascii_lowercase();
        let is_long = |line: &str| line.trim_start().starts_with("objectformat") && line.contains("sha256");
        if config.lines().any(is_long) { 32 } else { 20 }
    }
}

/// The paths that git tracks, sorted.
#[derive(Default)]
struct Tracked(Vec<Vec<u8>>);

impl Tracked {
    /// Reads the index. `None` if it can't be read; then no file counts as tracked.
    fn read(git_folders: &GitFolders) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(git_folders.own.join("index")).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let mut names = names(&bytes, git_folders.hash_bytes())?;
        names.sort_unstable();
        Some(Self(names))
    }

    /// Whether git tracks the file, or any file in the folder.
    fn has(&self, path: &Path, is_folder: bool) -> bool {
        let mut wanted = path.as_os_str().as_bytes().to_vec();
        if !is_folder {
            return self.0.binary_search(&wanted).is_ok();
        }
        wanted.push(b'/');
        let first = self.0.partition_point(|name| *name < wanted);
        self.0.get(first).is_some_and(|name| name.starts_with(&wanted))
    }
}

/// The paths in an index of version 2, 3 or 4 (`gitformat-index`).
fn names(index: &[u8], hash_bytes: usize) -> Option<Vec<Vec<u8>>> {
    const STAT_BYTES: usize = 40;
    const EXTENDED: u16 = 0x4000;
    let (version, rest) = read_u32(index.strip_prefix(b"DIRC")?)?;
    let (count, mut rest) = read_u32(rest)?;
    let mut names: Vec<Vec<u8>> = Vec::new();
    for _ in 0..count {
        let (flags, mut name) = rest.get(STAT_BYTES + hash_bytes..)?.split_first_chunk()?;
        if u16::from_be_bytes(*flags) & EXTENDED != 0 {
            name = name.get(2..)?;
        }
        let mut kept: &[u8] = &[];
        if version == 4 {
            let (dropped, after) = read_varint(name)?;
            let previous = names.last().map(Vec::as_slice).unwrap_or_default();
            kept = previous.get(..previous.len().checked_sub(dropped)?)?;
            name = after;
        }
        let (own, after) = name.split_at_checked(name.iter().position(|byte| *byte == 0)?)?;
        // In version 4, an entry ends after its name. In older versions, it is padded to a multiple of eight bytes.
        let length = rest.len() - after.len();
        rest = match version {
            4 => after.get(1..)?,
            2 | 3 => rest.get((length / 8 + 1) * 8..)?,
            _ => return None,
        };
        names.push([kept, own].concat());
    }
    Some(names)
}

fn read_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// Reads a number with a variable length, seven bits per byte, in git's offset encoding.
fn read_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let (mut byte, mut value) = (*first, usize::from(first & 127));
    while byte & 128 != 0 {
        let (next, after) = rest.split_first()?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(next & 127))?;
        (byte, rest) = (*next, after);
    }
    Some((value, rest))
}
