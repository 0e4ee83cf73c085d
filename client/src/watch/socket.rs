//! The socket at `GET /v1/watch`.

use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{WATCH_PATH, WATCH_PING, WATCH_PING_SECONDS, WATCH_PONG, WatchHint, WatchRequest};
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, HeaderName, UPGRADE};
use http::{HeaderValue, Request};
use reqwest::Upgraded;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::link::LinkState;
use crate::api::Api;

/// How long the API may take to open the socket, and to read a message.
const TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(WATCH_PING_SECONDS);
/// The maximum size of a message of the API in bytes.
const MAX_BYTES: usize = 4 * WatchRequest::MAX_BYTES;

/// An open socket.
pub(super) struct Socket {
    stream: WebSocketStream<Upgraded>,
    pings_at: Instant,
    /// Whether the API has not answered the last ping yet.
    is_unanswered: bool,
}

impl Socket {
    /// Opens a socket for `request`. The error text says why it can't.
    pub(super) async fn open(api: &Api, request: &WatchRequest) -> Result<Self, String> {
        let opening = async {
            let key = generate_key();
            let upgraded = api.upgrade(handshake(&key)?, &derive_accept_key(key.as_bytes())).await?;
            let config = WebSocketConfig::default()
                .read_buffer_size(2 * WatchRequest::MAX_BYTES)
                .max_message_size(Some(MAX_BYTES))
                .max_frame_size(Some(MAX_BYTES));
            let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
            let mut socket = Self { stream, pings_at: Instant::now() + PING_INTERVAL, is_unanswered: false };
            socket.send(serde_json::to_string(request).map_err(|error| error.to_string())?).await?;
            Ok(socket)
        };
        timeout(TIMEOUT, opening).await.unwrap_or_else(|_| Err("no answer within 10 s".to_owned()))
    }

    /// Waits for a hint about another event than `after`. The error text says why the socket ended.
    pub(super) async fn changed(&mut self, after: Option<u64>, link: &LinkState) -> Result<(), String> {
        loop {
            tokio::select! {
                message = self.stream.next() => match message {
                    Some(Ok(Message::Text(text))) if text == WATCH_PONG => {
                        self.is_unanswered = false;
                        link.heard();
                    }
                    Some(Ok(Message::Text(text))) => {
                        let hint = serde_json::from_str::<WatchHint>(&text);
                        let hint = hint.map_err(|_| "the API sent a message that is not a hint".to_owned())?;
                        link.heard();
                        if Some(hint.seq) != after {
                            return Ok(());
                        }
                    }
                    Some(Ok(Message::Close(Some(frame)))) => return Err(format!("{} {}", frame.code, frame.reason)),
                    Some(Ok(Message::Close(None))) | None => return Err("the API closed it".to_owned()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.to_string()),
                },
                () = sleep_until(self.pings_at) => {
                    if self.is_unanswered {
                        return Err(format!("no answer within {WATCH_PING_SECONDS} s"));
                    }
                    self.is_unanswered = true;
                    self.pings_at = Instant::now() + PING_INTERVAL;
                    self.send(WATCH_PING.to_owned()).await?;
                }
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), String> {
        match timeout(TIMEOUT, self.stream.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("the API read nothing for 10 s".to_owned()),
        }
    }
}

/// The request that opens a socket.
fn handshake(key: &str) -> Result<Request<Bytes>, String> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = WATCH_PATH.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(HeaderName::from_static("sec-websocket-version"), HeaderValue::from_static("13"));
    let key = HeaderValue::from_str(key).map_err(|error| error.to_string())?;
    headers.insert(HeaderName::from_static("sec-websocket-key"), key);
    Ok(request)
}
