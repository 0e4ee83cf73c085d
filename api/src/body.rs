//! The body of a request, as far as the API takes one.

use bytes::{Bytes, BytesMut};

/// Most bytes of a request body.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How far a body that is too large is read and thrown away: a client that still writes would take a closed
/// connection for a dead server.
const MAX_DISCARDED_BYTES: usize = 16 * MAX_BODY_BYTES;

/// The body of a request as a shell read it.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// It went on past [`MAX_BODY_BYTES`].
    TooLarge,
}

/// Takes a body in piece by piece, whatever its headers promise.
#[derive(Debug, Default)]
pub struct Intake {
    bytes: BytesMut,
    seen: usize,
}

impl Intake {
    /// Takes one piece. Says whether to read on.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        self.seen = self.seen.saturating_add(piece.len());
        if self.seen <= MAX_BODY_BYTES {
            self.bytes.extend_from_slice(piece);
        }
        self.seen <= MAX_DISCARDED_BYTES
    }

    /// The body that was taken in.
    pub fn finish(self) -> Body {
        if self.seen > MAX_BODY_BYTES { Body::TooLarge } else { Body::Whole(self.bytes.freeze()) }
    }
}
