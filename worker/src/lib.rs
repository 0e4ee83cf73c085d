//! The production engine: runs the API on Cloudflare Workers and D1.
//!
//! It gives the API a database, a clock, randomness and a log, and converts requests and responses. It contains no
//! rules of the API and no SQL, only what depends on Cloudflare.

mod answer;
mod bridge;
mod console;
mod d1;
mod hub;
mod log_rows;
mod outbound;
mod platform;
mod request;
mod unserved;

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use deckwatch_api::watch::is_watch;
use deckwatch_api::{Answer, App, Engine, LastOutage, Settings};
use http::request::Parts;
use http::{HeaderMap, Request};
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Context, event, wasm_bindgen, web_sys, worker_sys};

use crate::bridge::Bindings;
use crate::d1::D1;
use crate::outbound::Network;
use crate::platform::{JsClock, JsEntropy};
use crate::request::Upload;
use crate::unserved::Unserved;

/// The name of the D1 binding in `wrangler.toml` and in `bridge.mjs`.
const DATABASE_BINDING: &str = "DB";

/// The reason why the database refused the last write of this isolate. Empty if the database accepted it.
static LAST_OUTAGE: LazyLock<Arc<LastOutage>> = LazyLock::new(Arc::default);

thread_local! {
    /// The API of the last request, with the bindings that it was created with.
    static LAST_APP: RefCell<Option<(Bindings, Arc<App>)>> = const { RefCell::new(None) };
}

/// Installs the log. The runtime calls it once per isolate, before the first request.
#[event(start)]
fn start() {
    console::install();
}

/// Answers one request. `bridge.mjs` describes `head` and the result. Work that the answer does not need is done after
/// the response was sent.
#[wasm_bindgen]
pub fn handle(head: String, request: web_sys::Request, bindings: Bindings, context: worker_sys::Context) -> Promise {
    future_to_promise(async move { Ok(respond(&head, request, &bindings, context).await.into()) })
}

async fn respond(head: &str, request: web_sys::Request, bindings: &Bindings, context: worker_sys::Context) -> String {
    let (parts, ()) = match request::parse(head) {
        Ok(parsed) => parsed.into_parts(),
        Err(error) => return answer::text(&Unserved::unreadable(request.url().len(), error).answer(&HeaderMap::new())),
    };
    let app = match open(bindings) {
        Ok(app) => app,
        Err(error) => return answer::text(&error.answer(&parts.headers)),
    };
    let context = Context::new(context);
    if is_watch(parts.uri.path()) {
        let Answer { response, deferred } = open_socket(&app, bindings, &request, parts).await;
        log_rows::finish(&app, bindings, &context, deferred);
        return answer::text(&response);
    }
    let mut upload = Upload::of(request, &parts.headers);
    let Answer { response, deferred } = app.handle(Request::from_parts(parts, &mut upload)).await;
    hub::poke(bindings, &context);
    upload.discard().await;
    log_rows::finish(&app, bindings, &context, deferred);
    answer::text(&response)
}

/// Answers a request for a socket. The hub has the socket, and `bridge.mjs` connects it with the response.
async fn open_socket(app: &App, bindings: &Bindings, request: &web_sys::Request, parts: Parts) -> Answer {
    let admitted = match app.admit_watcher(parts).await {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let watcher = serde_json::to_string(&admitted.watcher).unwrap_or_default();
    let status = JsFuture::from(bindings.open_socket(request, &watcher)).await;
    match status.map(|status| status.as_f64()) {
        Ok(Some(101.0)) => app.open_socket(admitted),
        Ok(_) => app.refuse_socket(admitted),
        Err(error) => {
            log::error!("the hub did not answer: {error:?}");
            app.refuse_socket(admitted)
        }
    }
}

/// Sweeps the database when the Cron Trigger fires.
#[wasm_bindgen]
pub fn sweep(bindings: Bindings) -> Promise {
    future_to_promise(async move {
        match open(&bindings) {
            Ok(app) => {
                if let Err(error) = app.sweep().await {
                    log::error!("the sweep failed and continues at the next trigger: {error}");
                }
                hub::poke_now(&bindings).await;
            }
            Err(error) => log::error!("{error}"),
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// The API with these bindings. The runtime gives the requests of an isolate the same bindings, until a binding changes.
fn open(bindings: &Bindings) -> Result<Arc<App>, Unserved> {
    let known =
        LAST_APP.with_borrow(|last| last.as_ref().filter(|last| last.0 == *bindings).map(|last| Arc::clone(&last.1)));
    if let Some(app) = known {
        return Ok(app);
    }
    let env = bindings.env();
    env.d1(DATABASE_BINDING).map_err(Unserved::Database)?;
    let settings = Settings::from_vars(Engine::Worker, |name| env.var(name).ok().map(|value| value.to_string()))
        .map_err(Unserved::Settings)?;
    let (last_outage, database) = (Arc::clone(&LAST_OUTAGE), Arc::new(D1::new(bindings.clone())));
    let app = App::with_last_outage(last_outage, database, Arc::new(JsClock), Arc::new(JsEntropy), settings);
    app.set_hint(Arc::new(hub::HubHint));
    let app = Arc::new(app.with_outbound(Arc::new(Network::new(bindings.clone()))));
    LAST_APP.set(Some((bindings.clone(), Arc::clone(&app))));
    Ok(app)
}
