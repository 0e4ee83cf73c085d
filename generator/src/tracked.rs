//! What git tracks, as its index says, and the user's own ignores, which decide over nothing that is tracked.
//!
//! Without it, a line in somebody's `~/.config/git/ignore` would make another document of the same commit; and without
//! those ignores, what they keep out of sight would be read. It reads the records of this repository and runs no git.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// An index of a million files is smaller.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The ignores that are no part of the tree: those of the user, and those of this clone.
pub(super) struct OwnIgnores {
    records: Option<Records>,
    ignores: Vec<Gitignore>,
    /// Read when the first file would be hidden: most repositories never need it.
    tracked: OnceLock<Tracked>,
}

impl OwnIgnores {
    pub(super) fn of(root: &Path) -> Self {
        let records = Records::of(root);
        // A file of ignores that can't be read in part is used as far as it can.
        let mut ignores = vec![Gitignore::global().0];
        if let Some(records) = &records {
            let mut of_clone = GitignoreBuilder::new(root);
            let _ = of_clone.add(records.common.join("info/exclude"));
            ignores.extend(of_clone.build().ok());
        }
        ignores.retain(|ignores| !ignores.is_empty());
        Self { records, ignores, tracked: OnceLock::new() }
    }

    /// Whether a file or folder, relative to the root, is kept out of sight and not tracked either.
    pub(super) fn hide(&self, path: &Path, is_folder: bool) -> bool {
        let is_ignored = |ignores: &Gitignore| ignores.matched_path_or_any_parents(path, is_folder).is_ignore();
        self.ignores.iter().any(is_ignored) && !self.tracked().has(path, is_folder)
    }

    fn tracked(&self) -> &Tracked {
        self.tracked.get_or_init(|| self.records.as_ref().and_then(Tracked::read).unwrap_or_default())
    }
}

/// Where git keeps its records of a repository.
struct Records {
    /// Of this worktree.
    own: PathBuf,
    /// Of all its worktrees.
    common: PathBuf,
}

impl Records {
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

    /// How long a hash is in this repository.
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
    /// An index that can't be read tracks nothing.
    fn read(records: &Records) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(records.own.join("index")).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let mut names = names(&bytes, records.hash_bytes())?;
        names.sort_unstable();
        Some(Self(names))
    }

    /// Whether it is tracked; of a folder, whether anything in it is.
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

/// The names in an index of version 2, 3 or 4 (`gitformat-index`).
fn names(index: &[u8], hash_bytes: usize) -> Option<Vec<Vec<u8>>> {
    const WORDS: usize = 40;
    const EXTENDED: u16 = 0x4000;
    let (version, rest) = word(index.strip_prefix(b"DIRC")?)?;
    let (count, mut rest) = word(rest)?;
    let mut names: Vec<Vec<u8>> = Vec::new();
    for _ in 0..count {
        let (flags, mut name) = rest.get(WORDS + hash_bytes..)?.split_first_chunk()?;
        if u16::from_be_bytes(*flags) & EXTENDED != 0 {
            name = name.get(2..)?;
        }
        let mut kept: &[u8] = &[];
        if version == 4 {
            let (dropped, after) = variable(name)?;
            let before = names.last().map(Vec::as_slice).unwrap_or_default();
            kept = before.get(..before.len().checked_sub(dropped)?)?;
            name = after;
        }
        let (own, after) = name.split_at_checked(name.iter().position(|byte| *byte == 0)?)?;
        // From version 4 on an entry ends with its name; before, it is filled up to eight bytes.
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

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*word), rest))
}

/// A number of seven bits a byte, as git writes offsets.
fn variable(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let (mut byte, mut value) = (*first, usize::from(first & 127));
    while byte & 128 != 0 {
        let (next, after) = rest.split_first()?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(next & 127))?;
        (byte, rest) = (*next, after);
    }
    Some((value, rest))
}
