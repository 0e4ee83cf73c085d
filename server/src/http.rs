//! HTTP/1.1 in front of the engine, on one listener.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_api::{Body, Intake};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::embedded::Embedded;

/// How long a client may take to send its headers, or its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may take once the server is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `engine` until `stop` resolves, then lets requests under way finish.
pub async fn serve(engine: Embedded, listener: TcpListener, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let sweeping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.keep_swept().await }
    });
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => accept(&engine, stream, &connections),
                Err(error) => {
                    // Too many open files, most likely: give those that are open a moment to close.
                    log::warn!("can't accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    sweeping.abort();
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        log::warn!("some requests were still under way after {} s and were cut off", DRAIN_TIMEOUT.as_secs());
    }
}

fn accept(engine: &Embedded, stream: TcpStream, connections: &GracefulShutdown) {
    let engine = engine.clone();
    let service = service_fn(move |request| {
        let engine = engine.clone();
        async move { Ok::<_, Infallible>(answer(&engine, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            log::debug!("a connection ended early: {error}");
        }
    });
}

async fn answer(engine: &Embedded, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, incoming) = request.into_parts();
    let body = match tokio::time::timeout(READ_TIMEOUT, read(&parts, incoming)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            log::debug!("a body broke off: {error}");
            return cut_off();
        }
        Err(_) => return cut_off(),
    };
    engine.handle(Request::from_parts(parts, body)).await.map(Full::new)
}

async fn read(parts: &Parts, mut incoming: Incoming) -> Result<Body, hyper::Error> {
    let mut intake = Intake::of(&parts.method, parts.uri.path());
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if !intake.take(&data) {
            break;
        }
    }
    Ok(intake.finish())
}

/// For a client whose body never came: most likely nobody reads this.
fn cut_off() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}
