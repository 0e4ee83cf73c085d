//! The engine under test: the embedded engine in this process, or the one at `DECKWATCH_TEST_URL`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Engine, Param, Row, Settings, Statement};
use deckwatch_server::{Embedded, Network, Sqlite, http as server_http};
use http::Request;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::response::Response;
use crate::shape::fresh;
use crate::test_request::{Pieces, TestRequest};
use crate::worker_process::WorkerProcess;

/// A rate limit that the suite does not reach.
const UNLIMITED: u32 = 1_000_000;

/// A running engine and its keys.
#[derive(Clone)]
pub struct Api(Arc<Running>);

struct Running {
    url: String,
    context_key: String,
    admin_key: String,
    records: Records,
    client: Client<HttpConnector, Pieces>,
    /// What stops when the last clone is dropped.
    handle: EngineHandle,
}

/// How to reach the database of the engine under test.
pub(crate) enum Records {
    /// A SQLite file.
    File(PathBuf),
    /// The control URL of a Worker.
    Control(String),
}

enum EngineHandle {
    /// An engine that was started outside this process.
    External,
    /// A server in this process.
    Embedded { _serving: Serving, _folder: TempDir },
    /// A Worker that this test has started.
    Worker { process: Box<WorkerProcess> },
}

/// A parameter that makes a `Panicking` database panic.
pub const PANICS: &str = "a-test-panics";

/// A database that panics if a statement has the parameter [`PANICS`].
struct Panicking(Sqlite);

#[async_trait]
impl Database for Panicking {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let trigger = Param::Text(PANICS.to_owned());
        assert!(
            !statements.iter().any(|statement| statement.params.contains(&trigger)),
            "a test makes the engine panic"
        );
        self.0.batch(statements).await
    }
}

