//! The repositories of the team that the commands are about.

use clap_complete::engine::ArgValueCandidates;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{RepoName, VentureCode};

use crate::catalogue::{self, Catalogue};
use crate::completions;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::target;
use crate::venture_cache::{self, CacheUse};

/// Which repositories a command is about: the named ones, those of a venture, or those of all ventures.
#[derive(Debug, Default, Clone, clap::Args)]
pub(super) struct Selection {
    /// A repository, as owner/name; can be repeated. Default: those of all ventures
    #[arg(long = "repo", value_name = "REPO")]
    repos: Vec<RepoName>,

    /// Only the repositories of this venture
    #[arg(long, value_name = "VENTURE", conflicts_with = "repos", add = ArgValueCandidates::new(completions::ventures))]
    venture: Option<VentureCode>,
}

/// The repositories, and the names that are not on GitHub.
pub(super) struct TeamRepos {
    pub(super) on_github: Vec<RepoName>,
    pub(super) elsewhere: Vec<RepoName>,
}

impl TeamRepos {
    pub(super) fn find(selection: &Selection, env: &ProcessEnv) -> Result<Self, LaunchError> {
        if !selection.repos.is_empty() {
            return Ok(Self::of(selection.repos.clone()));
        }
        let ventures = ventures(selection, env)?;
        Ok(Self::of(ventures.into_iter().flat_map(|venture| venture.repos).collect()))
    }

    /// Each repository once. Case is ignored, as on GitHub.
    fn of(names: Vec<RepoName>) -> Self {
        let mut repos = Self { on_github: Vec::new(), elsewhere: Vec::new() };
        for name in names {
            let is_github =
                matches!(name.as_str().split_once('/'), Some((owner, rest)) if owner != "local" && !rest.contains('/'));
            let list = if is_github { &mut repos.on_github } else { &mut repos.elsewhere };
            if !list.iter().any(|known| known.as_str().eq_ignore_ascii_case(name.as_str())) {
                list.push(name);
            }
        }
        repos
    }

    /// The accounts that own them, in small letters, each once.
    pub(super) fn owners(&self) -> Vec<String> {
        let mut owners: Vec<String> = self.on_github.iter().map(owner_of).collect();
        owners.sort();
        owners.dedup();
        owners
    }
}

/// The account in a name, in small letters.
pub(super) fn owner_of(repo: &RepoName) -> String {
    repo.as_str().split('/').next().unwrap_or_default().to_ascii_lowercase()
}

fn ventures(selection: &Selection, env: &ProcessEnv) -> Result<Vec<VentureEntry>, LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let here = target::here(None, env)?;
    let file = catalogue::file(None, env, here.as_ref())?;
    let request_ventures = || {
        let endpoint = Endpoint::choose(env, &config, &vault)?;
        venture_cache::registered(&endpoint, env, CacheUse::ReadOnly)
    };
    let catalogue = Catalogue { file, request_ventures: &request_ventures };
    match &selection.venture {
        Some(code) => catalogue.by_code(code).map(|venture| vec![venture]),
        None => catalogue.all(),
    }
}
