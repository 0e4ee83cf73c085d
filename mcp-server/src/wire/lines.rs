//! Lines of bytes, each within a limit: of one that is longer, only whose it was is known.

use std::io;

use rmcp::model::RequestId;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::id::IdFinder;

/// Several times the largest handoff, however its characters are escaped.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// One line.
pub(super) enum Line {
    /// All of it, without its end.
    Whole(Vec<u8>),
    /// It was longer; the id of its request, if it has one.
    TooLong(Option<RequestId>),
}

/// Reads lines. A call of [`Lines::next`] may be cancelled and loses nothing.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    partial: Partial,
}

/// The line whose end has not come yet.
enum Partial {
    Kept(Vec<u8>),
    TooLong(IdFinder),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), partial: Partial::Kept(Vec::new()) }
    }

    /// The next line; the last one may have no end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let available = self.reader.fill_buf().await?;
            let Some(part) = available.split_inclusive(|b| *b == b'\n').next() else {
                return Ok(
                    Some(self.partial.take()).filter(|line| !matches!(line, Line::Whole(line) if line.is_empty()))
                );
            };
            let (taken, ends) = (part.len(), part.ends_with(b"\n"));
            self.partial.add(part);
            self.reader.consume(taken);
            if ends {
                return Ok(Some(self.partial.take()));
            }
        }
    }
}

impl Partial {
    fn add(&mut self, part: &[u8]) {
        match self {
            Self::Kept(line) if line.len() + part.len() <= MAX_BYTES => line.extend_from_slice(part),
            Self::Kept(line) => {
                let mut finder = IdFinder::default();
                finder.read(line);
                finder.read(part);
                *self = Self::TooLong(finder);
            }
            Self::TooLong(finder) => finder.read(part),
        }
    }

    fn take(&mut self) -> Line {
        match std::mem::replace(self, Self::Kept(Vec::new())) {
            Self::Kept(line) => Line::Whole(line),
            Self::TooLong(finder) => Line::TooLong(finder.found()),
        }
    }
}
