//! The engine: the API, its database and its sweep.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_api::{App, Database, Incoming, Settings};
use http::{Request, Response};

use crate::database::Sqlite;
use crate::patience::waiting_once;
use crate::platform::{SystemClock, SystemEntropy};
use crate::private_files::private_folder;

/// Between two sweeps; the same as the Worker's cron.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// The Context API on a SQLite file.
#[derive(Clone)]
pub struct Embedded {
    app: Arc<App>,
}

/// A database that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the database can't be made.
    #[error("can't make the folder {}: {source}", .folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// SQLite can't open the file or bring it to the newest migration.
    #[error("can't open the database {}: {source}", .path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl Embedded {
    /// Opens or creates the database at `path`, its folder included.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
        }
        let database = Sqlite::open(path).map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
        Ok(Self::on(database, settings))
    }

    /// The engine on a database that is open.
    pub fn on(database: impl Database + 'static, settings: Settings) -> Self {
        let app = App::new(Arc::new(database), Arc::new(SystemClock), Arc::new(SystemEntropy), settings);
        Self { app: Arc::new(app) }
    }

    /// Lets `/health` say what the operator should do. The first call counts.
    pub fn set_notice(&self, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.app.set_notice(notice);
    }

    /// Answers one request; its bookkeeping runs behind the answer.
    pub async fn handle(&self, request: Request<impl Incoming>) -> Response<Bytes> {
        let answer = waiting_once(self.app.handle(request)).await;
        if !answer.afterwards.is_empty() {
            let app = Arc::clone(&self.app);
            tokio::spawn(async move { app.finish(answer.afterwards).await });
        }
        answer.response
    }

    /// Answers one request, bookkeeping included: for a process that may end right after.
    pub async fn call(&self, request: Request<impl Incoming>) -> Response<Bytes> {
        let answer = waiting_once(self.app.handle(request)).await;
        if !answer.afterwards.is_empty() {
            self.app.finish(answer.afterwards).await;
        }
        answer.response
    }

    /// Sweeps now and then for as long as the returned future is polled.
    pub async fn keep_swept(&self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            ticks.tick().await;
            match self.app.sweep().await {
                Ok(swept) => log::debug!("swept {swept:?}"),
                Err(error) => log::warn!("the sweep failed and is tried again in 10 minutes: {error}"),
            }
        }
    }
}
