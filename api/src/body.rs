//! The body of a request, as far as the API takes one.

use bytes::{Bytes, BytesMut};
use deckwatch_protocol::Operation;
use http::Method;

/// Most bytes of a request body, except that of a document.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Most bytes of the body that puts a document: JSON may spell each byte of its 1 MB with six, and the rest has room.
pub const MAX_DOC_BODY_BYTES: usize = 7 * MAX_BODY_BYTES;

/// How far a body that is too large is read and thrown away: a client that still writes would take a closed
/// connection for a dead server.
const MAX_DISCARDED_BYTES: usize = 16 * MAX_BODY_BYTES;

/// Most bytes of the body of `operation`.
pub(crate) const fn max_bytes(operation: Operation) -> usize {
    match operation {
        Operation::PutDoc => MAX_DOC_BODY_BYTES,
        _ => MAX_BODY_BYTES,
    }
}

/// The body of a request as a shell read it.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// It went on past what the request may have.
    TooLarge,
}

/// Takes a body in piece by piece, whatever its headers promise.
#[derive(Debug)]
pub struct Intake {
    bytes: BytesMut,
    seen: usize,
    max_bytes: usize,
}

impl Intake {
    /// Takes in the body of a request with this method and path. Only what may be a document is kept past 1 MiB:
    /// whose request it is, nobody knows yet.
    pub fn of(method: &Method, path: &str) -> Self {
        let put = Operation::PutDoc;
        let prefix = put.path().split('{').next().unwrap_or_default();
        let is_put = method.as_str() == put.method() && path.starts_with(prefix);
        let max_bytes = if is_put { max_bytes(put) } else { MAX_BODY_BYTES };
        Self { bytes: BytesMut::new(), seen: 0, max_bytes }
    }

    /// Takes one piece. Says whether to read on.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        self.seen = self.seen.saturating_add(piece.len());
        if self.seen <= self.max_bytes {
            self.bytes.extend_from_slice(piece);
        }
        self.seen <= MAX_DISCARDED_BYTES
    }

    /// The body that was taken in.
    pub fn finish(self) -> Body {
        if self.seen > self.max_bytes { Body::TooLarge } else { Body::Whole(self.bytes.freeze()) }
    }
}
