//! One open socket: passes the messages of its client to the API, and hints to the client.
//!
//! It keeps no queue. A client that does not read is closed.

use std::time::Duration;

use bytes::Bytes;
use deckwatch_api::App;
use deckwatch_api::watch::{AdmittedWatcher, Closing, NewEvents, Received, Watcher};
use deckwatch_protocol::{WatchHint, WatchRequest};
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Response};
use tokio::net::TcpStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::hub::{Membership, News};

/// How long a client may read nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the client has to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum size of a message or a part of it.
const MAX_BYTES: usize = 4 * WatchRequest::MAX_BYTES;

/// A socket that the server has promised to a client. It begins after the response.
pub(super) struct PromisedSocket {
    pub(super) watcher: Watcher,
    pub(super) membership: Membership,
}

impl PromisedSocket {
    /// Promises a socket, unless the client or the server has too many.
    pub(super) fn of(hub: &std::sync::Arc<crate::hub::Hub>, admitted: &AdmittedWatcher) -> Option<Self> {
        let membership = hub.join(&admitted.watcher)?;
        Some(Self { watcher: admitted.watcher.clone(), membership })
    }
}

/// Adds the headers that switch the connection to the protocol of the socket.
pub(super) fn switch(response: &mut Response<Bytes>, request: &HeaderMap) {
    let key = request.get("sec-websocket-key").map(HeaderValue::as_bytes).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key)) {
        headers.insert(HeaderName::from_static("sec-websocket-accept"), accept);
    }
}

/// Serves a socket until its end. `early` are the bytes that the client has sent before the response.
pub(super) async fn serve(
    app: &App,
    socket: PromisedSocket,
    (stream, early): (TcpStream, Vec<u8>),
    stopped: watch::Receiver<bool>,
) {
    let config = WebSocketConfig::default()
        .read_buffer_size(2 * WatchRequest::MAX_BYTES)
        .max_message_size(Some(MAX_BYTES))
        .max_frame_size(Some(MAX_BYTES));
    let stream = WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    let mut connection = Connection { stream, watcher: socket.watcher, told: 0 };
    let closing = connection.run(app, socket.membership, stopped).await;
    if let Err(error) = connection.close(closing).await {
        log::debug!("a socket ended early: {error}");
    }
}

struct Connection {
    stream: WebSocketStream<TcpStream>,
    watcher: Watcher,
    /// The newest event that the client was told of, or that does not concern it.
    told: u64,
}

/// Reads the events after `last`. If that fails, the client connects again and asks again.
async fn read(app: &App, last: Option<u64>) -> Result<NewEvents, Option<Closing>> {
    app.new_events(last).await.map_err(|error| {
        log::warn!("could not read the events for a socket: {error}");
        Some(Closing::FAILED)
    })
}

impl Connection {
    /// Serves the socket. Returns why the server closes it; `None` if the client has closed it.
    async fn run(
        &mut self,
        app: &App,
        mut membership: Membership,
        mut stopped: watch::Receiver<bool>,
    ) -> Option<Closing> {
        let mut deadline = self.deadline();
        loop {
            let step = tokio::select! {
                message = self.stream.next() => {
                    let received = self.receive(app, message).await;
                    deadline = self.deadline();
                    received
                }
                news = membership.news.recv() => match news {
                    Ok(news) => self.tell(&news).await,
                    // It was too slow for some news. One look replaces them.
                    Err(RecvError::Lagged(_)) => self.look(app).await,
                    Err(RecvError::Closed) => Err(Some(Closing::STOPPING)),
                },
                _ = stopped.changed() => Err(Some(Closing::STOPPING)),
                () = sleep_until(deadline) => Err(Some(Closing::SILENT)),
            };
            if let Err(closing) = step {
                return closing;
            }
        }
    }

    /// Until when the client must send its next message.
    fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.watcher.max_silence_seconds())
    }

    async fn receive(&mut self, app: &App, message: Option<Result<Message, Error>>) -> Result<(), Option<Closing>> {
        match message {
            Some(Ok(Message::Text(text))) => match self.watcher.receive(&text) {
                Received::Reply(reply) => self.send(Message::text(reply)).await,
                Received::Subscribed(after) => self.greet(app, after).await,
                Received::Close(closing) => Err(Some(closing)),
            },
            Some(Ok(Message::Binary(_))) => Err(Some(Closing::BINARY)),
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Err(Some(Closing::TOO_LONG)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(None),
        }
    }

    async fn tell(&mut self, news: &News) -> Result<(), Option<Closing>> {
        if self.watcher.token.as_ref().is_some_and(|token| news.revoked.contains(token)) {
            return Err(Some(Closing::UNAUTHORIZED));
        }
        self.hint_of(&news.events).await
    }

    async fn look(&mut self, app: &App) -> Result<(), Option<Closing>> {
        let events = read(app, Some(self.told)).await?;
        self.hint_of(&events).await
    }

    async fn hint_of(&mut self, events: &NewEvents) -> Result<(), Option<Closing>> {
        let hint = events.hint_for(&self.watcher, self.told);
        self.told = self.told.max(events.head);
        match hint {
            Some(hint) => self.hint(hint).await,
            None => Ok(()),
        }
    }

    /// Tells a client what the newest event is, unless it has that event already.
    async fn greet(&mut self, app: &App, after: u64) -> Result<(), Option<Closing>> {
        let events = read(app, None).await?;
        self.told = events.head;
        match events.first_hint(after) {
            Some(hint) => self.hint(hint).await,
            None => Ok(()),
        }
    }

    async fn hint(&mut self, hint: WatchHint) -> Result<(), Option<Closing>> {
        let text = serde_json::to_string(&hint).unwrap_or_default();
        self.send(Message::text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Option<Closing>> {
        match timeout(WRITE_TIMEOUT, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    async fn close(&mut self, closing: Option<Closing>) -> Result<(), Error> {
        let Some(Closing { code, reason }) = closing else { return Ok(()) };
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let ending = async {
            self.stream.close(Some(frame)).await?;
            while let Some(Ok(_)) = self.stream.next().await {}
            Ok(())
        };
        timeout(CLOSE_TIMEOUT, ending).await.unwrap_or(Ok(()))
    }
}
