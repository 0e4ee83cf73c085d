//! A GitHub on loopback, written from GitHub's published schemas and rules alone, and not from a client of Deckwatch.
//!
//! It serves REST and GraphQL over real HTTP, under the paths of github.com (`url`) and of an enterprise
//! (`enterprise_url`). It enforces what GitHub enforces: tokens with their scopes and permissions, the JWT of an App,
//! pages, conditional requests, both rate limits, required headers, limits of labels. What it does not know, it refuses
//! like GitHub: 404, or an error of GraphQL.
//!
//! - `world` is the state, which a test changes with [`GitHubStub::edit`].
//! - `serve` receives requests, `caller` and `access` decide who may do what, `rate` counts.
//! - `rest` has the operations, `graphql` the queries, `shapes` the JSON of both.
//! - `webhooks` makes signed deliveries, and `fault` misbehaves like a broken network.
//!
//! A test of the shapes against the schemas was run by hand: `docs/testing.md` says how.

mod access;
mod answer;
mod app;
mod caller;
mod fault;
mod graphql;
mod page;
mod rate;
mod received;
mod rest;
mod serve;
mod shapes;
mod token;
mod webhooks;
mod world;

use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use app::{App, Installation};
pub use fault::Fault;
pub use rate::Rates;
pub use received::ReceivedRequest;
pub use token::{Level, Permissions, TokenBuilder, permissions};
pub use webhooks::{Delivery, signature};
pub use world::{Account, AccountKind, Issue, Label, Pull, Repo, Role, World};

use serve::State;

/// A running stub. It has its own thread and stops when this is dropped.
pub struct GitHubStub {
    url: String,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitHubStub {
    /// Starts the stub on a free port of loopback, with the user `ann` and nothing else.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::new(url.clone())));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve::serve(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { url, state, stop: Some(stop), thread: Some(thread) }
    }

    /// The address of REST, in the form of github.com. GraphQL is at `/graphql` below it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of REST, in the form of an enterprise. GraphQL is at `/api/graphql` of the same host.
    pub fn enterprise_url(&self) -> String {
        format!("{}/api/v3", self.url)
    }

    /// Reads or changes the world.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.lock().world)
    }

    /// Lets every request from now on fail in this way; `None` ends it.
    pub fn misbehave(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// All requests so far, in the order of their answers. Requests during a [`Fault`] are counted by
    /// [`GitHubStub::connections`] alone.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.lock().requests.clone()
    }

    /// The requests since the last call of this function.
    pub fn take_requests(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut self.lock().requests)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A handler that panicked has failed its test already.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for GitHubStub {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
