//! A scripted model on loopback: a test can drive a real agent CLI without an account and see the texts that the agent
//! sent to the model.
//!
//! The model implements the three APIs of Claude Code, Codex CLI and Gemini CLI, each in its own module. Its next step
//! depends only on the conversation: if the conversation has `n` tool results, the model makes call `n` of the script;
//! after the last call, it ends. An agent that repeats a request therefore gets the same answer, and no conversation
//! runs in a loop.

mod anthropic;
mod google;
mod heard;
mod openai;
mod script;
mod serve;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use heard::ModelRequest;
pub use script::Script;

use serve::ModelState;

/// Enough time for an agent CLI that starts cold on a loaded machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A running model. It stops when this is dropped.
pub struct ScriptedModel {
    url: String,
    state: Arc<ModelState>,
    heard: watch::Receiver<Vec<ModelRequest>>,
    released: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl ScriptedModel {
    /// Starts the model on a free port.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard_sender, heard) = watch::channel(Vec::new());
        let (released, release) = watch::channel(false);
        let state = Arc::new(ModelState { script: RwLock::new(script), heard: heard_sender, release });
        let serving = tokio::spawn(serve::serve(listener, Arc::clone(&state)));
        Self { url, state, heard, released, serving }
    }

    /// The model with another base URL, under which the agent reaches it.
    #[must_use]
    pub fn at(mut self, url: String) -> Self {
        self.url = url;
        self
    }

    /// The base URL, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far, in the order of arrival.
    pub fn heard(&self) -> Vec<ModelRequest> {
        self.heard.borrow().clone()
    }

    /// The results of the first `count` calls. Waits until a request contains them.
    ///
    /// # Panics
    ///
    /// After a timeout. The message contains the requests so far.
    pub async fn results(&self, count: usize) -> Vec<String> {
        let enough = |heard: &ModelRequest| heard.results.len() >= count;
        let mut receiver = self.heard.clone();
        let matching = receiver.wait_for(|heard| heard.iter().any(enough));
        let matching =
            tokio::time::timeout(TIMEOUT, matching).await.map(|matching| matching.map(|heard| heard.to_vec()));
        match matching {
            Ok(Ok(heard)) => heard.into_iter().find(enough).map(|heard| heard.results).unwrap_or_default(),
            _ => panic!("the agent did not make {count} calls; the model received {:#?}", self.heard()),
        }
    }

    /// Adds the calls of another script. The agent makes them after its next prompt.
    pub fn continue_with(&self, script: Script) {
        self.state.script.write().unwrap_or_else(PoisonError::into_inner).calls.extend(script.calls);
    }

    /// Has the sub-agent of Claude Code that starts with this prompt make the calls of another script.
    pub fn set_sub_agent(&self, prompt: &str, script: Script) {
        let own = self.state.script.write();
        own.unwrap_or_else(PoisonError::into_inner).sub_agent = Some((prompt.to_owned(), script.calls));
    }

    /// How often a text is in the request that has it most often.
    pub fn count(&self, text: &str) -> usize {
        self.heard().iter().map(|request| request.text.matches(text).count()).max().unwrap_or_default()
    }

    /// Lets a waiting script continue.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
