//! Finds a venture's repository below the dev root of this machine.
//!
//! The remote identifies a repository. The folder's name only decides between several clones.

mod git_config;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deckwatch_protocol::{GithubOrg, RepoName, VentureCode};
use thiserror::Error;

use self::git_config::{Remote, read_remote};
use self::walk::walk;
use crate::checkout::{Checkout, CheckoutKind, repo_from_remote};
use crate::dirs::Dirs;
use crate::ventures::VentureEntry;

/// The default folder in which repositories are searched: `~/dev`.
pub fn default_dev_root(dirs: &Dirs) -> PathBuf {
    dirs.home.join("dev")
}

/// Why a venture's repository was not found.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// The venture has neither repositories nor an organisation.
    #[error("venture {0} lists no repositories and names no organisation")]
    NoRepositories(VentureCode),
    /// The venture lists no repositories, and none of its organisation is on this machine.
    #[error("venture {venture} lists no repositories, and no repository of {org} is below {}", .dev_root.display())]
    NoneOfOrganisation {
        /// The venture.
        venture: VentureCode,
        /// The organisation.
        org: GithubOrg,
        /// The dev root.
        dev_root: PathBuf,
    },
    /// The venture lists no repositories, and several of its organisation are on this machine.
    #[error("venture {venture} lists no repositories, and {org} has several:{}", lines(.paths))]
    SeveralOfOrganisation {
        /// The venture.
        venture: VentureCode,
        /// The organisation.
        org: GithubOrg,
        /// The candidates.
        paths: Vec<PathBuf>,
    },
    /// None of the venture's repositories was found.
    #[error("no repository of venture {venture} is below {}", .dev_root.display())]
    NotFound {
        /// The venture.
        venture: VentureCode,
        /// The repositories that were searched.
        repos: Vec<RepoName>,
        /// The dev root.
        dev_root: PathBuf,
        /// The search stopped at the limit of folders.
        cut_short: bool,
    },
    /// A repository has several clones, and no rule selects one.
    #[error("{repo} has several clones:{}", lines(.paths))]
    Several {
        /// The repository.
        repo: RepoName,
        /// The clones.
        paths: Vec<PathBuf>,
    },
    /// The dev root can't be read.
    #[error("cannot search for repositories below {}: {source}", .dev_root.display())]
    DevRoot {
        /// The dev root.
        dev_root: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

fn lines(paths: &[PathBuf]) -> String {
    paths.iter().fold(String::new(), |text, path| text + "\n  " + &path.display().to_string())
}

/// The repositories below the dev root whose names could be read.
pub struct Repositories {
    dev_root: PathBuf,
    found: Vec<Found>,
    cut_short: bool,
}

/// A repository that was found.
struct Found {
    root: PathBuf,
    repo: RepoName,
    is_worktree: bool,
}

impl Repositories {
    /// Searches the dev root. A missing dev root gives no repositories.
    pub fn below(dev_root: &Path) -> Result<Self, DiscoveryError> {
        let walked =
            walk(dev_root).map_err(|source| DiscoveryError::DevRoot { dev_root: dev_root.to_owned(), source })?;
        let rewritten = remotes_are_rewritten();
        let mut found = in_parallel(walked.folders, |root| read_repository(root, rewritten));
        found.sort_by(|a, b| a.root.cmp(&b.root));
        Ok(Self { dev_root: dev_root.to_owned(), found, cut_short: walked.cut_short })
    }

    /// The names of the repositories with a remote, without duplicates.
    pub fn names(&self) -> Vec<RepoName> {
        let mut names: Vec<RepoName> = Vec::new();
        let shared = self.found.iter().map(|found| &found.repo).filter(|repo| !repo.as_str().starts_with("local/"));
        for repo in shared {
            if !names.iter().any(|name| is_same(name, repo)) {
                names.push(repo.clone());
            }
        }
        names
    }

    /// The repository to open for a venture: the first listed repository that is on this machine. If the venture lists
    /// none, a repository of its organisation.
    pub fn of_venture(&self, venture: &VentureEntry) -> Result<PathBuf, DiscoveryError> {
        if venture.repos.is_empty() {
            return self.of_organisation(venture);
        }
        for repo in &venture.repos {
            let clones: Vec<&Found> = self.found.iter().filter(|found| is_same(&found.repo, repo)).collect();
            if !clones.is_empty() {
                return select_clone(repo, venture, &clones);
            }
        }
        Err(DiscoveryError::NotFound {
            venture: venture.code.clone(),
            repos: venture.repos.clone(),
            dev_root: self.dev_root.clone(),
            cut_short: self.cut_short,
        })
    }

    /// The repository of the venture's organisation. In order: the one named like the venture, the only one whose name
    /// starts with the venture's code, or the only one on this machine.
    fn of_organisation(&self, venture: &VentureEntry) -> Result<PathBuf, DiscoveryError> {
        let code = &venture.code;
        let org = venture.github_org.clone().ok_or_else(|| DiscoveryError::NoRepositories(code.clone()))?;
        let mut repos: Vec<&RepoName> = Vec::new();
        for Found { repo, .. } in &self.found {
            if is_of(repo, &org) && !repos.iter().any(|known| is_same(known, repo)) {
                repos.push(repo);
            }
        }
        let short_name = |repo: &RepoName| repo.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let matching = |keep: &dyn Fn(&str) -> bool| {
            repos.iter().copied().filter(|repo| keep(&short_name(repo))).collect::<Vec<_>>()
        };
        let choices = [
            matching(&|name| name == code.as_str()),
            matching(&|name| name.strip_prefix(code.as_str()).is_some_and(|rest| rest.starts_with(['-', '.', '_']))),
            repos.clone(),
        ];
        let candidates = choices.into_iter().find(|choice| !choice.is_empty()).unwrap_or_default();
        let clones = |repo: &RepoName| self.found.iter().filter(|found| is_same(&found.repo, repo)).collect::<Vec<_>>();
        match candidates.as_slice() {
            [] => {
                let (venture, dev_root) = (code.clone(), self.dev_root.clone());
                Err(DiscoveryError::NoneOfOrganisation { venture, org, dev_root })
            }
            [only] => select_clone(only, venture, &clones(only)),
            several => {
                let paths = several.iter().flat_map(|repo| clones(repo)).map(|found| found.root.clone()).collect();
                Err(DiscoveryError::SeveralOfOrganisation { venture: code.clone(), org, paths })
            }
        }
    }
}

fn is_of(repo: &RepoName, org: &GithubOrg) -> bool {
    repo.as_str().split('/').next().is_some_and(|owner| owner.eq_ignore_ascii_case(org.as_str()))
}

/// Selects a clone. In order: the only clone, the only clone in a folder named like the repository or the venture, or the
/// only clone that is not a worktree.
fn select_clone(repo: &RepoName, venture: &VentureEntry, clones: &[&Found]) -> Result<PathBuf, DiscoveryError> {
    let own_name = repo.as_str().rsplit('/').next().unwrap_or_default();
    let matching =
        |keep: &dyn Fn(&Found) -> bool| clones.iter().copied().filter(|found| keep(found)).collect::<Vec<_>>();
    let choices = [
        clones.to_vec(),
        matching(&|found| found.root.ends_with(own_name)),
        matching(&|found| found.root.ends_with(venture.code.as_str())),
        matching(&|found| !found.is_worktree),
    ];
    let only = choices.iter().find_map(|choice| match choice.as_slice() {
        [only] => Some(only.root.clone()),
        _ => None,
    });
    only.ok_or_else(|| DiscoveryError::Several {
        repo: repo.clone(),
        paths: clones.iter().map(|found| found.root.clone()).collect(),
    })
}

fn is_same(one: &RepoName, other: &RepoName) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// Reads the name of a repository from its configuration file, or runs git if the file is not enough.
fn read_repository(root: PathBuf, rewritten: bool) -> Option<Found> {
    if !rewritten
        && let Remote::Url { url, is_worktree } = read_remote(&root)
        && let Some(repo) = repo_from_remote(&url)
    {
        return Some(Found { root, repo, is_worktree });
    }
    // A repository that git can't read is skipped here. --repo reports the error for such a repository.
    let checkout = Checkout::at(&root).ok()?;
    let is_worktree = checkout.kind == CheckoutKind::Worktree;
    Some(Found { root, repo: checkout.repo, is_worktree })
}

/// Whether the user's git configuration rewrites URLs (`insteadOf`). In that case the repository's file is not enough.
fn remotes_are_rewritten() -> bool {
    let output = Command::new("git")
        .args(["config", "--global", "--get-regexp", r"^url\..*\.insteadof$"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| !output.stdout.is_empty())
}

fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> Option<R> + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get() * 2);
    let share = items.len().div_ceil(workers).max(1);
    let mut shares: Vec<Vec<T>> = Vec::new();
    let mut items = items.into_iter();
    loop {
        let next: Vec<T> = items.by_ref().take(share).collect();
        if next.is_empty() {
            break;
        }
        shares.push(next);
    }
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().filter_map(work).collect::<Vec<R>>()))
            .collect();
        running.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

#[cfg(test)]
mod tests;
