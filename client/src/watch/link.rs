//! What a watch knows of its connection to the API, for a program that shows it.

use tokio::sync::watch::{self, Receiver};
use tokio::time::Instant;

/// The connection of a watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// How the watch learns of new events.
    pub way: LinkWay,
    /// When the API, or the database of this machine, last said something.
    pub heard_at: Option<Instant>,
    /// Why the connection ended, or why the last request got no answer. `None` after the API was heard again.
    pub trouble: Option<String>,
    /// Why no socket could be opened, so that the watch asks every 30 seconds.
    pub no_socket: Option<String>,
}

/// How a watch learns of new events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkWay {
    /// It asks every 30 seconds.
    #[default]
    Polling,
    /// A socket says so at once.
    Socket,
    /// It looks at the database of this machine four times a second.
    Database,
}

/// The side of the watch.
pub(super) struct LinkState(watch::Sender<Link>);

impl LinkState {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Link::default()))
    }

    pub(super) fn subscribe(&self) -> Receiver<Link> {
        self.0.subscribe()
    }

    /// The API was heard.
    pub(super) fn heard(&self) {
        self.0.send_modify(|link| (link.heard_at, link.trouble) = (Some(Instant::now()), None));
    }

    /// The watch learns of events in another way from now on.
    pub(super) fn goes_by(&self, way: LinkWay) {
        self.0.send_modify(|link| *link = Link { way, heard_at: Some(Instant::now()), trouble: None, no_socket: None });
    }

    /// No socket could be opened.
    pub(super) fn has_no_socket(&self, cause: String) {
        self.0.send_modify(|link| link.no_socket = Some(cause));
    }

    /// The connection is lost, or a request got no answer.
    pub(super) fn lost(&self, cause: String) {
        self.0.send_modify(|link| (link.way, link.trouble) = (LinkWay::Polling, Some(cause)));
    }
}
