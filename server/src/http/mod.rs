//! Serves the engine over HTTP/1.1 on one listener.
//!
//! `connections` limits the connections. `request_filter` is the filter between a socket and hyper that passes or
//! refuses whole request heads. `upload` reads a body when the engine asks for it, within a memory budget for all
//! bodies. `socket` takes over the connection of a client that watches events.

mod connections;
mod head;
mod request_filter;
mod socket;
mod upload;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deckwatch_api::watch::is_watch;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use self::connections::{ConnectionSlot, Connections};
use self::request_filter::{Busy, RequestActivity, RequestFilter};
use self::socket::PromisedSocket;
use self::upload::Upload;
use crate::embedded::Embedded;
use crate::hub::Hub;

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
    hub: Arc<Hub>,
}

/// Serves `engine` until `stop` resolves, then lets running requests finish.
pub async fn serve(engine: Embedded, listener: TcpListener, stop: impl Future<Output = ()>) {
    let hub = Hub::new();
    engine.app().set_hint(Arc::clone(&hub) as _);
    let bodies = Arc::new(Semaphore::new(BODY_BUDGET));
    let server = Arc::new(ServerState { engine: engine.clone(), bodies, hub: Arc::clone(&hub) });
    let connections = Arc::new(Connections::of(MAX_CONNECTIONS));
    let (stopping, stopped) = watch::channel(false);
    let app = Arc::clone(engine.app());
    let hinting = tokio::spawn(async move { hub.run(&app).await });
    let sweeping = tokio::spawn(async move { engine.keep_swept().await });
    tokio::select! {
        () = stop => {}
        () = accept(&server, &listener, &connections, &stopped) => {}
    }
    sweeping.abort();
    hinting.abort();
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
    let promised = Arc::new(Mutex::new(None));
    let service = service_fn({
        let (server, slot) = (Arc::clone(&server), Arc::clone(&slot));
        let (activity, promised) = (Arc::clone(&activity), Arc::clone(&promised));
        move |request| {
            let busy = activity.begin();
            let (server, slot, promised) = (Arc::clone(&server), Arc::clone(&slot), Arc::clone(&promised));
            Box::pin(async move {
                let answer = if is_watch(request.uri().path()) {
                    answer_watch(&server, &slot, request, &promised).await
                } else {
                    answer(&server, &slot, request).await
                };
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
    let parts = connection.into_parts();
    let filter = parts.io.into_inner();
    if let Some(socket) = take(&promised) {
        let _working = slot.begin();
        let (stream, unread) = filter.into_stream();
        let early = [&parts.read_buf[..], &unread[..]].concat();
        return socket::serve(server.engine.app(), socket, (stream, early), stopped).await;
    }
    tokio::select! {
        () = filter.close() => {}
        () = slot.evicted() => {}
    }
}

/// The socket that was promised to the client of this connection.
type Promised = Mutex<Option<PromisedSocket>>;

fn take(promised: &Promised) -> Option<PromisedSocket> {
    promised.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Answers a request for a socket. The connection becomes the socket after the response.
async fn answer_watch(
    server: &ServerState,
    slot: &Arc<ConnectionSlot>,
    request: Request<Incoming>,
    promised: &Promised,
) -> Response<Bytes> {
    let _working = slot.begin();
    let (parts, body) = request.into_parts();
    // A request for a socket has no body. If there is one, the connection can't become a socket.
    let has_body = !body.is_end_stream();
    drop(Upload::of(body, &parts.headers, Arc::clone(&server.bodies), Arc::clone(slot)));
    let headers = parts.headers.clone();
    let app = server.engine.app();
    let answer = match app.admit_watcher(parts).await {
        Err(answer) => answer,
        Ok(admitted) => {
            slot.is_known();
            match PromisedSocket::of(&server.hub, &admitted).filter(|_| !has_body) {
                None => app.refuse_socket(admitted),
                Some(socket) => {
                    *promised.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
                    let mut answer = app.open_socket(admitted);
                    socket::switch(&mut answer.response, &headers);
                    answer
                }
            }
        }
    };
    server.engine.finish_later(answer.deferred);
    answer.response
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
