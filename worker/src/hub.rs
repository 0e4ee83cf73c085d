//! What the Durable Object in `hub.mjs` asks: what to do with a message of a client, and which sockets get a hint.

#![expect(unreachable_pub, reason = "`wasm_bindgen` exports only public functions")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use deckwatch_api::watch::{Closing, Received, Watcher};
use deckwatch_api::{App, Hint};
use serde::{Deserialize, Serialize};
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Context, wasm_bindgen};

use crate::bridge::Bindings;
use crate::open;

thread_local! {
    /// Whether a request of this isolate has appended events and the hub was not poked yet.
    static POKED: Cell<bool> = const { Cell::new(false) };
}

/// Remembers that the hub must be poked. [`poke`] does it after the response.
pub(crate) struct HubHint;

impl Hint for HubHint {
    fn poke(&self, _: u64) {
        POKED.set(true);
    }
}

/// Pokes the hub if a request has appended events.
pub(crate) fn poke(bindings: &Bindings, context: &Context) {
    if POKED.take() {
        let poked = JsFuture::from(bindings.poke());
        context.wait_until(async move {
            if let Err(error) = poked.await {
                log::warn!("could not poke the hub; open sockets get their hints up to 30 s late: {error:?}");
            }
        });
    }
}

/// Like [`poke`], for work after a response, or that no request has caused. Waits for the hub.
pub(crate) async fn poke_now(bindings: &Bindings) {
    if POKED.take()
        && let Err(error) = JsFuture::from(bindings.poke()).await
    {
        log::warn!("could not poke the hub: {error:?}");
    }
}

/// What happens to a socket.
#[derive(Default, Serialize)]
struct SocketAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The changed watcher as JSON, and the newest event that its client has.
    #[serde(skip_serializing_if = "Option::is_none")]
    watcher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<(u16, &'static str)>,
}

impl SocketAction {
    fn close(closing: Closing) -> Self {
        Self { close: Some((closing.code, closing.reason)), ..Self::default() }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What to do with a message of a client. `watcher` is JSON; a binary message has no text.
#[wasm_bindgen]
pub fn hub_receive(watcher: &str, message: Option<String>) -> String {
    let Ok(mut watcher) = serde_json::from_str::<Watcher>(watcher) else {
        log::error!("the attachment of a socket can't be read");
        return SocketAction::close(Closing::INVALID).to_json();
    };
    let Some(message) = message else { return SocketAction::close(Closing::BINARY).to_json() };
    let action = match watcher.receive(&message) {
        Received::Reply(reply) => SocketAction { reply: Some(reply), ..SocketAction::default() },
        Received::Subscribed(after) => {
            let watcher = serde_json::to_string(&watcher).ok();
            SocketAction { watcher, after: Some(after), ..SocketAction::default() }
        }
        Received::Close(closing) => SocketAction::close(closing),
    };
    action.to_json()
}

/// Resolves to the first hint for a client whose newest event is `after`; an empty text if there is none.
#[wasm_bindgen]
pub fn hub_greet(bindings: Bindings, after: f64) -> Promise {
    future_to_promise(async move {
        let events = api(&bindings)?.new_events(None).await.map_err(|error| failed(&error.to_string()))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number of an event is below 2^53"
        )]
        let hint = events.first_hint(after as u64);
        Ok(hint.and_then(|hint| serde_json::to_string(&hint).ok()).unwrap_or_default().into())
    })
}

/// The open sockets.
#[derive(Deserialize)]
struct Sockets {
    /// The newest event at the last look.
    last: Option<u64>,
    /// Whether to look for sockets that must close, too.
    is_check: bool,
    #[serde(rename = "sockets")]
    open: Vec<Socket>,
}

#[derive(Deserialize)]
struct Socket {
    watcher: Watcher,
    /// The newest event that its client was told of, or that does not concern it.
    told: Option<u64>,
    /// For how long its client has sent nothing.
    silent_ms: u64,
}

#[derive(Serialize)]
struct Look {
    head: u64,
    /// What happens to each socket.
    sockets: Vec<Option<SocketAction>>,
}

/// Resolves to the number of the newest event and what happens to each socket, as JSON.
#[wasm_bindgen]
pub fn hub_look(bindings: Bindings, sockets: String) -> Promise {
    future_to_promise(async move {
        let sockets: Sockets = serde_json::from_str(&sockets).map_err(|error| failed(&error.to_string()))?;
        let look = look(&*api(&bindings)?, sockets).await.map_err(|error| failed(&error.to_string()))?;
        Ok(serde_json::to_string(&look).unwrap_or_default().into())
    })
}

async fn look(app: &App, Sockets { last, is_check, open }: Sockets) -> Result<Look, deckwatch_api::DatabaseError> {
    let events = app.new_events(last).await?;
    let tokens: BTreeSet<_> = open.iter().filter_map(|socket| socket.watcher.token.clone()).collect();
    let revoked = if is_check { app.revoked(&tokens).await? } else { BTreeSet::new() };
    let action = |Socket { watcher, told, silent_ms }: Socket| {
        if watcher.token.as_ref().is_some_and(|token| revoked.contains(token)) {
            return Some(SocketAction::close(Closing::UNAUTHORIZED));
        }
        if is_check && watcher.is_silent(silent_ms) {
            return Some(SocketAction::close(Closing::SILENT));
        }
        let hint = serde_json::to_string(&events.hint_for(&watcher, told?)?).ok();
        Some(SocketAction { hint, ..SocketAction::default() })
    };
    Ok(Look { head: events.head, sockets: open.into_iter().map(action).collect() })
}

fn api(bindings: &Bindings) -> Result<Arc<App>, JsValue> {
    open(bindings).map_err(|error| failed(&error.to_string()))
}

fn failed(cause: &str) -> JsValue {
    log::error!("the hub could not read the events: {cause}");
    cause.into()
}
