//! The embedded engine: the API, its database and its sweep.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_api::{Answer, App, Database, DatabaseError, DeferredStatements, Incoming, Outbound, Settings};
use http::{Request, Response};

use crate::database::Sqlite;
use crate::log_rows::LogRows;
use crate::platform::{SystemClock, SystemEntropy};
use crate::private_files::private_folder;
use crate::wait_limit::with_wait_limit;

/// The time between two sweeps; the same as that of the Worker's cron.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);

/// The Context API on a SQLite file.
#[derive(Clone)]
pub struct Embedded {
    app: Arc<App>,
    log_rows: LogRows,
}

/// Why a database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the database can't be created.
    #[error("can't create the folder {}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// SQLite can't open the file or apply the migrations.
    #[error("can't open the database {}: {source}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
}

impl Embedded {
    /// Opens or creates the database at `path`. Creates its folder if necessary.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        Ok(Self::on(open_database(path)?, settings))
    }

    /// Like [`Self::open`], with requests to other services, which the GitHub webhook needs.
    pub fn open_with(path: &Path, settings: Settings, outbound: Arc<dyn Outbound>) -> Result<Self, OpenError> {
        Ok(Self::on_with(open_database(path)?, settings, outbound))
    }

    /// Creates the engine on an open database.
    pub fn on(database: impl Database + 'static, settings: Settings) -> Self {
        Self { app: Arc::new(app_on(database, settings)), log_rows: LogRows::default() }
    }

    /// Like [`Self::on`], with requests to other services.
    pub fn on_with(database: impl Database + 'static, settings: Settings, outbound: Arc<dyn Outbound>) -> Self {
        let app = app_on(database, settings).with_outbound(outbound);
        Self { app: Arc::new(app), log_rows: LogRows::default() }
    }

    /// Sets the function that gives `/health` its notice for the operator. Only the first call has an effect.
    pub fn set_notice(&self, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.app.set_notice(notice);
    }

    /// The API.
    #[cfg(feature = "cli")]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Handles one request. The count and the log row are written after the response. Call [`Self::finish`] before the
    /// process ends.
    pub async fn handle(&self, request: Request<impl Incoming>) -> Response<Bytes> {
        let Answer { response, deferred } = with_wait_limit(self.app.handle(request)).await;
        self.finish_later(deferred);
        response
    }

    /// Runs what a request has left to do, after its response.
    pub(crate) fn finish_later(&self, deferred: DeferredStatements) {
        if deferred.is_empty() {
            return;
        }
        if deferred.may_share_batch() {
            self.log_rows.add(&self.app, deferred);
        } else {
            let app = Arc::clone(&self.app);
            tokio::spawn(async move { app.finish(deferred).await });
        }
    }

    /// Writes what [`Self::handle`] has left to write.
    pub async fn finish(&self) {
        self.log_rows.write(&self.app).await;
    }

    /// Handles one request and waits for its count and log row, for a process that may end right after.
    pub async fn call(&self, request: Request<impl Incoming>) -> Response<Bytes> {
        let answer = with_wait_limit(self.app.handle(request)).await;
        if !answer.deferred.is_empty() {
            self.app.finish(answer.deferred).await;
        }
        answer.response
    }

    /// The number of the newest event, without a count or a log row.
    pub async fn newest_event(&self) -> Result<u64, DatabaseError> {
        self.app.new_events(None).await.map(|events| events.head)
    }

    /// Sweeps at regular intervals while the returned future is polled.
    pub async fn keep_swept(&self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            match self.app.sweep().await {
                Ok(swept) => log::debug!("the sweep is done: {swept:?}"),
                Err(error) => log::warn!("the sweep failed: {error}; it runs again in 10 minutes"),
            }
        }
    }
}

fn open_database(path: &Path) -> Result<Sqlite, OpenError> {
    if let Some(folder) = path.parent() {
        private_folder(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
    }
    Sqlite::open(path).map_err(|source| OpenError::Database { path: path.to_owned(), source })
}

fn app_on(database: impl Database + 'static, settings: Settings) -> App {
    App::new(Arc::new(database), Arc::new(SystemClock), Arc::new(SystemEntropy), settings)
}
