//! The embedded engine, called in this process without a network.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use deckwatch_api::{CompleteBody, Settings};
use deckwatch_machine::disk;
use deckwatch_protocol::BearerKey;
use deckwatch_server::{Embedded, OpenError};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Response};
use tokio::sync::OnceCell;

use super::Prepared;
use super::error::ClientError;

/// Advice for a database that can't be opened. The message of SQLite gives the cause.
fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::Folder { source, .. } => disk::advice(source),
        OpenError::Database { source, .. } => match source.to_string() {
            text if text.contains("full") => disk::advice(&io::ErrorKind::StorageFull.into()),
            text if text.contains("readonly") => disk::advice(&io::ErrorKind::ReadOnlyFilesystem.into()),
            text if text.contains("unable to open") => disk::advice(&io::ErrorKind::PermissionDenied.into()),
            text if text.contains("before its first release") => "`launcher doctor` shows where the file is",
            _ => {
                "check the disk, and free some space on that disk if it is full; restore a backup with `./scripts/backup restore`"
            }
        },
    }
}

/// The engine in this process. It is opened at the first call.
pub(super) struct InProcess {
    database: PathBuf,
    key: BearerKey,
    engine: OnceCell<Embedded>,
}

impl InProcess {
    pub(super) fn new(database: PathBuf, key: BearerKey) -> Self {
        Self { database, key, engine: OnceCell::new() }
    }

    pub(super) async fn send(&self, mut request: Prepared) -> Result<Response<Bytes>, ClientError> {
        let engine = self.engine.get_or_try_init(|| self.open()).await?;
        let key = HeaderValue::from_str(&format!("Bearer {}", self.key.expose()));
        let key = key.map_err(|_| ClientError::failed("the key contains characters that an HTTP header can't have"))?;
        request.headers_mut().insert(AUTHORIZATION, key);
        Ok(engine.call(request.map(CompleteBody)).await)
    }

    /// The number of the newest event, if the database can be read.
    pub(super) async fn newest_event(&self) -> Option<u64> {
        let engine = self.engine.get_or_try_init(|| self.open()).await.ok()?;
        engine.newest_event().await.ok()
    }

    /// The database file.
    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    async fn open(&self) -> Result<Embedded, ClientError> {
        let (database, settings) = (self.database.clone(), Settings::in_process(&self.key));
        let opened = tokio::task::spawn_blocking(move || Embedded::open(&database, settings)).await;
        let engine = match opened {
            Ok(Ok(engine)) => engine,
            Ok(Err(error)) => return Err(ClientError::failed(format!("{error}; {}", advice(&error)))),
            Err(error) => return Err(ClientError::failed(error.to_string())),
        };
        tokio::spawn({
            let engine = engine.clone();
            async move { engine.keep_swept().await }
        });
        Ok(engine)
    }
}
