//! The API in this process, on a database that counts batches and can fail, with a clock and random bytes under
//! control.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deckwatch_api::fault::Outage;
use deckwatch_api::{
    App, Clock, CompleteBody, Database, DatabaseError, Engine, Entropy, Incoming, Row, Settings, Statement,
};
use deckwatch_protocol::operation::Tier;
use deckwatch_protocol::{Operation, Timestamp};
use deckwatch_tests::{ExampleSender, Response, TestRequest};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use sha2::Digest;

/// The admin key.
const KEY: &str = "the-admin-key-of-the-lab";

/// A failure of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The database can't be reached, and the batch does not run.
    Unreachable,
    /// The batch runs, but the connection breaks before the rows arrive.
    BreaksAfterCommit,
    /// The database fails with a message that must not reach the caller.
    Fails,
    /// The database refuses writes until [`TestApi::trouble_ends`]; reads still work.
    Outage(Outage),
}

/// The message of [`Trouble::Fails`].
pub(crate) const SECRET_WORDS: &str = "no such column: secret_words";

/// A database that counts batches and fails on request.
struct FaultyDatabase {
    inner: Arc<dyn Database>,
    batches: AtomicUsize,
    statements: AtomicUsize,
    /// The next failure, and the number of batches before it.
    trouble: Mutex<Option<(usize, Trouble)>>,
}

#[async_trait]
impl Database for FaultyDatabase {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.statements.fetch_add(statements.len(), Ordering::SeqCst);
        match self.take_trouble() {
            Some(Trouble::Unreachable) => Err(DatabaseError::Unavailable(SECRET_WORDS.to_owned())),
            Some(Trouble::Fails) => Err(DatabaseError::Failed(SECRET_WORDS.to_owned())),
            Some(Trouble::Outage(_))
                if statements.iter().all(|statement| statement.sql.trim_start().starts_with("select")) =>
            {
                self.inner.batch(statements).await
            }
            Some(Trouble::Outage(outage)) => Err(DatabaseError::Outage(outage, SECRET_WORDS.to_owned())),
            Some(Trouble::BreaksAfterCommit) => {
                self.inner.batch(statements).await?;
                Err(DatabaseError::Unavailable(SECRET_WORDS.to_owned()))
            }
            None => self.inner.batch(statements).await,
        }
    }
}

impl FaultyDatabase {
    fn take_trouble(&self) -> Option<Trouble> {
        let mut next = self.trouble.lock().unwrap();
        let (before, trouble) = next.take()?;
        if before == 0 {
            *next = matches!(trouble, Trouble::Outage(_)).then_some((0, trouble));
            return Some(trouble);
        }
        *next = Some((before - 1, trouble));
        None
    }
}

/// A clock that a test sets.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A source of bytes that is the same in every run.
struct FixedEntropy(AtomicU64);

impl Entropy for FixedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // SplitMix64 (Steele, Lea and Flood, 2014). Without its mixing, the random parts of two ids are soon the same.
            let n = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = n.to_le_bytes()[6];
        }
    }
}

/// The API with its test database and clock.
pub(crate) struct TestApi {
    app: App,
    database: Arc<FaultyDatabase>,
    clock: Arc<TestClock>,
    entropy: Arc<FixedEntropy>,
    keys: AtomicUsize,
}

