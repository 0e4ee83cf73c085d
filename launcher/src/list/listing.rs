//! The data of the list: what is known about each venture, and why the rest is not. `--json` prints it unchanged.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::discovery::DiscoveryError;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{Presence, SessionStatus, Timestamp};
use serde::Serialize;

use super::{git_state, sessions};

/// Every venture.
#[derive(Serialize)]
pub(super) struct Listing {
    /// The ventures file. `null` if the ventures come from the API.
    pub(super) file: Option<PathBuf>,
    /// Why the sessions are not known. `null` if they are.
    pub(super) sessions_error: Option<String>,
    /// The API has more active agents than it returned, so the list of a venture may be incomplete.
    pub(super) active_agents_cut_short: bool,
    pub(super) ventures: Vec<VentureRow>,
}

/// One venture.
#[derive(Serialize)]
pub(super) struct VentureRow {
    pub(super) code: String,
    pub(super) name: String,
    github_org: Option<String>,
    repos: Vec<String>,
    capabilities: Vec<String>,
    /// Whether its repository is on this machine.
    pub(super) installed: bool,
    pub(super) path: Option<PathBuf>,
    /// Why the path is not known.
    pub(super) path_error: Option<String>,
    /// The branch. `null` on a detached HEAD, and if git failed.
    pub(super) branch: Option<String>,
    pub(super) dirty: Option<bool>,
    /// The number of uncommitted files.
    pub(super) changes: Option<usize>,
    /// Why git failed.
    pub(super) git_error: Option<String>,
    /// The newest session. `null` if there is none, or if it is older than the sessions that were read.
    pub(super) last_session: Option<LastSession>,
    /// Set if the list of sessions was cut short and has no session of the venture. If the venture has a session, it began
    /// before this time.
    pub(super) last_session_before: Option<Timestamp>,
    /// The names of the agents in `agents` that are live or idle. `null` if they are not known.
    pub(super) active_agents: Option<Vec<String>>,
    /// The agents that were active when the API was asked. `null` if they are not known.
    pub(super) agents: Option<Vec<ListedAgent>>,
}

/// An agent with an active session.
#[derive(Serialize)]
pub(super) struct ListedAgent {
    pub(super) agent: String,
    /// `gone` means that its process on this machine has ended.
    pub(super) presence: Presence,
    /// The time of its last heartbeat.
    pub(super) at: Timestamp,
}

#[derive(Serialize)]
pub(super) struct LastSession {
    id: String,
    agent: String,
    status: SessionStatus,
    /// The time of the last heartbeat.
    pub(super) at: Timestamp,
}

/// The path of a venture's repository, or why it is not known.
pub(super) struct VenturePath(Result<PathBuf, String>);

impl VenturePath {
    pub(super) fn of(found: Result<PathBuf, DiscoveryError>) -> Self {
        Self(found.map_err(|error| match error {
            DiscoveryError::Several { .. } | DiscoveryError::SeveralOfOrganisation { .. } => {
                "several clones".to_owned()
            }
            DiscoveryError::NoRepositories(_) => "no repositories".to_owned(),
            _ => "not here".to_owned(),
        }))
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_deref().ok()
    }
}

impl Listing {
    /// Combines the data of the file, the disk, git and the API.
    pub(super) fn new(
        file: Option<PathBuf>,
        ventures: &[VentureEntry],
        places: Vec<VenturePath>,
        states: Vec<git_state::Answer>,
        known: sessions::Answer,
        now: Timestamp,
    ) -> Self {
        let rows = ventures.iter().zip(places).zip(states);
        let ventures =
            rows.map(|((venture, place), state)| VentureRow::new(venture, place, state, known.as_ref().ok(), now));
        Self {
            file,
            ventures: ventures.collect(),
            active_agents_cut_short: known.as_ref().is_ok_and(|known| known.active.cut_short),
            sessions_error: known.err(),
        }
    }

    /// Prints on standard error what could not be found out, and why.
    pub(super) fn warn(&self) {
        let mut err = anstream::stderr();
        let git = self.ventures.iter().filter_map(|venture| Some((&venture.code, venture.git_error.as_ref()?)));
        for (code, error) in git {
            // An error is ignored, because the table has already been printed.
            let _ = writeln!(err, "{code}: {error}");
        }
        if let Some(error) = &self.sessions_error {
            let _ = writeln!(err, "sessions are unknown: {error}");
        }
    }
}

impl VentureRow {
    fn new(
        venture: &VentureEntry,
        place: VenturePath,
        state: git_state::Answer,
        known: Option<&sessions::Sessions>,
        now: Timestamp,
    ) -> Self {
        let (path, path_error) = match place.0 {
            Ok(path) => (Some(path), None),
            Err(why) => (None, Some(why)),
        };
        let (state, git_error) = match state {
            None => (None, None),
            Some(Ok(state)) => (Some(state), None),
            Some(Err(error)) => (None, Some(error)),
        };
        let of_venture = |seen: &sessions::FirstPage| {
            seen.sessions.iter().filter(|session| session.venture == venture.code).cloned().collect::<Vec<_>>()
        };
        let agents = known.map(|known| {
            let agents = of_venture(&known.active).into_iter().map(|session| ListedAgent {
                agent: session.agent.to_string(),
                presence: session.presence(now),
                at: session.last_heartbeat_at,
            });
            agents.collect::<Vec<_>>()
        });
        let here = |agent: &&ListedAgent| agent.presence != Presence::Gone;
        let active = |agents: &Vec<ListedAgent>| agents.iter().filter(here).map(|agent| agent.agent.clone()).collect();
        let last = known.and_then(|known| of_venture(&known.newest).into_iter().next());
        let before = known.filter(|known| last.is_none() && known.newest.cut_short);
        Self {
            code: venture.code.to_string(),
            name: venture.name.to_string(),
            github_org: venture.github_org.as_ref().map(ToString::to_string),
            repos: venture.repos.iter().map(ToString::to_string).collect(),
            capabilities: venture.capabilities.iter().map(ToString::to_string).collect(),
            installed: path.is_some(),
            path,
            path_error,
            branch: state.as_ref().and_then(|state| state.branch.clone()),
            dirty: state.as_ref().map(|state| state.changes > 0),
            changes: state.as_ref().map(|state| state.changes),
            git_error,
            last_session: last.map(|session| LastSession {
                id: session.id.to_string(),
                agent: session.agent.to_string(),
                status: session.status,
                at: session.last_heartbeat_at,
            }),
            last_session_before: before.and_then(|known| known.newest.sessions.last()).map(|oldest| oldest.created_at),
            active_agents: agents.as_ref().map(active),
            agents,
        }
    }
}
