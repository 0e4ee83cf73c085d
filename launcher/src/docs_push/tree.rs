//! The files of a commit, read from git. Uncommitted changes don't count, and a link is never followed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_protocol::{Doc, DocContent, RepoName};

use crate::error::LaunchError;

/// Variables with which a caller, such as a git hook, points git at another repository.
const MISLEADING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"];

/// The commit that is checked out.
pub(super) struct Tree {
    pub(super) root: PathBuf,
    pub(super) repo: RepoName,
    pub(super) has_remote: bool,
    pub(super) files: Vec<TreeFile>,
    commit: String,
}

/// A file of the commit.
pub(super) struct TreeFile {
    /// Its path from the top of the repository. If it is not UTF-8, parts are replaced.
    pub(super) path: String,
    is_utf8: bool,
    mode: String,
    object: String,
    size: Option<u64>,
}

impl Tree {
    pub(super) fn open(cwd: &Path) -> Result<Self, LaunchError> {
        let checkout = Checkout::at(cwd)?;
        if checkout.kind == CheckoutKind::NotARepository {
            return Err(LaunchError::NotARepository(cwd.to_owned()));
        }
        let Some(commit) = checkout.commit_sha else {
            return Err(LaunchError::Git("it has no commit yet".to_owned()));
        };
        let mut tree = Self {
            root: checkout.root,
            repo: checkout.repo,
            has_remote: checkout.remote.is_some(),
            files: Vec::new(),
            commit: commit.to_string(),
        };
        let listed = tree.git(&["ls-tree", "-r", "-z", "-l", "--full-tree", &tree.commit])?;
        tree.files = listed.split(|byte| *byte == 0).filter_map(TreeFile::parse).collect();
        Ok(tree)
    }

    /// The paths that differ from `since`: changed, added and deleted ones, and both paths of a renamed file. `None` if
    /// this checkout does not have that commit.
    pub(super) fn changed_since(&self, since: &str) -> Result<Option<BTreeSet<String>>, LaunchError> {
        let commit = format!("{since}^{{commit}}");
        let Ok(known) = self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]) else {
            return Ok(None);
        };
        let since = String::from_utf8_lossy(&known).trim().to_owned();
        let listed = self.git(&["diff", "--name-only", "-z", "--no-renames", &since, &self.commit, "--"])?;
        let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(Some(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect()))
    }

    /// The content of a file, if a document can have it.
    pub(super) fn content(&self, file: &TreeFile) -> Result<DocContent, String> {
        if !file.is_utf8 {
            return Err("the path is not UTF-8".to_owned());
        }
        if !file.mode.starts_with("100") {
            let kind = if file.mode == "120000" { "a symbolic link" } else { "a submodule" };
            return Err(format!("it is {kind}, not a file"));
        }
        match file.size {
            Some(0) => return Err("it is empty; a document must have text".to_owned()),
            Some(size) if size > Doc::MAX_BYTES as u64 => {
                return Err(format!("it has {size} bytes; a document has at most {}", Doc::MAX_BYTES));
            }
            _ => {}
        }
        let bytes = self.git(&["cat-file", "blob", &file.object]).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| "it is a binary file, not UTF-8 text".to_owned())?;
        text.parse().map_err(|why| format!("its content {why}"))
    }

    fn git(&self, args: &[&str]) -> Result<Vec<u8>, LaunchError> {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.root).env("LC_ALL", "C").stdin(Stdio::null());
        for name in MISLEADING {
            command.env_remove(name);
        }
        let output = command.output().map_err(|error| LaunchError::Git(format!("git can't be started: {error}")))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("git gave no reason");
        Err(LaunchError::Git(first.trim_start_matches("fatal: ").to_owned()))
    }
}

impl TreeFile {
    /// Parses `<mode> <type> <object> <size>\t<path>`.
    fn parse(line: &[u8]) -> Option<Self> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (facts, path) = (line.get(..tab)?, line.get(tab + 1..)?);
        let facts = String::from_utf8_lossy(facts).into_owned();
        let mut facts = facts.split_whitespace();
        let (mode, _kind, object) = (facts.next()?.to_owned(), facts.next()?, facts.next()?.to_owned());
        let size = facts.next().and_then(|size| size.parse().ok());
        let is_utf8 = std::str::from_utf8(path).is_ok();
        Some(Self { path: String::from_utf8_lossy(path).into_owned(), is_utf8, mode, object, size })
    }
}
