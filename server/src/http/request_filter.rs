//! A filter between the socket and hyper. It passes one valid request head at a time, and then the bytes of its
//! body. For an invalid head, hyper sees only the end of the connection. The filter writes the refusal after hyper
//! has released the socket.
//!
//! So every refusal has a body and a correlation id, which hyper's own refusals do not have. A request that arrives
//! while another one is running waits in the filter.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use deckwatch_protocol::ErrorCode;
use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::head::{self, Head, Length, Refusal};

/// Bytes to read from the socket at once while waiting for a head.
pub(super) const READ_BYTES: usize = 8 * 1024;
/// How long a connection may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a head may take from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may read nothing of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the end of a connection may take. If the server closes the socket while the client still writes, the
/// client loses the response.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of bytes that are read and discarded meanwhile.
const MAX_LINGERING_BYTES: u64 = 1024 * 1024;

/// Whether a request of the connection is running. The service updates it for the filter.
#[derive(Default)]
pub(super) struct RequestActivity(Mutex<(bool, Option<Waker>)>);

impl RequestActivity {
    /// Marks a request as running, until the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
        Busy(Arc::clone(self))
    }

    /// Whether a request is running. Wakes the task when the request ends.
    fn is_busy(&self, context: &Context) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            state.1 = Some(context.waker().clone());
        }
        state.0
    }
}

