//! Separates agents in git: each agent has a prefix for its branches and can have its own worktree.
//!
//! In the shared checkout, branch names begin with `dev/<host>/`. In an agent's own worktree, they begin with
//! `dev/<agent>/`. Worktrees are in the folder `<repository>-worktrees/` beside the repository. The launcher never
//! removes a worktree.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use deckwatch_machine::agent::this_host;
use deckwatch_machine::checkout::{Checkout, CheckoutKind, add_worktree, main_folder};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Agent, Branch};

use crate::error::LaunchError;

const MAX_NAME: usize = 64;

/// The worktree that `--worktree` selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorktreeName {
    /// The worktree with the name of the agent.
    OfAgent,
    /// The worktree with this name. Several agents can share it.
    Named(String),
}

impl FromStr for WorktreeName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::OfAgent);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits);
        if is_name && text.len() <= MAX_NAME && text.parse::<Branch>().is_ok() {
            Ok(Self::Named(text.to_owned()))
        } else {
            Err("must be at most 64 letters, digits, '.', '_' or '-', starting with a letter or digit")
        }
    }
}

/// The worktree in which an agent will start.
pub(crate) struct Worktree {
    name: WorktreeName,
    /// The folder that contains the worktrees of the repository.
    folder: PathBuf,
}

impl Worktree {
    /// Determines the location of the worktree. Runs git, but changes nothing.
    pub(crate) fn plan(name: &WorktreeName, checkout: &Checkout) -> Result<Self, LaunchError> {
        let main = match checkout.kind {
            CheckoutKind::Worktree => main_folder(&checkout.root)?,
            _ => checkout.root.clone(),
        };
        let mut folder = main.file_name().unwrap_or_default().to_owned();
        folder.push("-worktrees");
        Ok(Self { name: name.clone(), folder: main.with_file_name(folder) })
    }

    /// The folder of the worktree if `agent` starts in it.
    pub(crate) fn path(&self, agent: &Agent) -> PathBuf {
        match &self.name {
            WorktreeName::OfAgent => self.folder.join(agent.as_str()),
            WorktreeName::Named(name) => self.folder.join(name),
        }
    }

    /// Opens the worktree. Creates it if it does not exist.
    pub(crate) fn open(&self, agent: &Agent, from: &Checkout) -> Result<Checkout, LaunchError> {
        let path = self.path(agent);
        if !path.exists() {
            let branch = match &self.name {
                WorktreeName::OfAgent => format!("{}work", prefix_of(agent)),
                WorktreeName::Named(name) => format!("{}{name}", prefix_of(agent)),
            };
            Dirs::create(&self.folder)
                .map_err(|error| LaunchError::Worktree { path: self.folder.clone(), message: error.to_string() })?;
            add_worktree(&from.root, &path, &branch)?;
        }
        let opened = Checkout::at(&path)?;
        if opened.kind == CheckoutKind::Worktree && same_repository(&opened.root, &from.root) {
            return Ok(opened);
        }
        let message = format!("it exists, but is not a worktree of {}", from.repo);
        Err(LaunchError::Worktree { path, message })
    }
}

/// The prefix of the branches: the agent's own in its own worktree, the machine's in the shared checkout.
pub(crate) fn prefix(worktree: Option<&Worktree>, agent: &Agent) -> String {
    if worktree.is_some() {
        return prefix_of(agent);
    }
    let host = this_host();
    let short = host.as_str().split('.').next().unwrap_or_default();
    format!("dev/{short}/")
}

fn prefix_of(agent: &Agent) -> String {
    format!("dev/{agent}/")
}

fn same_repository(one: &Path, other: &Path) -> bool {
    main_folder(one).is_ok_and(|one| main_folder(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_name_must_be_valid_as_a_folder_and_a_branch() {
        assert_eq!("".parse(), Ok(WorktreeName::OfAgent));
        assert_eq!("fix-87".parse(), Ok(WorktreeName::Named("fix-87".to_owned())));
        for bad in ["../up", "a/b", "-b", ".hidden", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<WorktreeName>().is_err(), "{bad:?}");
        }
    }
}
