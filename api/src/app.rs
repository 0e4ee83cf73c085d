//! Handles a request: route, correlation id, size, key, tier, plan, batch, response.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{CorrelationId, ErrorCode, Operation, Timestamp, cut};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request, Response};

use crate::batch::{self, Finished};
use crate::call::{Call, PublicCall};
use crate::cursor::CursorMark;
use crate::database::{Database, DatabaseError, Statement};
use crate::error::ApiError;
use crate::github::Classifier;
use crate::headers::{self, joined};
use crate::hint::HintingDatabase;
use crate::incoming::{self, Incoming};
use crate::last_outage::{LastOutage, TrackedDatabase};
use crate::middleware::admission::Admission;
use crate::middleware::auth::Caller;
use crate::middleware::etag;
use crate::middleware::idempotency::{Claim, required_key};
use crate::outbound::Outbound;
use crate::panics::catch_panic;
use crate::plan::Plan;
use crate::platform::{Clock, Entropy, Hint, mint_correlation_id};
use crate::response::{Rate, SuccessResponse, error_response, success_response};
use crate::router::{self, Route, Router};
use crate::settings::{Engine, Settings};
use crate::store::request_log;
use crate::store::sweep::SweepCounts;
use crate::sweep;
use crate::target;
use crate::webhook::{self, Webhook};

/// The Context API on one database.
pub struct App {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
    router: Router,
    last_outage: Arc<LastOutage>,
    notice: OnceLock<Notice>,
    hint: Arc<OnceLock<Arc<dyn Hint>>>,
    webhook: Webhook,
}

/// Returns what the operator of the host program must do, if anything.
type Notice = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// The most deliveries that are worked on after the answer to one of them: Cloudflare gives this work 30 s.
const MAX_DELIVERIES_AFTER_ANSWER: usize = 8;

/// The most deliveries that one sweep works on. Cloudflare's free plan allows 50 requests to other services per invocation.
fn deliveries_per_sweep(engine: Engine) -> usize {
    match engine {
        Engine::Worker => 4,
        Engine::Embedded => 200,
    }
}

/// A response, and the statements to run after the response is sent.
pub struct Answer {
    /// The response for the caller.
    pub response: Response<Bytes>,
    /// Pass this value to [`App::finish`] after the response is sent.
    pub deferred: DeferredStatements,
}

/// Statements that run after the response is sent. No caller waits for them.
#[derive(Default)]
pub struct DeferredStatements {
    statements: Vec<Statement>,
    /// Whether they also check the token and count the request, because its own batch did not.
    admit: bool,
    /// The delivery from GitHub whose work follows.
    delivery: Option<String>,
}

impl DeferredStatements {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.delivery.is_none()
    }

    /// Whether they may run in one batch with those of other requests, because none of them makes the batch fail: log rows,
    /// and what a start of day leaves for later.
    pub fn may_share_batch(&self) -> bool {
        !self.admit && self.delivery.is_none()
    }

    /// Adds the statements of another request.
    pub fn append(&mut self, mut other: Self) {
        self.statements.append(&mut other.statements);
        self.admit |= other.admit;
    }
}

