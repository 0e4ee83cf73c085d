//! Whether this process belongs to a running launch, whose name, venture and API are in its environment.

use std::time::Duration;

use deckwatch_machine::agent::{Lineage, lineage_of, this_host};
use deckwatch_machine::checkout::Checkout;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::{variables, ventures};
use deckwatch_protocol::{Agent, RepoName, VentureCode};

use super::Identity;
use crate::trouble::{Trouble, blocking};

/// How often a running start of day checks that its launch still runs.
const LAUNCH_CHECK: Duration = Duration::from_secs(1);

impl Identity {
    /// Checks that the name, venture and API in the environment belong to a running launch of this process. Call it
    /// each time: a launch can end while a detached server still runs.
    pub(crate) async fn of_this_launch(&self) -> Result<(), Trouble> {
        let Some(agent) = self.environment.setting::<Agent>(variables::AGENT)? else { return Ok(()) };
        let (dirs, launch) = (Dirs::from_env()?, self.environment.var(variables::LAUNCH));
        let name = agent.clone();
        let lineage = blocking(move || lineage_of(&dirs, &this_host(), &name, launch.as_deref())).await??;
        let Some(launched) = self.environment.setting::<RepoName>(variables::REPO)? else { return Ok(()) };
        if lineage == Lineage::Unknown || self.in_launch_repo.get().is_some() {
            return Ok(());
        }
        // The process tree does not show the folder of the launch, so compare repositories.
        let checkout = self.checkout().await?;
        let owned = self.of_the_venture(&checkout)?;
        lineage.allows(&agent, &launched, &checkout.repo, owned)?;
        if lineage == Lineage::Descendant {
            self.in_launch_repo.get_or_init(|| ());
        }
        Ok(())
    }

    /// Whether a repository belongs to the venture of the launch, by the launcher's list or the ventures file.
    fn of_the_venture(&self, checkout: &Checkout) -> Result<bool, Trouble> {
        let repos = self.environment.var(variables::REPOS).unwrap_or_default();
        let code = self.environment.setting::<VentureCode>(variables::VENTURE)?;
        ventures::launch_owns(&repos, code.as_ref(), || self.ventures_file(checkout), &checkout.repo)
    }

    /// Runs work that may take long, such as retries while the API is down. Stops it when the launch ends.
    pub(crate) async fn while_launched<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let ended = async {
            loop {
                if let Err(trouble) = self.of_this_launch().await {
                    return trouble;
                }
                tokio::time::sleep(LAUNCH_CHECK).await;
            }
        };
        tokio::select! {
            biased;
            trouble = ended => Err(trouble),
            done = work => done,
        }
    }
}