/// A task that ends when it is dropped.
struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Api {
    /// The engine at `DECKWATCH_TEST_URL`, which all tests share. Without this variable, a new embedded engine for this
    /// test.
    pub async fn start() -> Self {
        match var("DECKWATCH_TEST_URL") {
            Some(url) => Self::external(url),
            None => Self::embedded(UNLIMITED).await,
        }
    }

    /// A new engine for this test, of the kind under test, with a limit of `rate` requests a minute.
    pub async fn start_limited(rate: u32) -> Self {
        if var("DECKWATCH_TEST_URL").is_none() {
            return Self::embedded(rate).await;
        }
        let keys = (fresh("context-key"), fresh("admin-key"));
        Self::worker(keys, rate, &[], &[]).await
    }

    /// A new engine for this test, of the kind under test, with these settings in addition to its keys.
    pub async fn start_with(variables: &[(&str, String)]) -> Self {
        if var("DECKWATCH_TEST_URL").is_none() {
            return Self::embedded_on(UNLIMITED, variables, |sqlite| sqlite).await;
        }
        Self::worker((fresh("context-key"), fresh("admin-key")), UNLIMITED, &[], variables).await
    }

    /// A new engine for this test, of the kind under test, whose database can make it panic. The embedded engine panics
    /// when [`PANICS`] is bound to a statement, the Worker when a request has the header `x-test-panic`.
    pub async fn start_panicking() -> Self {
        if var("DECKWATCH_TEST_URL").is_none() {
            return Self::embedded_on(UNLIMITED, &[], Panicking).await;
        }
        Self::worker((fresh("context-key"), fresh("admin-key")), UNLIMITED, &["--panicking"], &[]).await
    }

    /// A new Worker for this test whose responses have the number of rows that D1 has read and written. `None` if the
    /// embedded engine is under test: SQLite does not count rows.
    pub async fn start_counting() -> Option<Self> {
        Self::start_counting_with(&[]).await
    }

    /// Like [`Api::start_counting`], with these settings in addition to its keys.
    pub async fn start_counting_with(variables: &[(&str, String)]) -> Option<Self> {
        var("DECKWATCH_TEST_URL")?;
        Some(Self::worker((fresh("context-key"), fresh("admin-key")), UNLIMITED, &["--counting"], variables).await)
    }

    /// A new Worker for this test whose binding of Workers AI asks the address in `CLASSIFIER_MODEL_URL`. `None` if the
    /// embedded engine is under test: it has no such binding.
    pub async fn start_with_workers_ai(variables: &[(&str, String)]) -> Option<Self> {
        var("DECKWATCH_TEST_URL")?;
        Some(Self::worker((fresh("context-key"), fresh("admin-key")), UNLIMITED, &["--workers-ai"], variables).await)
    }

    /// A new Worker for this test whose hub of sockets can be looked into. `None` if the embedded engine is under test.
    pub async fn start_probing() -> Option<Self> {
        var("DECKWATCH_TEST_URL")?;
        Some(Self::worker((fresh("context-key"), fresh("admin-key")), UNLIMITED, &["--probing"], &[]).await)
    }

    /// Starts the Worker again on its database, after it was killed. `None` if the embedded engine is under test.
    pub async fn restarted_worker(self) -> Option<Self> {
        let Running { context_key, admin_key, handle, .. } = Arc::into_inner(self.0)?;
        let EngineHandle::Worker { process } = handle else { return None };
        let process = process.restarted().await;
        let records = Records::Control(process.control_url.clone());
        let (url, handle) = (process.url.clone(), EngineHandle::Worker { process: Box::new(process) });
        Some(Self::new(url, (context_key, admin_key), records, handle))
    }

    async fn worker(keys: (String, String), rate: u32, options: &[&str], variables: &[(&str, String)]) -> Self {
        let process = WorkerProcess::start_with(&keys, rate, options, variables).await;
        let records = Records::Control(process.control_url.clone());
        Self::new(process.url.clone(), keys, records, EngineHandle::Worker { process: Box::new(process) })
    }

    /// The process of the Worker, if this test has started one.
    pub fn process_of_worker(&self) -> Option<u32> {
        match &self.0.handle {
            EngineHandle::Worker { process } => Some(process.id()),
            EngineHandle::External | EngineHandle::Embedded { .. } => None,
        }
    }

    /// The log of the Worker, if this test has started one.
    pub fn log_of_worker(&self) -> Option<String> {
        match &self.0.handle {
            EngineHandle::Worker { process } => Some(process.log()),
            EngineHandle::External | EngineHandle::Embedded { .. } => None,
        }
    }

    /// The embedded engine at `url` with the database file `database` and the keys (context, admin).
    pub fn at(url: &str, keys: (&str, &str), database: &Path) -> Self {
        let keys = (keys.0.to_owned(), keys.1.to_owned());
        Self::new(url.to_owned(), keys, Records::File(database.to_owned()), EngineHandle::External)
    }

    fn external(url: String) -> Self {
        let required = |name: &str| var(name).unwrap_or_else(|| panic!("DECKWATCH_TEST_URL needs {name} beside it"));
        let keys = (required("CONTEXT_API_KEY"), required("ADMIN_API_KEY"));
        Self::new(url, keys, Records::Control(required("DECKWATCH_TEST_CONTROL")), EngineHandle::External)
    }

    async fn embedded(rate: u32) -> Self {
        Self::embedded_on(rate, &[], |sqlite| sqlite).await
    }

    async fn embedded_on<D: Database + 'static>(
        rate: u32,
        variables: &[(&str, String)],
        database_on: impl FnOnce(Sqlite) -> D,
    ) -> Self {
        let keys = (fresh("context-key"), fresh("admin-key"));
        let settings = Settings::from_vars(Engine::Embedded, |name| match name {
            "CONTEXT_API_KEY" => Some(keys.0.clone()),
            "ADMIN_API_KEY" => Some(keys.1.clone()),
            "RATE_LIMIT_PER_MINUTE" => Some(rate.to_string()),
            other => variables.iter().find(|(name, _)| *name == other).map(|(_, value)| value.clone()),
        });
        let folder = TempDir::new().unwrap();
        let database: PathBuf = folder.path().join("context.db");
        let database_of_engine = database_on(Sqlite::open(&database).unwrap());
        let engine = Embedded::on_with(database_of_engine, settings.unwrap(), Arc::new(Network::default()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Serving(tokio::spawn(server_http::serve(engine, listener, std::future::pending())));
        let handle = EngineHandle::Embedded { _serving: serving, _folder: folder };
        Self::new(url, keys, Records::File(database), handle)
    }

    fn new(url: String, (context_key, admin_key): (String, String), records: Records, handle: EngineHandle) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self(Arc::new(Running { url, context_key, admin_key, records, client, handle }))
    }

    /// The base URL, such as `http://127.0.0.1:8787`.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The key of the context tier.
    pub fn context_key(&self) -> &str {
        &self.0.context_key
    }

    /// The key of the admin tier.
    pub fn admin_key(&self) -> &str {
        &self.0.admin_key
    }

    pub(crate) fn records(&self) -> &Records {
        &self.0.records
    }

    /// Whether the engine is the Worker.
    pub fn is_worker(&self) -> bool {
        matches!(self.0.records, Records::Control(_))
    }

    pub(crate) async fn send(&self, ask: TestRequest, authorization: Option<&str>) -> Response {
        self.exchange(ask.request(&self.0.url, authorization)).await
    }

    /// Sends a request to a base URL other than the engine's.
    pub(crate) async fn send_to(&self, base: &str, ask: TestRequest) -> Response {
        self.exchange(ask.request(base, None)).await
    }

    async fn exchange(&self, request: Request<Pieces>) -> Response {
        self.attempt(request).await.expect("the engine did not answer")
    }

    /// Sends a request with the context key to an engine that may stop before it answers.
    pub async fn try_send(&self, ask: TestRequest) -> Option<Response> {
        let authorization = format!("Bearer {}", self.context_key());
        self.attempt(ask.request(&self.0.url, Some(&authorization))).await.ok()
    }

    async fn attempt(&self, request: Request<Pieces>) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = self.0.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
