//! The agents whose requests are measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use deckwatch_protocol::Operation;
use serde_json::{Value, json};

use crate::load::{Call, Client, Target};

pub(crate) const CONTEXT_KEY: &str = "the-context-key-of-a-benchmark";
pub(crate) const ADMIN_KEY: &str = "the-admin-key-of-a-benchmark";

/// Agents with a session each.
#[derive(Clone)]
pub(crate) struct Team {
    pub(crate) agents: Arc<Vec<TeamAgent>>,
}

/// An agent with a session.
pub(crate) struct TeamAgent {
    name: String,
    pub(crate) repo: String,
    pub(crate) session: String,
    keys: AtomicU64,
}

impl TeamAgent {
    /// A new idempotency key.
    pub(crate) fn next_key(&self) -> String {
        format!("{}-request-{}", self.name, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    fn day(&self) -> Value {
        json!({ "agent": self.name, "client": "claude", "host": "mac1", "venture": "alpha", "repo": self.repo })
    }
}

impl Team {
    /// Registers a venture and starts the days of `size` agents, each in a repository of its own.
    pub(crate) async fn new(target: &Target, size: usize) -> Self {
        let mut admin = Client::connect(Target { key: ADMIN_KEY.to_owned(), ..target.clone() }).await;
        let venture = Call::of(Operation::PutVenture, "alpha");
        admin.send(&venture.with("registration-of-venture-alpha".to_owned(), json!({ "name": "Alpha" }))).await;
        let mut client = Client::connect(target.clone()).await;
        let mut agents = Vec::new();
        for number in 1..=size {
            let mut agent = TeamAgent {
                name: format!("mac1-claude-{number}"),
                repo: format!("example-org/repo-{number}"),
                session: String::new(),
                keys: AtomicU64::new(0),
            };
            let started: Value = serde_json::from_slice(client.send(&start_day(&agent)).await).unwrap();
            started["session"]["id"].as_str().unwrap().clone_into(&mut agent.session);
            agents.push(agent);
        }
        Self { agents: Arc::new(agents) }
    }
}

/// The start of the agent's day. It resumes the agent's session if there is one.
pub(crate) fn start_day(agent: &TeamAgent) -> Call {
    Call::of(Operation::StartDay, "").with(agent.next_key(), agent.day())
}
