//! Between the socket and hyper: it lets through one good head at a time, and as much as belongs to its body. Of a bad
//! head hyper sees nothing: it sees the end of the connection, and the refusal is written when it has let go.
//!
//! So every refusal has a body and a correlation id (hyper's own have none), and a request that comes while another is
//! being answered waits outside.

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

/// What is read from the socket at once while a head is awaited.
pub(super) const ROOM: usize = 8 * 1024;
/// How long a connection may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a head may take from its first byte on.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the end of a connection may take. Closing while the client still writes would destroy the answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Most bytes that are read and thrown away meanwhile.
const MAX_LINGERING_BYTES: u64 = 1024 * 1024;

/// Whether a request of the connection is being answered; the service tells the gate.
#[derive(Default)]
pub(super) struct Conduct(Mutex<(bool, Option<Waker>)>);

impl Conduct {
    /// A request is being answered until the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
        Busy(Arc::clone(self))
    }

    /// Whether a request is being answered. Wakes the task when that ends.
    fn is_busy(&self, context: &Context) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            state.1 = Some(context.waker().clone());
        }
        state.0
    }
}

/// An answer that is not handed on yet.
pub(super) struct Busy(Arc<Conduct>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = false;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

/// What comes next from the socket.
enum Stage {
    /// A head.
    Head,
    /// So many bytes of a head or a body, which hyper may have, then what is next.
    Open(u64),
    /// The rest of the connection: chunks are hyper's to count, so a request with chunks is the last.
    Rest,
}

/// A socket as hyper sees it.
pub(super) struct Gate {
    stream: TcpStream,
    conduct: Arc<Conduct>,
    stage: Stage,
    /// Read from the socket, not let through yet.
    held: BytesMut,
    refusal: Option<Refusal>,
    /// How long the client may take to send what is awaited.
    sending_until: Pin<Box<Sleep>>,
    /// Whether the first bytes of a head have come.
    has_begun: bool,
    /// How much of what is held was looked at in vain.
    looked_at: usize,
    /// Runs while the client takes nothing of what is written.
    taking_until: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

impl Gate {
    pub(super) fn new(stream: TcpStream, conduct: Arc<Conduct>) -> Self {
        Self {
            stream,
            conduct,
            stage: Stage::Head,
            held: BytesMut::new(),
            refusal: None,
            sending_until: Box::pin(sleep_until(Instant::now() + IDLE_TIMEOUT)),
            has_begun: false,
            looked_at: 0,
            taking_until: None,
            has_ended: false,
        }
    }

    /// Writes the refusal, if there is one, and ends the connection when the client has had time to read it.
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
            log::debug!("a connection broke at its end: {error}");
        }
    }

    /// Waits until a whole head is held. `false` when there will be none.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.conduct.is_busy(context) {
                // Hyper asks whether the client is still there. What it sends meanwhile waits.
                self.await_head();
                if self.held.len() > head::MAX_BYTES {
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
            if self.taking_until.is_some() && !self.has_begun {
                // A client that takes an answer is not idle.
                self.await_head();
            }
            if self.take_head() {
                match self.refusal {
                    Some(_) => continue,
                    None => return Poll::Ready(Ok(true)),
                }
            }
            match self.poll_fill(context)? {
                Poll::Ready(0) if self.held.is_empty() => return self.poll_end(),
                Poll::Ready(0) => {
                    let detail = "The request ended within its head.";
                    self.refusal = Some(Refusal::new(ErrorCode::InvalidRequest, detail));
                }
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(self.sending_until.as_mut().poll(context));
                    if !self.has_begun {
                        return self.poll_end();
                    }
                    self.refusal = Some(Refusal::too_slow());
                }
            }
        }
    }

    /// Opens the gate for the head that is held, or refuses it. `false` while it is not all there.
    fn take_head(&mut self) -> bool {
        // Empty lines before a request are nothing (RFC 9112, 2.2).
        let empty = self.held.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.held.advance(empty);
        // A head ends with a line, so looking is worth while when one has come.
        let has_line = self.held.get(self.looked_at..).is_some_and(|new| new.contains(&b'\n'));
        if !has_line && self.held.len() <= head::MAX_BYTES {
            return false;
        }
        self.looked_at = self.held.len();
        match head::examine(&self.held) {
            Head::Partial => return false,
            Head::Good { bytes, body: Length::Known(length) } => {
                self.stage = Stage::Open(length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)));
            }
            Head::Good { body: Length::Chunked, .. } => self.stage = Stage::Rest,
            Head::Bad(refusal) => self.refusal = Some(refusal),
        }
        true
    }

    /// Begins to wait for the next head, which may be held in part.
    fn await_head(&mut self) {
        self.stage = Stage::Head;
        self.has_begun = !self.held.is_empty();
        self.looked_at = 0;
        let most = if self.has_begun { HEAD_TIMEOUT } else { IDLE_TIMEOUT };
        self.sending_until.as_mut().reset(Instant::now() + most);
    }

    /// Says that no head will come, once the client has taken the answers to earlier requests: hyper throws away what
    /// it has not written when it sees the end. [`Self::written`] wakes the task.
    fn poll_end(&self) -> Poll<io::Result<bool>> {
        if self.taking_until.is_some() { Poll::Pending } else { Poll::Ready(Ok(false)) }
    }

    /// Reads from the socket into what is held. 0 is the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; ROOM];
        let mut room = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
        let read = room.filled();
        self.held.extend_from_slice(read);
        self.has_ended = read.is_empty();
        if !self.has_begun && !read.is_empty() {
            self.has_begun = true;
            self.sending_until.as_mut().reset(Instant::now() + HEAD_TIMEOUT);
        }
        Poll::Ready(Ok(read.len()))
    }

    /// Lets at most `most` bytes through.
    fn poll_pass(&mut self, context: &mut Context<'_>, most: u64, out: &mut ReadBuf<'_>) -> Poll<io::Result<u64>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.remaining());
        if self.held.is_empty() {
            let mut space = [0; ROOM];
            let mut room = ReadBuf::new(space.get_mut(..most.min(ROOM)).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
            out.put_slice(room.filled());
            self.has_ended = room.filled().is_empty();
            return Poll::Ready(Ok(room.filled().len() as u64));
        }
        let passed = self.held.split_to(most.min(self.held.len()));
        out.put_slice(&passed);
        if self.held.is_empty() {
            // An idle connection holds no memory.
            self.held = BytesMut::new();
        }
        Poll::Ready(Ok(passed.len() as u64))
    }

    /// What became of a write. A client that takes nothing for too long is given up.
    fn written(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            if self.taking_until.take().is_some() {
                // The end may wait for it, see `poll_end`.
                context.waker().wake_by_ref();
            }
            return result;
        }
        let fresh = || Box::pin(sleep_until(Instant::now() + WRITE_TIMEOUT));
        ready!(self.taking_until.get_or_insert_with(fresh).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Gate {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        loop {
            match gate.stage {
                Stage::Open(0) => gate.await_head(),
                Stage::Open(left) => {
                    let passed = ready!(gate.poll_pass(context, left, out))?;
                    gate.stage = Stage::Open(left.saturating_sub(passed));
                    return Poll::Ready(Ok(()));
                }
                Stage::Rest => return gate.poll_pass(context, u64::MAX, out).map_ok(drop),
                Stage::Head => {
                    if !ready!(gate.poll_head(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let result = Pin::new(&mut gate.stream).poll_write(context, bytes);
        gate.written(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let result = Pin::new(&mut gate.stream).poll_write_vectored(context, slices);
        gate.written(context, result)
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

/// Whether the connection has to end with this request, as the gate can't find the next one.
pub(super) fn must_close(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
}
