//! A file with what an agent writes, up to a limit.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A file that keeps the first bytes of a stream.
pub(super) struct KeptFile {
    file: File,
    room: u64,
    /// Whether something was dropped. Then everything that follows is dropped too, so that what is kept has no gap.
    is_full: bool,
    dropped: Arc<AtomicU64>,
}

impl KeptFile {
    /// Creates the file, or continues it when an agent is started again. It keeps at most `limit` bytes. `dropped` counts
    /// the others.
    pub(super) fn open(path: &Path, limit: u64, dropped: Arc<AtomicU64>) -> io::Result<Self> {
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        let room = limit.saturating_sub(file.metadata()?.len());
        let is_full = dropped.load(Ordering::Relaxed) > 0;
        Ok(Self { file, room, is_full, dropped })
    }

    /// Keeps the bytes, or their first lines if the rest has no room. A disk that is full drops them too.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let fits = if self.is_full { 0 } else { self.fitting(bytes) };
        let (kept, rest) = bytes.split_at(fits);
        if self.file.write_all(kept).is_ok() {
            self.room -= kept.len() as u64;
            self.is_full |= !rest.is_empty();
            self.dropped.fetch_add(rest.len() as u64, Ordering::Relaxed);
        } else {
            self.is_full = true;
            self.dropped.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    /// How many of the bytes are kept: all, or whole lines.
    fn fitting(&self, bytes: &[u8]) -> usize {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        match bytes.get(..room) {
            Some(start) if room < bytes.len() => {
                start.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
            }
            _ => bytes.len(),
        }
    }

    /// Keeps a stream to its end. The stream is read to its end in any case, so that the agent never waits.
    pub(super) async fn keep_all(mut self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; CHUNK];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => self.keep(buffer.get(..read).unwrap_or_default()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_ends_with_a_whole_line_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (path, dropped) = (folder.path().join("output"), Arc::new(AtomicU64::new(0)));
        let mut file = KeptFile::open(&path, 12, dropped.clone()).unwrap();
        for line in ["one\n", "two\n", "three\nfour\n", "5\n"] {
            file.keep(line.as_bytes());
        }
        let read = || std::fs::read_to_string(&path).unwrap();
        assert_eq!((read().as_str(), dropped.load(Ordering::Relaxed)), ("one\ntwo\n", 13));
        KeptFile::open(&path, 100, dropped.clone()).unwrap().keep(b"later\n");
        assert_eq!((read().as_str(), dropped.load(Ordering::Relaxed)), ("one\ntwo\n", 19), "what is kept has no gap");
    }
}