impl App {
    /// Creates the API on `database`, with the clock and the random source of the host program.
    pub fn new(
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Self {
        Self::with_last_outage(Arc::default(), database, clock, entropy, settings)
    }

    /// Like [`Self::new`], for a host program that creates one `App` per request. `last_outage` lives longer than the
    /// `App`.
    pub fn with_last_outage(
        last_outage: Arc<LastOutage>,
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Self {
        let hint = Arc::default();
        let hinting = Arc::new(HintingDatabase { inner: database, hint: Arc::clone(&hint) });
        let tracked = TrackedDatabase { inner: hinting, clock: Arc::clone(&clock), last: Arc::clone(&last_outage) };
        let (router, notice) = (Router::new(), OnceLock::new());
        let webhook = Webhook::unset(settings.github.is_some());
        Self { database: Arc::new(tracked), clock, entropy, settings, router, last_outage, notice, hint, webhook }
    }

    /// Sets what is poked after each batch that has appended events. Only the first call has an effect.
    pub fn set_hint(&self, hint: Arc<dyn Hint>) {
        let _ = self.hint.set(hint);
    }

    /// Lets the API send requests. Without this, the GitHub webhook is off.
    #[must_use]
    pub fn with_outbound(mut self, outbound: Arc<dyn Outbound>) -> Self {
        let (database, clock, entropy) =
            (Arc::clone(&self.database), Arc::clone(&self.clock), Arc::clone(&self.entropy));
        if let Some(settings) = self.settings.github.take() {
            self.webhook = Webhook::of(settings.map(|s| Classifier::new(s, outbound, database, clock, entropy)));
        }
        self
    }

    /// Sets the function that gives `/health` its notice for the operator. Only the first call has an effect.
    pub fn set_notice(&self, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        let _ = self.notice.set(Box::new(notice));
    }

    /// Handles one request. A failure also gives a response. The body is read only after the key, the route and the
    /// headers are checked.
    pub async fn handle(&self, request: Request<impl Incoming>) -> Answer {
        let (parts, mut body) = request.into_parts();
        let received = self.receive(parts);
        let (now, correlation_id) = (received.now, received.correlation_id.clone());
        catch_panic(Box::pin(self.answer(received, &mut body))).await.unwrap_or_else(|| {
            let error = ApiError::internal("a request handler panicked");
            let response = error_response(&error, now, correlation_id.as_str(), None);
            Answer { response, deferred: DeferredStatements::default() }
        })
    }

    pub(crate) fn receive(&self, parts: Parts) -> ReceivedRequest {
        let correlation_id = correlation_id(&parts.headers, self.entropy.as_ref());
        let path = target::normalize(parts.uri.path()).into_owned();
        ReceivedRequest { now: self.clock.now(), correlation_id, parts, path }
    }

    async fn answer(&self, received: ReceivedRequest, body: &mut dyn Incoming) -> Answer {
        if received.path == webhook::PATH {
            return self.answer_webhook(&received, body).await;
        }
        match self.route(&received) {
            Ok(route) if route.operation.tier() == Tier::Public => {
                let result = self.answer_public(&received, route.operation).await;
                Answer { response: received.respond(result, None), deferred: DeferredStatements::default() }
            }
            routed => self.answer_caller(received, routed, body).await,
        }
    }

    fn route(&self, received: &ReceivedRequest) -> Result<Route, ApiError> {
        if received.parts.uri.path_and_query().is_some_and(|address| address.as_str().len() > target::MAX_BYTES) {
            return Err(ApiError::too_long());
        }
        headers::check(&received.parts.headers)?;
        self.router.route(&received.parts.method, &received.path)
    }

    /// Runs the statements that [`Self::handle`] left: they write the count and the log row of a request whose own
    /// batch did not write them.
    pub async fn finish(&self, deferred: DeferredStatements) {
        if !deferred.statements.is_empty()
            && let Err(error) = self.database.batch(&deferred.statements).await
        {
            log::warn!("could not write rows of the request log: {error}");
        }
        if let Some(delivery) = deferred.delivery {
            self.webhook.work(Some(&delivery), MAX_DELIVERIES_AFTER_ANSWER).await;
        }
    }

    /// Runs the scheduled sweep: it marks silent sessions as abandoned and deletes expired rows, in chunks.
    /// Then it works on deliveries from GitHub that are due.
    pub async fn sweep(&self) -> Result<SweepCounts, DatabaseError> {
        let run = sweep::run(self.database.as_ref(), self.clock.as_ref(), self.entropy.as_ref()).await?;
        // A run that left rows has used up the queries that Cloudflare's free plan allows.
        if !run.more || self.settings.engine == Engine::Embedded {
            self.webhook.work(None, deliveries_per_sweep(self.settings.engine)).await;
        }
        Ok(run.swept)
    }

    /// Answers a delivery from GitHub. Its work follows after the answer.
    async fn answer_webhook(&self, received: &ReceivedRequest, body: &mut dyn Incoming) -> Answer {
        let (database, parts) = (self.database.as_ref(), &received.parts);
        match self.webhook.receive(database, received.now, parts, body).await {
            Ok(receipt) => {
                let deferred = DeferredStatements { delivery: receipt.delivery, ..DeferredStatements::default() };
                Answer { response: received.respond(Ok(receipt.response), None), deferred }
            }
            Err(error) => answer_unauthenticated(received, error),
        }
    }

    async fn answer_public(
        &self,
        received: &ReceivedRequest,
        operation: Operation,
    ) -> Result<SuccessResponse, ApiError> {
        let call = PublicCall {
            now: received.now,
            engine: self.settings.engine,
            writes_wait: self.database.writes_wait(),
            notice: self.notice.get().and_then(|notice| notice()),
        };
        let plan = router::public_plan(operation, &call)?;
        let answer = batch::run_public(self.database.as_ref(), plan).await?;
        match self.database.outage().or_else(|| self.last_outage.at(received.now)) {
            // The database can read but can't write, so the service is not healthy.
            Some(outage) if operation == Operation::Health => Err(ApiError::outage(outage)),
            _ => Ok(answer),
        }
    }

    /// Handles a request of a caller with a key. A request with an unknown route is also counted and logged.
    async fn answer_caller(
        &self,
        received: ReceivedRequest,
        routed: Result<Route, ApiError>,
        body: &mut dyn Incoming,
    ) -> Answer {
        let caller = match self.settings.keyring.authenticate(&received.parts.headers) {
            Ok(caller) => caller,
            Err(error) => return answer_unauthenticated(&received, routed.err().unwrap_or(error)),
        };
        if caller.token_id().is_none() {
            body.admit();
        }
        let operation = routed.as_ref().ok().map(|route| route.operation);
        let limit = self.settings.rate_limit_per_minute;
        let admission = Admission::new(caller.clone(), operation, received.now, limit);
        let actor = caller.actor.clone();
        let work = match routed {
            Ok(route) => self.call(&received, &route, caller, &admission, body).await.map(|work| (route, work)),
            Err(error) => Err(error),
        };
        let finished = match work {
            Ok((route, (call, plan))) => self.run(&received, &route, &admission, &call, plan).await,
            Err(error) if error.code == ErrorCode::Unauthorized => return answer_unauthenticated(&received, error),
            Err(error) => batch::refuse(self.database.as_ref(), &admission, error).await,
        };
        let mut finished = match finished {
            Finished { result: Err(error), .. } if error.code == ErrorCode::Unauthorized => {
                return answer_unauthenticated(&received, error);
            }
            finished => finished,
        };
        if is_known(&finished) {
            body.admit();
        }
        let deferred = self.deferred_statements(&received, operation, actor, &admission, &mut finished);
        let rate = Rate { window: &admission.window, rate_limit_state: finished.rate_limit_state };
        let response = received.respond(finished.result, Some(&rate));
        let response = match operation {
            Some(operation) => etag::conditional(operation, &received.parts.headers, response),
            None => response,
        };
        Answer { response, deferred }
    }

    /// Builds the call and its plan, or returns the error.
    async fn call<'a>(
        &'a self,
        received: &ReceivedRequest,
        route: &Route,
        caller: Caller,
        admission: &Admission,
        body: &mut dyn Incoming,
    ) -> Result<(Call<'a>, Plan), ApiError> {
        let (operation, headers) = (route.operation, &received.parts.headers);
        caller.require(operation)?;
        let idempotency_key = match operation.effect() {
            Effect::Write => Some(required_key(headers)?),
            Effect::Read | Effect::Touch => None,
        };
        let length = incoming::announced_length(headers, operation)?;
        let call = Call {
            operation,
            now: received.now,
            entropy: self.entropy.as_ref(),
            caller,
            correlation_id: received.correlation_id.clone(),
            idempotency_key,
            path_parameters: route.parameters.clone(),
            query: received.parts.uri.query().map(str::to_owned),
            cursor_mark: CursorMark::of(&received.path, received.parts.uri.query().unwrap_or_default()),
            if_match: etag::if_match(headers),
            if_none_match: etag::if_none_match(headers),
            body: incoming::read(body, operation, length, admission, self.database.as_ref()).await?,
            auto_approve_machines: self.settings.auto_approve_machines,
            secrets: OnceLock::new(),
        };
        let plan = router::plan(&call)?;
        Ok((call, plan))
    }

    async fn run(
        &self,
        received: &ReceivedRequest,
        route: &Route,
        admission: &Admission,
        call: &Call<'_>,
        plan: Plan,
    ) -> Finished {
        match &call.idempotency_key {
            Some(key) => {
                let claim =
                    Claim::new(&call.caller.actor, key.clone(), route.operation, &received.path, &call.body, call.now);
                batch::run_once(self.database.as_ref(), admission, call, &claim, plan).await
            }
            None if route.operation.effect() == Effect::Read && self.database.has_separate_readers() => {
                batch::run_separate_read(self.database.as_ref(), admission, &call.cursor_mark, plan).await
            }
            None => batch::run(self.database.as_ref(), admission, &call.cursor_mark, plan).await,
        }
    }

    pub(crate) fn deferred_statements(
        &self,
        received: &ReceivedRequest,
        operation: Option<Operation>,
        actor: String,
        admission: &Admission,
        finished: &mut Finished,
    ) -> DeferredStatements {
        if let Some(statements) = finished.logged.take() {
            return DeferredStatements { statements, admit: false, delivery: None };
        }
        let (status, error_code) = match &finished.result {
            Ok(success) => (success.status, None),
            Err(error) => (error.code.status(), Some(error.code)),
        };
        let entry = request_log::Entry {
            actor,
            operation,
            method: operation.map_or_else(|| received.method(), |operation| operation.method().to_owned()),
            correlation_id: received.correlation_id.clone(),
            status,
            error_code,
            started_at: received.now,
            duration_ms: self.clock.now().as_millis() - received.now.as_millis(),
        };
        let mut statements = Vec::new();
        let admit = finished.rate_limit_state.is_none();
        if admit {
            // If the database was not available before, the token may be unknown.
            statements.extend(admission.authenticate());
            statements.push(admission.window.count_refused());
        } else {
            statements.extend(admission.touch());
        }
        statements.push(request_log::insert(&entry));
        DeferredStatements { statements, admit, delivery: None }
    }
}

/// The response to a request that the host program refuses before it calls the API. It has the same format as a
/// response of the API.
pub fn refuse(code: ErrorCode, detail: &str, headers: &HeaderMap, entropy: &dyn Entropy) -> Response<Bytes> {
    // Only responses to database failures use the time.
    let now = Timestamp::from_millis(0);
    error_response(&ApiError::new(code, detail), now, correlation_id(headers, entropy).as_str(), None)
}

/// Whether the database has checked the caller's key. Each batch checks the key first. After a database failure the
/// result is unknown.
fn is_known(finished: &Finished) -> bool {
    finished.rate_limit_state.is_some() || finished.result.as_ref().err().is_none_or(|error| error.code.status() < 500)
}

fn correlation_id(headers: &HeaderMap, entropy: &dyn Entropy) -> CorrelationId {
    let given = joined(headers, &HeaderName::from_static("x-correlation-id"));
    given.and_then(|text| text.parse().ok()).unwrap_or_else(|| mint_correlation_id(entropy))
}

/// Answers a request without a valid key. Such a request is not counted and writes nothing to the database.
/// Otherwise anybody could make the database grow.
pub(crate) fn answer_unauthenticated(received: &ReceivedRequest, error: ApiError) -> Answer {
    let (status, code, id) = (error.code.status(), error.code.as_str(), received.correlation_id.as_str());
    log::info!("{status} {code} {} {} {id}", received.method(), received.path());
    Answer { response: received.respond(Err(error), None), deferred: DeferredStatements::default() }
}

/// A request before its caller is known.
pub(crate) struct ReceivedRequest {
    pub(crate) now: Timestamp,
    correlation_id: CorrelationId,
    pub(crate) parts: Parts,
    /// The normalized path.
    path: String,
}

impl ReceivedRequest {
    /// The method, shortened for the log. A client can send a method of any length.
    fn method(&self) -> String {
        cut::to_chars(self.parts.method.as_str(), 16).to_owned()
    }

    /// The path, shortened for the log and without secrets. A valid path is visible ASCII.
    fn path(&self) -> String {
        match deckwatch_secrets::in_text(&self.path) {
            Some(kind) => format!("(a path that contains {kind})"),
            None => cut::to_chars(&self.path, 200).to_owned(),
        }
    }

    pub(crate) fn respond(&self, result: Result<SuccessResponse, ApiError>, rate: Option<&Rate>) -> Response<Bytes> {
        match result {
            Ok(success) => success_response(success, self.correlation_id.as_str(), rate),
            Err(error) => error_response(&error, self.now, self.correlation_id.as_str(), rate),
        }
    }
}
