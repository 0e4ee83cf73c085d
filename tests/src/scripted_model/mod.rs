//! A model on loopback that follows a script, so that a test can drive an agent's real command line tool
//! without an account and see what the agent was told.
//!
//! It speaks the three APIs that Claude Code, Codex CLI and Gemini CLI speak, each in a module of its own.
//! What it says next depends on the conversation alone: with `n` tool results in it, the script's call
//! `n` is made, and after the last one the script ends. So a tool that repeats a request gets the same
//! answer again, and no conversation goes round in circles.

mod anthropic;
mod google;
mod heard;
mod openai;
mod script;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use heard::Heard;
pub use script::Script;

use serve::Stage;

/// Long enough for a command line tool that starts cold on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A model that serves until it is dropped.
pub struct ScriptedModel {
    url: String,
    heard: watch::Receiver<Vec<Heard>>,
    released: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl ScriptedModel {
    /// Starts to serve on a free port.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard_sender, heard) = watch::channel(Vec::new());
        let (released, release) = watch::channel(false);
        let stage = Arc::new(Stage { script, heard: heard_sender, release });
        Self { url, heard, released, serving: tokio::spawn(serve::serve(listener, stage)) }
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every request so far, in the order of arrival.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// What the first `count` calls gave, as the model saw it, once the agent has told it.
    ///
    /// # Panics
    ///
    /// When that takes too long; the message says what was heard instead.
    pub async fn results(&self, count: usize) -> Vec<String> {
        let enough = |heard: &Heard| heard.results.len() >= count;
        let mut receiver = self.heard.clone();
        let told = receiver.wait_for(|heard| heard.iter().any(enough));
        let told = tokio::time::timeout(PATIENCE, told).await.map(|told| told.map(|heard| heard.to_vec()));
        match told {
            Ok(Ok(heard)) => heard.into_iter().find(enough).map(|heard| heard.results).unwrap_or_default(),
            _ => panic!("the agent did not make {count} calls; the model heard {:#?}", self.heard()),
        }
    }

    /// Lets a script that waits go on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
