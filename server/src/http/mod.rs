//! Serves the engine over HTTP/1.1 on one listener.
//!
//! `connections` limits the connections. `request_filter` is the filter between a socket and hyper that passes or
//! refuses whole request heads. `upload` reads a body when the engine asks for it, within a memory budget for all
//! bodies.

mod connections;
mod head;
mod request_filter;
mod upload;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use self::connections::{ConnectionSlot, Connections};
use self::request_filter::{Busy, RequestActivity, RequestFilter};
use self::upload::Upload;
use crate::embedded::Embedded;

/// Maximum number of connections. Before its key is known, each may hold a head of 64 KiB and 16 KiB of a body.
const MAX_CONNECTIONS: usize = 512;
/// Memory budget for larger bodies of known callers. Processing a body may need three times its size.
const BODY_BUDGET: usize = 32 * 1024 * 1024;
/// How long running requests may take after the server is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The state that all connections share.
struct ServerState {
    engine: Embedded,
    bodies: Arc<Semaphore>,
}

/// Serves `engine` until `stop` resolves, then lets running requests finish.
pub async fn serve(engine: Embedded, listener: TcpListener, stop: impl Future<Output = ()>) {
    let server = Arc::new(ServerState { engine: engine.clone(), bodies: Arc::new(Semaphore::new(BODY_BUDGET)) });
    let connections = Arc::new(Connections::of(MAX_CONNECTIONS));
    let (stopping, stopped) = watch::channel(false);
    let sweeping = tokio::spawn(async move { engine.keep_swept().await });
    tokio::select! {
        () = stop => {}
        () = accept(&server, &listener, &connections, &stopped) => {}
    }
    sweeping.abort();
    drop(listener);
    let _ = stopping.send(true);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.empty()).await.is_err() {
        log::warn!(
            "some requests were still running {} s after the stop signal and were canceled",
            DRAIN_TIMEOUT.as_secs()
        );
    }
    server.engine.finish().await;
}

/// Accepts connections in an endless loop.
async fn accept(
    server: &Arc<ServerState>,
    listener: &TcpListener,
    connections: &Arc<Connections>,
    stopped: &watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let slot = connections.admit().await;
                let (server, stopped) = (Arc::clone(server), stopped.clone());
                tokio::spawn(serve_connection(server, stream, slot, stopped));
            }
            Err(error) => {
                // Probably too many files are open. Wait until some connections close.
                log::warn!("can't accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Handles one connection, from its first request to its end.
async fn serve_connection(
    server: Arc<ServerState>,
    stream: TcpStream,
    slot: ConnectionSlot,
    mut stopped: watch::Receiver<bool>,
) {
    // Responses are small and complete, so they need no delay to collect more data.
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("could not set a socket option: {error}");
    }
    let slot = Arc::new(slot);
    let activity = Arc::new(RequestActivity::default());
    let service = service_fn({
        let (slot, activity) = (Arc::clone(&slot), Arc::clone(&activity));
        move |request| {
            let busy = activity.begin();
            let (server, slot) = (Arc::clone(&server), Arc::clone(&slot));
            Box::pin(async move {
                let answer = answer(&server, &slot, request).await;
                Ok::<_, Infallible>(answer.map(|body| Reply { body: Full::new(body), _busy: busy }))
            })
        }
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(head::MAX_BYTES + request_filter::READ_BYTES)
        .serve_connection(TokioIo::new(RequestFilter::new(stream, activity)), service);
    let connection_task = async {
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
                changed = stopped.changed(), if !is_stopping => {
                    is_stopping = true;
                    if changed.is_ok() {
                        Pin::new(&mut connection).graceful_shutdown();
                    }
                }
            }
        }
    };
    tokio::select! {
        ended = connection_task => if let Err(error) = ended {
            log::debug!("a connection ended early: {error}");
        },
        () = slot.evicted() => return log::debug!("closed an idle connection to accept a new one"),
    }
    tokio::select! {
        () = connection.into_parts().io.into_inner().close() => {}
        () = slot.evicted() => {}
    }
}

async fn answer(server: &ServerState, slot: &Arc<ConnectionSlot>, request: Request<Incoming>) -> Response<Bytes> {
    let working = slot.begin();
    let closes = request_filter::must_close(request.headers());
    let (parts, body) = request.into_parts();
    let upload = Upload::of(body, &parts.headers, Arc::clone(&server.bodies), Arc::clone(slot));
    let mut response = server.engine.handle(Request::from_parts(parts, upload)).await;
    if closes {
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    drop(working);
    response
}

/// A response body. The next request can pass the filter after hyper has taken all of it.
struct Reply {
    body: Full<Bytes>,
    _busy: Busy,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
