//! A socket at `GET /v1/watch`, as a client has it.

use std::time::Duration;

use deckwatch_protocol::{WATCH_PATH, WatchHint};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::engine::Api;

/// How long a message of the engine may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with this key. Returns the status if the engine refuses it.
    pub async fn open(api: &Api, key: &str) -> Result<Self, u16> {
        let mut request =
            format!("{}{WATCH_PATH}", api.url().replace("http://", "ws://")).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        match timeout(TIMEOUT, connect_async(request)).await.expect("the engine did not answer") {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket for these ventures.
    pub async fn watching(api: &Api, ventures: &[&str], after: u64) -> Self {
        let mut socket = Self::open(api, api.admin_key()).await.unwrap();
        socket.ask(ventures, after).await;
        socket
    }

    /// Says which events the client wants hints about.
    pub async fn ask(&mut self, ventures: &[&str], after: u64) {
        self.send(json!({ "ventures": ventures, "after": after }).to_string()).await;
    }

    /// Sends a text.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends bytes.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// The next text of the engine.
    pub async fn text(&mut self) -> String {
        self.text_within(TIMEOUT).await.expect("the engine sent nothing")
    }

    /// The next text of the engine, if one arrives in time.
    pub async fn text_within(&mut self, limit: Duration) -> Option<String> {
        loop {
            match timeout(limit, self.0.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The number in the next hint.
    pub async fn hint(&mut self) -> u64 {
        let text = self.text().await;
        serde_json::from_str::<WatchHint>(&text).unwrap_or_else(|error| panic!("{error}: {text}")).seq
    }

    /// The numbers of the hints until the one with `last`.
    pub async fn hints_until(&mut self, last: u64) -> Vec<u64> {
        let mut hints = Vec::new();
        while hints.last() != Some(&last) {
            hints.push(self.hint().await);
        }
        hints
    }

    /// Checks that no message arrives for a moment. The engine collects hints for 50 ms.
    pub async fn expect_silence(&mut self) {
        let text = self.text_within(Duration::from_millis(700)).await;
        assert_eq!(text, None);
    }

    /// The close code and the reason, when the engine closes the socket.
    pub async fn closed_within(&mut self, limit: Duration) -> Option<(u16, String)> {
        let closing = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        timeout(limit, closing).await.ok()
    }

    /// The close code, when the engine closes the socket at once.
    pub async fn close_code(&mut self) -> u16 {
        self.closed_within(TIMEOUT).await.expect("the engine did not close the socket").0
    }

    /// Closes the socket.
    pub async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}
