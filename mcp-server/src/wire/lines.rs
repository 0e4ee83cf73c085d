//! Reads lines of limited length. For a longer line, only the id of its request is kept.

use std::io;

use rmcp::model::RequestId;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::id::IdFinder;

/// Several times the size of the largest handoff with every character escaped.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// One line.
pub(super) enum Line {
    /// The whole line, with its line break if it has one.
    Whole(Vec<u8>),
    /// A line over the limit, with the id of its request, if one was found.
    TooLong(Option<RequestId>),
}

/// Reads lines. A cancelled call of [`Lines::next`] loses no data.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    partial: Partial,
}

/// A line that is not complete yet.
enum Partial {
    Kept(Vec<u8>),
    TooLong(IdFinder),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), partial: Partial::Kept(Vec::new()) }
    }

    /// Reads the next line. The last line may have no line break.
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
