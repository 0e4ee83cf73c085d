//! The git state of Deckwatch's checkout and of the ventures' repositories.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::discovery::{DiscoveryError, Repositories};
use deckwatch_machine::ventures::{self, VentureEntry};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{MARGIN, Reading, in_thread, isolated};
use crate::host::git::{self, GitFailure, GitState};
use crate::host::settings;
use crate::installation::Installation;

/// How many repositories git reads at once.
const AT_ONCE: usize = 4;
/// The most repositories that are read.
const MAX_REPOSITORIES: usize = 50;

/// The repository of a venture on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The code of the venture.
    pub venture: String,
    /// The folder.
    pub path: PathBuf,
    /// The state of the repository.
    pub state: Reading<GitState>,
}

/// The state of the checkout that Deckwatch was installed from.
pub(super) async fn checkout(limit: Duration) -> Reading<GitState> {
    let installed = Dirs::from_env().ok().and_then(|dirs| Installation::recorded(&dirs));
    match installed {
        Some(installed) => state(&installed.checkout, limit).await,
        None => Reading::Unknown("Deckwatch was not installed by scripts/start there".to_owned()),
    }
}

/// The state of the ventures' repositories. `known` are the ventures of the asking machine.
pub(super) async fn of_ventures(known: Vec<VentureEntry>, limit: Duration) -> Reading<Vec<Repository>> {
    let deadline = Instant::now() + limit.saturating_sub(2 * MARGIN);
    let found = match in_thread(limit, move || find(known)).await {
        Reading::Value(found) => found,
        other => return other.and_then(|_| Reading::Value(Vec::new())),
    };
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut reading = JoinSet::new();
    for (place, (_, path)) in found.iter().enumerate() {
        let (path, turns) = (path.clone(), Arc::clone(&turns));
        reading.spawn(async move {
            let _turn = turns.acquire().await;
            let left = deadline.saturating_duration_since(Instant::now());
            (place, isolated(left, async move || state(&path, left).await).await)
        });
    }
    let timed_out = |(venture, path)| Repository { venture, path, state: Reading::timed_out(limit) };
    let mut repositories: Vec<Repository> = found.into_iter().map(timed_out).collect();
    while let Some(Ok((place, state))) = reading.join_next().await {
        if let Some(repository) = repositories.get_mut(place) {
            repository.state = state;
        }
    }
    Reading::Value(repositories)
}

/// The repositories of the ventures in this machine's ventures file, otherwise of `known`. A venture without a repository
/// on this machine is left out.
fn find(known: Vec<VentureEntry>) -> Reading<Vec<(String, PathBuf)>> {
    let found = || {
        let dirs = Dirs::from_env().map_err(|error| error.to_string())?;
        let file = ventures::find(None, &dirs, None).map_err(|error| error.to_string())?;
        let ventures = file.map_or(known, |file| file.ventures);
        let repositories = Repositories::below(&settings::dev_root(&dirs)).map_err(|error| error.to_string())?;
        Ok::<_, String>((ventures, repositories))
    };
    let (ventures, repositories) = match found() {
        Ok(found) => found,
        Err(error) => return Reading::Failed(error),
    };
    if ventures.is_empty() {
        return Reading::Unknown("no ventures are known".to_owned());
    }
    let clones = ventures.iter().flat_map(|venture| {
        let paths = match repositories.of_venture(venture) {
            Ok(path) => vec![path],
            Err(DiscoveryError::Several { paths, .. } | DiscoveryError::SeveralOfOrganisation { paths, .. }) => paths,
            Err(_) => Vec::new(),
        };
        paths.into_iter().map(|path| (venture.code.to_string(), path))
    });
    Reading::Value(clones.take(MAX_REPOSITORIES).collect())
}

async fn state(folder: &std::path::Path, limit: Duration) -> Reading<GitState> {
    match git::state(folder, limit).await {
        Ok(state) => Reading::Value(state),
        Err(GitFailure::Failed(why)) => Reading::Failed(why),
        Err(GitFailure::TimedOut(limit)) => Reading::timed_out(limit),
    }
}