/// A running request, until hyper has taken its response.
pub(super) struct Busy(Arc<RequestActivity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = false;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

/// What the next bytes of the socket are.
enum Stage {
    /// A head.
    Head,
    /// The rest of a head or a body: this number of bytes passes to hyper, then the next head follows.
    Pass(u64),
    /// The rest of the connection. Only hyper parses chunks, so a request with chunks is the last one.
    Rest,
}

/// The socket that hyper uses.
pub(super) struct RequestFilter {
    stream: TcpStream,
    activity: Arc<RequestActivity>,
    stage: Stage,
    /// Bytes read from the socket that have not passed yet.
    buffer: BytesMut,
    refusal: Option<Refusal>,
    /// The deadline for the client to send the next bytes.
    read_deadline: Pin<Box<Sleep>>,
    /// Whether the first bytes of a head have arrived.
    has_head_bytes: bool,
    /// The number of buffered bytes in which no head was found.
    scanned: usize,
    /// The timer while the client reads nothing of the response.
    write_deadline: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

impl RequestFilter {
    pub(super) fn new(stream: TcpStream, activity: Arc<RequestActivity>) -> Self {
        Self {
            stream,
            activity,
            stage: Stage::Head,
            buffer: BytesMut::new(),
            refusal: None,
            read_deadline: Box::pin(sleep_until(Instant::now() + IDLE_TIMEOUT)),
            has_head_bytes: false,
            scanned: 0,
            write_deadline: None,
            has_ended: false,
        }
    }

    /// Writes the refusal, if there is one, and ends the connection after the client has had time to read it.
    pub(super) async fn close(mut self) {
        let closing = async {
            if let Some(refusal) = self.refusal.take() {
                self.stream.write_all(&refusal.answer()).await?;
            }
            self.stream.shutdown().await?;
            if !self.has_ended {
                let mut rest = (&mut self.stream).take(MAX_LINGERING_BYTES);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
            }
            Ok::<_, io::Error>(())
        };
        if let Ok(Err(error)) = timeout(CLOSE_TIMEOUT, closing).await {
            log::debug!("could not close a connection cleanly: {error}");
        }
    }

    /// The socket, and the bytes that were read from it and did not pass.
    pub(super) fn into_stream(self) -> (TcpStream, BytesMut) {
        (self.stream, self.buffer)
    }

    /// Waits until the buffer holds a whole head. Returns `false` if there will be none.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.activity.is_busy(context) {
                // Hyper reads to check whether the client is still connected. Bytes that arrive meanwhile wait in
                // the buffer.
                self.await_head();
                if self.buffer.len() > head::MAX_BYTES {
                    return Poll::Pending;
                }
                if ready!(self.poll_fill(context))? == 0 {
                    return Poll::Ready(Ok(false));
                }
                continue;
            }
            if self.refusal.is_some() {
                return self.poll_end();
            }
            if self.write_deadline.is_some() && !self.has_head_bytes {
                // A client that reads a response is not idle.
                self.await_head();
            }
            if self.take_head() {
                match self.refusal {
                    Some(_) => continue,
                    None => return Poll::Ready(Ok(true)),
                }
            }
            match self.poll_fill(context)? {
                Poll::Ready(0) if self.buffer.is_empty() => return self.poll_end(),
                Poll::Ready(0) => {
                    let detail = "The connection ended before the end of the request headers. Send the request again.";
                    self.refusal = Some(Refusal::new(ErrorCode::InvalidRequest, detail));
                }
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(self.read_deadline.as_mut().poll(context));
                    if !self.has_head_bytes {
                        return self.poll_end();
                    }
                    self.refusal = Some(Refusal::too_slow());
                }
            }
        }
    }

    /// Passes the head in the buffer, or refuses it. Returns `false` if the head is not complete.
    fn take_head(&mut self) -> bool {
        // Empty lines before a request are ignored (RFC 9112, 2.2).
        let empty = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.buffer.advance(empty);
        // A head ends with a line, so parse only after a new line has arrived.
        let has_line = self.buffer.get(self.scanned..).is_some_and(|new| new.contains(&b'\n'));
        if !has_line && self.buffer.len() <= head::MAX_BYTES {
            return false;
        }
        self.scanned = self.buffer.len();
        match head::parse(&self.buffer) {
            Head::Partial => return false,
            Head::Good { bytes, body: Length::Known(length) } => {
                self.stage = Stage::Pass(length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)));
            }
            Head::Good { body: Length::Chunked, .. } => self.stage = Stage::Rest,
            Head::Bad(refusal) => self.refusal = Some(refusal),
        }
        true
    }

    /// Starts to wait for the next head. The buffer may already hold a part of it.
    fn await_head(&mut self) {
        self.stage = Stage::Head;
        self.has_head_bytes = !self.buffer.is_empty();
        self.scanned = 0;
        let limit = if self.has_head_bytes { HEAD_TIMEOUT } else { IDLE_TIMEOUT };
        self.read_deadline.as_mut().reset(Instant::now() + limit);
    }

    /// Reports the end of the input after the client has received the responses to earlier requests. At the end,
    /// hyper discards what it has not written. [`Self::check_write`] wakes the task.
    fn poll_end(&self) -> Poll<io::Result<bool>> {
        if self.write_deadline.is_some() { Poll::Pending } else { Poll::Ready(Ok(false)) }
    }

    /// Reads from the socket into the buffer. 0 means the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut read_buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read_buffer))?;
        let read = read_buffer.filled();
        self.buffer.extend_from_slice(read);
        self.has_ended = read.is_empty();
        if !self.has_head_bytes && !read.is_empty() {
            self.has_head_bytes = true;
            self.read_deadline.as_mut().reset(Instant::now() + HEAD_TIMEOUT);
        }
        Poll::Ready(Ok(read.len()))
    }

    /// Passes at most `limit` bytes.
    fn poll_pass(&mut self, context: &mut Context<'_>, limit: u64, out: &mut ReadBuf<'_>) -> Poll<io::Result<u64>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(out.remaining());
        if self.buffer.is_empty() {
            let mut space = [0; READ_BYTES];
            let mut read_buffer = ReadBuf::new(space.get_mut(..limit.min(READ_BYTES)).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read_buffer))?;
            out.put_slice(read_buffer.filled());
            self.has_ended = read_buffer.filled().is_empty();
            return Poll::Ready(Ok(read_buffer.filled().len() as u64));
        }
        let passed = self.buffer.split_to(limit.min(self.buffer.len()));
        out.put_slice(&passed);
        if self.buffer.is_empty() {
            // An idle connection uses no buffer memory.
            self.buffer = BytesMut::new();
        }
        Poll::Ready(Ok(passed.len() as u64))
    }

    /// Handles the result of a write. Fails if the client reads nothing for too long.
    fn check_write(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            if self.write_deadline.take().is_some() {
                // The end of the input may wait for this write, see `poll_end`.
                context.waker().wake_by_ref();
            }
            return result;
        }
        let new_timer = || Box::pin(sleep_until(Instant::now() + WRITE_TIMEOUT));
        ready!(self.write_deadline.get_or_insert_with(new_timer).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for RequestFilter {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let request_filter = self.get_mut();
        loop {
            match request_filter.stage {
                Stage::Pass(0) => request_filter.await_head(),
                Stage::Pass(left) => {
                    let passed = ready!(request_filter.poll_pass(context, left, out))?;
                    request_filter.stage = Stage::Pass(left.saturating_sub(passed));
                    return Poll::Ready(Ok(()));
                }
                Stage::Rest => return request_filter.poll_pass(context, u64::MAX, out).map_ok(drop),
                Stage::Head => {
                    if !ready!(request_filter.poll_head(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl AsyncWrite for RequestFilter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let request_filter = self.get_mut();
        let result = Pin::new(&mut request_filter.stream).poll_write(context, bytes);
        request_filter.check_write(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let request_filter = self.get_mut();
        let result = Pin::new(&mut request_filter.stream).poll_write_vectored(context, slices);
        request_filter.check_write(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Whether the connection must end after this request, because the filter can't find the next one.
pub(super) fn must_close(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
}
