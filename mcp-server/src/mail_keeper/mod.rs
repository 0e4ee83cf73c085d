//! Takes the messages of the agent and keeps them in its folder, where the hooks of its tool find them.
//!
//! One server of an agent does this: the one that has started the agent's day and holds the lock of the folder. It reports
//! what the hooks have shown, also what they have shown for an earlier server, before it takes more. A server that is
//! superseded stops. Without registered hooks, nothing is taken: it would be offered to a model that can't see it.
//!
//! * [`post`] decides when this server takes; [`incoming`] puts what it takes into the folder.
//! * [`presence`] reports what the agent does. What was shown is reported by [`Keeper::report_shown`].
//! * [`event_line`] describes the events that concern the agent.

mod event_line;
mod incoming;
mod post;
mod presence;

use std::sync::Arc;

use deckwatch_machine::agent_folder::{AgentFolder, ApiName};
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_protocol::{Agent, DeliveryMode, Timestamp, VentureCode};
use tokio::sync::watch;

use crate::environment::Environment;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The folder of the agent, if the hooks of its tool are registered for this launch.
pub(crate) fn folder(environment: &Environment) -> Option<AgentFolder> {
    let are_registered = environment.var(variables::HOOKS).as_deref() == Some("1");
    let agent = environment.setting::<Agent>(variables::AGENT).ok()??;
    let venture = environment.setting::<VentureCode>(variables::VENTURE).ok()??;
    let dirs = Dirs::from_env().ok()?;
    let api = ApiName::from_vars(|name| environment.var(name), &dirs);
    are_registered.then(|| AgentFolder::of(&dirs, &api, &venture, &agent))
}

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let Some(folder) = folder(keeper.identity.environment()) else { return };
    // A new mode has no event. The answer to a presence has the mode, and so tells when there may be more to take.
    let (reachable, changes) = watch::channel(None);
    tokio::join!(post::run(Arc::clone(&keeper), folder.clone(), changes), presence::run(keeper, folder, reachable));
}

/// How the agent wants to be reached.
type Reachable = Option<(DeliveryMode, Option<Timestamp>)>;

/// Works on the folder without blocking other work of this process.
async fn in_folder<T: Send + 'static>(
    folder: &AgentFolder,
    work: impl FnOnce(&AgentFolder) -> std::io::Result<T> + Send + 'static,
) -> Result<T, FolderTrouble> {
    let folder = folder.clone();
    let path = folder.path().to_owned();
    let done = blocking(move || work(&folder)).await?;
    done.map_err(|source| FolderTrouble::Disk { path, source })
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderTrouble {
    /// The disk.
    #[error("{}: {source}", path.display())]
    Disk { path: std::path::PathBuf, source: std::io::Error },
    /// Another part of this process.
    #[error(transparent)]
    Other(#[from] Trouble),
}
