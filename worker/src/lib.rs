//! The production engine: runs the API on Cloudflare Workers and D1.
//!
//! It gives the API a database, a clock, randomness and a log, and converts requests and responses. It contains no
//! rules of the API and no SQL, only what depends on Cloudflare.

mod answer;
mod console;
mod d1;
mod platform;
mod request;
mod unserved;

use std::sync::{Arc, LazyLock};

use deckwatch_api::{Answer, App, Engine, LastOutage, Settings};
use http::HeaderMap;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

use crate::d1::D1;
use crate::platform::{JsClock, JsEntropy};
use crate::request::Upload;
use crate::unserved::Unserved;

/// The name of the D1 binding in `wrangler.toml`.
const DATABASE_BINDING: &str = "DB";

/// The reason why the database refused the last write of this isolate. Empty if the database accepted it.
static LAST_OUTAGE: LazyLock<Arc<LastOutage>> = LazyLock::new(Arc::default);

/// Installs the log. The runtime calls it once per isolate, before the first request.
#[event(start)]
fn start() {
    console::install();
}

/// Answers one request. Work that the answer does not need is done after the response was sent.
#[event(fetch)]
async fn fetch(request: worker::web_sys::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    let url_bytes = request.url().len();
    let request = match worker::request_from_wasm(request) {
        Ok(request) => request,
        Err(error) => return Ok(answer::respond(Unserved::unreadable(url_bytes, error).answer(&HeaderMap::new()))),
    };
    let app = match open(&env) {
        Ok(app) => app,
        Err(error) => return Ok(answer::respond(error.answer(request.headers()))),
    };
    let (parts, body) = request.into_parts();
    let mut upload = Upload::of(body);
    let Answer { response, deferred } = app.handle(http::Request::from_parts(parts, &mut upload)).await;
    upload.discard().await;
    if !deferred.is_empty() {
        context.wait_until(async move { app.finish(deferred).await });
    }
    Ok(answer::respond(response))
}

/// Sweeps the database when the Cron Trigger fires.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    match open(&env) {
        Ok(app) => {
            if let Err(error) = app.sweep().await {
                log::error!("the sweep failed and continues at the next trigger: {error}");
            }
        }
        Err(error) => log::error!("{error}"),
    }
}

/// Creates the API with the bindings of this request.
fn open(env: &Env) -> Result<App, Unserved> {
    let database = env.d1(DATABASE_BINDING).map_err(Unserved::Database)?;
    let settings = Settings::from_vars(Engine::Worker, |name| env.var(name).ok().map(|value| value.to_string()))
        .map_err(Unserved::Settings)?;
    let (last_outage, database) = (Arc::clone(&LAST_OUTAGE), Arc::new(D1::new(database)));
    Ok(App::with_last_outage(last_outage, database, Arc::new(JsClock), Arc::new(JsEntropy), settings))
}
