//! Records which processes work on the agent's session, and tells the API when the last one leaves.
//!
//! A process joins a session when a tool is called, or when an earlier server worked on the session for the same agent.
//! An agent's CLI may start a server only to list its tools. Such a server joins no session, so its end leaves none.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use deckwatch_machine::agent::{AgentProcess, SessionProcesses, Worker, agent_process};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{ActiveSession, Agent, LeaveSession, SessionId, Timestamp};

use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

impl Keeper {
    /// Joins the session that is held, because its agent works in this process.
    pub(crate) async fn join(&self) {
        let Some(live) = self.held() else { return };
        let id = live.id.clone();
        if !self.has_joined(&id) {
            let joined = self.with_processes(move |processes, agent| processes.join(&id, agent)).await;
            if let Err(error) = joined
                .map_err(|trouble| trouble.to_string())
                .and_then(|joined| joined.map_err(|error| error.to_string()))
            {
                log::warn!("could not record the process of session {}: {error}", live.id);
                return;
            }
        }
        self.joined().insert(live.id, live.last_heartbeat_at);
    }

    /// Joins the session that is held, if this agent worked on it last.
    pub(crate) async fn join_again(&self) {
        let Some(live) = self.held().filter(|live| !self.has_joined(&live.id)) else { return };
        if self.worker(&live.id).await == Worker::ThisAgent {
            self.join().await;
        }
    }

    /// The agent that worked on a session last.
    pub(crate) async fn worker(&self, session: &SessionId) -> Worker {
        let session = session.clone();
        let worker = self.with_processes(move |processes, agent| processes.worker(&session, agent)).await;
        worker.unwrap_or(Worker::Unknown)
    }

    /// Tells the API that the agent has left the sessions that no other server works on. Call it last: starts, ends and
    /// heartbeats of a session wait for it. A failure is not retried, because by then the session is stale or
    /// continued.
    pub(crate) async fn leave(&self) {
        let (_turn, _beating) = (self.turn().await, self.beating.lock().await);
        let mut joined = std::mem::take(&mut *self.joined());
        if let Some(held) = self.held()
            && let Some(heard) = joined.get_mut(&held.id)
        {
            *heard = held.last_heartbeat_at;
        }
        for (session, last_heartbeat_at) in joined {
            let id = session.clone();
            let is_last = self.with_processes(move |processes, _| processes.leave(&id)).await;
            let (Ok(Ok(true)), Ok(api)) = (is_last, self.identity.api().await) else { continue };
            match api.leave_session(&session, &LeaveSession { last_heartbeat_at }).await {
                Ok(left) => log::info!("this process has left session {session}, which is {}", left.status.as_str()),
                Err(error) => log::info!("could not tell the API that the agent left session {session}: {error}"),
            }
        }
    }

    /// Removes the sessions whose process on this machine has ended from the list, and tells the API. Returns their
    /// agents.
    pub(crate) async fn without_ended(&self, sessions: &mut Vec<ActiveSession>) -> Vec<Agent> {
        let ids: Vec<SessionId> = sessions.iter().map(|session| session.id.clone()).collect();
        let states = self.with_processes(move |processes, _| {
            ids.into_iter().map(|id| (id.clone(), processes.agent_of(&id))).collect::<BTreeMap<_, _>>()
        });
        let Ok(states) = states.await else { return Vec::new() };
        let mut gone = Vec::new();
        sessions.retain(|session| {
            let has_ended = states.get(&session.id) == Some(&AgentProcess::Ended);
            if has_ended {
                gone.push(session.clone());
            }
            !has_ended
        });
        if let (false, Ok(api)) = (gone.is_empty(), self.identity.api().await) {
            let (api, gone) = (api.clone(), gone.clone());
            tokio::spawn(async move {
                for ActiveSession { agent, id, last_heartbeat_at, .. } in gone {
                    if let Err(error) = api.leave_session(&id, &LeaveSession { last_heartbeat_at }).await {
                        log::info!("could not tell the API that the process of {agent} has ended: {error}");
                    }
                }
            });
        }
        gone.into_iter().map(|session| session.agent).collect()
    }

    /// Whether the agent works in this process on the session.
    pub(crate) fn has_joined(&self, session: &SessionId) -> bool {
        self.joined().contains_key(session)
    }

    fn joined(&self) -> MutexGuard<'_, BTreeMap<SessionId, Timestamp>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` with the process records of this machine's sessions and the id of this agent's process.
    async fn with_processes<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SessionProcesses, u32) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let (dirs, me) = (Dirs::from_env()?, self.identity.me().await?);
        let (host, agent) = (me.host.clone(), me.agent.clone());
        blocking(move || work(&SessionProcesses::of(&dirs, &host), agent_process(&dirs, &host, &agent))).await
    }
}