/// An answer and its cost.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The number of batches before the answer.
    pub(crate) batches: usize,
    /// The number of batches after the answer.
    pub(crate) batches_deferred: usize,
    /// The time until the answer.
    pub(crate) waited: Duration,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl TestApi {
    /// The API on an empty database in memory.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(deckwatch_server::Sqlite::in_memory().unwrap()))
    }

    /// The API on `inner`.
    pub(crate) fn on(inner: Arc<dyn Database>) -> Self {
        Self::with_variables(inner, |_| None)
    }

    /// The API on `inner` with these settings.
    pub(crate) fn with_variables(inner: Arc<dyn Database>, var: impl Fn(&str) -> Option<String>) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_248_000_000)));
        let entropy = Arc::new(FixedEntropy(AtomicU64::new(1)));
        Self::with(inner, (clock, entropy), AtomicUsize::new(0), var)
    }

    /// The engine after a restart: the API on `inner`, with the clock and the random bytes of before.
    pub(crate) fn restarted(self, inner: Arc<dyn Database>) -> Self {
        Self::with(inner, (self.clock, self.entropy), self.keys, |_| None)
    }

    fn with(
        inner: Arc<dyn Database>,
        (clock, entropy): (Arc<TestClock>, Arc<FixedEntropy>),
        keys: AtomicUsize,
        var: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let (batches, statements) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let database = Arc::new(FaultyDatabase { inner, batches, statements, trouble: Mutex::new(None) });
        let settings = Settings::from_vars(Engine::Embedded, |name| match name {
            "ADMIN_API_KEY" => Some(KEY.to_owned()),
            "RATE_LIMIT_PER_MINUTE" => Some("1000000".to_owned()),
            other => var(other),
        });
        let platform = (Arc::clone(&database) as _, Arc::clone(&clock) as _, Arc::clone(&entropy) as _);
        let app = App::new(platform.0, platform.1, platform.2, settings.unwrap());
        Self { app, database, clock, entropy, keys }
    }

    /// The API.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Advances the clock.
    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The time of the clock. Each request advances it by one second first.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The number of statements that the database has run.
    pub(crate) fn statements(&self) -> usize {
        self.database.statements.load(Ordering::SeqCst)
    }

    /// Ends all failures of the database.
    pub(crate) fn trouble_ends(&self) {
        *self.database.trouble.lock().unwrap() = None;
    }

    /// Makes the next batch fail.
    pub(crate) fn expect_trouble(&self, trouble: Trouble) {
        self.expect_trouble_after(0, trouble);
    }

    /// Makes a batch fail, after `batches` others.
    pub(crate) fn expect_trouble_after(&self, batches: usize, trouble: Trouble) {
        *self.database.trouble.lock().unwrap() = Some((batches, trouble));
    }

    /// A new idempotency key.
    pub(crate) fn fresh_key(&self) -> String {
        format!("a-key-of-the-lab-{}", self.keys.fetch_add(1, Ordering::SeqCst))
    }

    /// Sends a request for `operation` with a new idempotency key. `to` is the path's parameter and the query.
    pub(crate) async fn ask(&self, operation: Operation, to: (&str, &str), body: Option<&Value>) -> Answered {
        self.ask_with(operation, to, body, &self.fresh_key()).await
    }

    /// Sends a request for `operation` with the idempotency key `key`.
    pub(crate) async fn ask_with(
        &self,
        operation: Operation,
        to: (&str, &str),
        body: Option<&Value>,
        key: &str,
    ) -> Answered {
        self.exchange(KEY, operation, to, body, key).await
    }

    /// Sends a request for `operation` with another bearer key and a new idempotency key.
    pub(crate) async fn ask_as(
        &self,
        bearer: &str,
        operation: Operation,
        to: (&str, &str),
        body: Option<&Value>,
    ) -> Answered {
        self.exchange(bearer, operation, to, body, &self.fresh_key()).await
    }

    async fn exchange(
        &self,
        bearer: &str,
        operation: Operation,
        (parameter, query): (&str, &str),
        body: Option<&Value>,
        key: &str,
    ) -> Answered {
        // The parameter of a document is `scope/name`.
        let (scope, name) = parameter.split_once('/').unwrap_or((parameter, parameter));
        let path =
            operation.path().replace("{id}", parameter).replace("{code}", parameter).replace("{venture}", parameter);
        let path = path.replace("{hostname}", parameter);
        let path = path.replace("{scope}", scope).replace("{name}", name);
        let request = Request::builder()
            .method(operation.method())
            .uri(format!("{path}?{query}"))
            .header("authorization", format!("Bearer {bearer}"))
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(CompleteBody(body.map(Value::to_string).unwrap_or_default().into()))
            .unwrap();
        self.send(request).await
    }

    /// Sends a request of the harness.
    pub(crate) async fn send_request(&self, ask: TestRequest) -> Answered {
        self.send(ask.in_process(KEY).map(CompleteBody)).await
    }

    /// Sends a request unchanged.
    pub(crate) async fn send(&self, request: Request<impl Incoming>) -> Answered {
        self.pass_seconds(1);
        let counted = || self.database.batches.load(Ordering::SeqCst);
        let before = counted();
        let started = Instant::now();
        let answer = self.app.handle(request).await;
        let waited = started.elapsed();
        let answered = counted();
        if !answer.deferred.is_empty() {
            self.app.finish(answer.deferred).await;
        }
        let (parts, body) = answer.response.into_parts();
        Answered {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
            batches: answered - before,
            batches_deferred: counted() - answered,
            waited,
        }
    }

    /// Registers the venture `alpha`.
    pub(crate) async fn register_alpha(&self) {
        let answer = self.ask(Operation::PutVenture, ("alpha", ""), Some(&json!({ "name": "Alpha" }))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// Creates a token with one scope and returns its id and its secret.
    pub(crate) async fn mint(&self, scope: &str) -> (String, String) {
        let answer = self.ask(Operation::CreateToken, ("", ""), Some(&token_for(scope))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let minted = answer.json();
        (minted["id"].as_str().unwrap().to_owned(), minted["token"].as_str().unwrap().to_owned())
    }

    /// Puts the document `place` (`scope/name`) with this content.
    pub(crate) async fn put_doc(&self, place: &str, content: &str) {
        let answer = self.ask(Operation::PutDoc, (place, ""), Some(&json!({ "content": content }))).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
    }

    /// Starts a day of `agent` on `alpha` and returns the session's id.
    pub(crate) async fn start(&self, agent: &str) -> String {
        let answer = self.ask(Operation::StartDay, ("", ""), Some(&day_of(agent))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["session"]["id"].as_str().unwrap().to_owned()
    }
}

impl ExampleSender for TestApi {
    async fn send_as(&self, _: Tier, ask: TestRequest) -> Response {
        let Answered { status, headers, text, .. } = self.send_request(ask).await;
        Response { status, headers, body: text.into() }
    }
}

/// The body that starts a day of `agent` on `alpha`.
pub(crate) fn day_of(agent: &str) -> Value {
    json!({ "agent": agent, "client": "claude", "host": "mac1", "venture": "alpha", "repo": "example-org/alpha" })
}

/// The body of a handoff of `session`.
pub(crate) fn handoff_of(session: &str) -> Value {
    json!({ "session_id": session, "handoff": { "summary": "so far", "status": "in_progress", "next_steps": ["a"] } })
}

/// The body that mints a token with one scope.
pub(crate) fn token_for(scope: &str) -> Value {
    json!({ "name": "a token", "scopes": [scope] })
}

/// The body that registers a machine of `user`.
pub(crate) fn machine_with(user: &str) -> Value {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF";
    json!({
        "os": "linux", "arch": "x86_64", "tailscale_ip": "100.64.0.7", "user": user, "ssh_public_key": key, "ssh_host_key": key,
    })
}

/// The body that approves the machine of [`machine_with`].
pub(crate) fn approval_with(user: &str) -> Value {
    let fingerprint = "SHA256:zEe7W9jNQ6B92AUKadHtOBeWr+NfhCodJRuGGICeJ5g";
    json!({
        "user": user, "tailscale_ip": "100.64.0.7", "fingerprint": fingerprint, "host_key_fingerprint": fingerprint,
    })
}

/// A token that is well formed, but unknown.
pub(crate) fn forged_token() -> String {
    let signed = format!("dw_01K0M8T5Q8E8YJ8D2V9W3X4Y5Z_{}", "0".repeat(48));
    let digest = sha2::Sha256::digest(signed.as_bytes());
    let checksum: Vec<String> = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}{}", checksum.concat())
}
