//! `launcher claims guard`: git hooks that keep an agent from committing to what another agent has claimed.
//!
//! [`hooks`] installs and removes them. [`decision`] is what a hook runs: it reads the copy of the claims on this machine,
//! never the network.

mod decision;
mod git;
mod hooks;

use clap::{Subcommand, ValueEnum};

use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// What `launcher claims guard --help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher claims guard install      add the hooks to the repository you are in
  launcher claims guard check        say whether they are in place
  launcher claims guard uninstall    remove them, and put the earlier hooks back

A hook that exists is kept and runs first. An agent's commit or push is refused if it changes a path that another agent \
holds. A person only gets a warning. `git commit --no-verify` skips the hooks.";

/// What can be done about the hooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Guard {
    /// Add the hooks pre-commit and pre-push to the repository you are in
    Install,
    /// Remove the hooks, and put the earlier ones back
    Uninstall,
    /// Say whether the hooks are in place
    Check,
    /// What the hooks run
    #[command(hide = true)]
    Hook {
        #[arg(value_enum)]
        hook: Hook,
    },
}

/// A hook of git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hook {
    PreCommit,
    PrePush,
}

impl Hook {
    const ALL: [Self; 2] = [Self::PreCommit, Self::PrePush];

    fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
        }
    }
}

pub(crate) fn run(guard: &Guard, env: &ProcessEnv) -> Result<(), LaunchError> {
    match guard {
        Guard::Install => hooks::install(env),
        Guard::Uninstall => hooks::uninstall(env),
        Guard::Check => hooks::check(env),
        Guard::Hook { hook } => decision::run(*hook, env),
    }
}
