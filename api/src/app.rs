//! The way of a request: route, correlation id, size, key, tier, plan, batch, answer.

use std::sync::Arc;

use bytes::Bytes;
use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{CorrelationId, ErrorCode, Operation, Timestamp};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request, Response};

use crate::batch::{self, Finished};
use crate::body::{self, Body};
use crate::call::Call;
use crate::database::{Database, DatabaseError, Statement};
use crate::error::ApiError;
use crate::handlers::service;
use crate::middleware::admission::Admission;
use crate::middleware::auth::Caller;
use crate::middleware::etag;
use crate::middleware::idempotency::{Claim, required_key};
use crate::plan::Plan;
use crate::platform::{Clock, Entropy, mint_correlation_id};
use crate::response::{Outcome, Rate, granted, refused};
use crate::router::{self, Route, Router};
use crate::settings::Settings;
use crate::store::request_log;
use crate::sweep::{self, Swept};

/// The Context API on one database.
pub struct App {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
    router: Router,
}

/// A response, and what is left to do once it is sent.
pub struct Answer {
    /// What the caller gets.
    pub response: Response<Bytes>,
    /// Pass it to [`App::finish`] after the response is on its way.
    pub afterwards: Afterwards,
}

/// Bookkeeping that no caller waits for.
#[derive(Default)]
pub struct Afterwards(Vec<Statement>);

impl Afterwards {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl App {
    /// The API on `database`, with the clock and the dice of its shell.
    pub fn new(
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Self {
        Self { database, clock, entropy, settings, router: Router::new() }
    }

    /// Answers one request. Every failure is an answer too.
    pub async fn handle(&self, request: Request<Body>) -> Answer {
        let now = self.clock.now();
        let (parts, body) = request.into_parts();
        let correlation_id = self.correlation_id(&parts.headers);
        let asked = Asked { now, correlation_id, parts, body };
        let routed = self.router.route(&asked.parts.method, asked.parts.uri.path());
        let result = match routed {
            Ok(route) if route.operation.tier() == Tier::Public => self.answer_public(&asked, route.operation).await,
            Ok(route) => return self.answer_caller(asked, route).await,
            Err(error) => Err(error),
        };
        Answer { response: asked.respond(result, None), afterwards: Afterwards::default() }
    }

    /// Writes what [`Self::handle`] left to do: the count and the log row of a request whose own batch
    /// did not hold them.
    pub async fn finish(&self, afterwards: Afterwards) {
        if let Err(error) = self.database.batch(&afterwards.0).await {
            log::warn!("a request could not be logged: {error}");
        }
    }

    /// The scheduled sweep: abandons silent sessions and forgets what has expired, in chunks.
    pub async fn sweep(&self) -> Result<Swept, DatabaseError> {
        sweep::run(self.database.as_ref(), self.clock.as_ref()).await
    }

    async fn answer_public(&self, asked: &Asked, operation: Operation) -> Result<Outcome, ApiError> {
        let plan = match operation {
            Operation::Health => service::health(self.settings.engine, asked.now),
            Operation::Version => service::version(self.settings.engine),
            _ => service::openapi(),
        };
        batch::run_public(self.database.as_ref(), plan).await
    }

    async fn answer_caller(&self, asked: Asked, route: Route) -> Answer {
        let caller = match self.settings.keyring.authenticate(&asked.parts.headers) {
            Ok(caller) => caller,
            Err(error) => {
                return Answer { response: asked.respond(Err(error), None), afterwards: Afterwards::default() };
            }
        };
        let limit = self.settings.rate_limit_per_minute;
        let admission = Admission::new(caller.clone(), route.operation, asked.now, limit);
        let actor = caller.actor.clone();
        let finished = match self.call(&asked, &route, caller) {
            Ok((call, plan)) => self.run(&asked, &route, &admission, &call, plan).await,
            Err(error) => batch::refuse(self.database.as_ref(), &admission, error).await,
        };
        if finished.result.as_ref().is_err_and(|error| error.code == ErrorCode::Unauthorized) {
            // A token that is no token is a stranger's: nothing is counted and nothing is logged.
            return Answer { response: asked.respond(finished.result, None), afterwards: Afterwards::default() };
        }
        let afterwards = self.afterwards(&asked, &route, actor, &admission, &finished);
        let rate = Rate { window: &admission.window, standing: finished.standing };
        let response = asked.respond(finished.result, Some(&rate));
        Answer { response: etag::conditional(route.operation, &asked.parts.headers, response), afterwards }
    }

    /// The call and its plan, or why there is none.
    fn call<'a>(&'a self, asked: &Asked, route: &Route, caller: Caller) -> Result<(Call<'a>, Plan), ApiError> {
        caller.require(route.operation)?;
        let idempotency_key = match route.operation.effect() {
            Effect::Write => Some(required_key(&asked.parts.headers)?),
            Effect::Read | Effect::Touch => None,
        };
        let header = |name: HeaderName| asked.parts.headers.get(name).and_then(|value| value.to_str().ok());
        let call = Call {
            now: asked.now,
            entropy: self.entropy.as_ref(),
            caller,
            correlation_id: asked.correlation_id.clone(),
            idempotency_key,
            path_parameters: route.parameters.clone(),
            query: asked.parts.uri.query().map(str::to_owned),
            content_type: header(CONTENT_TYPE).map(str::to_owned),
            if_match: etag::matched(&asked.parts.headers),
            body: asked.body(route.operation)?,
            auto_approve_machines: self.settings.auto_approve_machines,
        };
        let plan = router::plan(route.operation, &call)?;
        Ok((call, plan))
    }

    async fn run(&self, asked: &Asked, route: &Route, admission: &Admission, call: &Call<'_>, plan: Plan) -> Finished {
        match &call.idempotency_key {
            Some(key) => {
                let path = asked.parts.uri.path();
                let claim = Claim::new(&call.caller.actor, key.clone(), route.operation, path, &call.body, call.now);
                batch::run_once(self.database.as_ref(), admission, call, &claim, plan).await
            }
            None => batch::run(self.database.as_ref(), admission, plan).await,
        }
    }

    fn afterwards(
        &self,
        asked: &Asked,
        route: &Route,
        actor: String,
        admission: &Admission,
        finished: &Finished,
    ) -> Afterwards {
        if finished.logged {
            return Afterwards::default();
        }
        let (status, error_code) = match &finished.result {
            Ok(outcome) => (outcome.status, None),
            Err(error) => (error.code.status(), Some(error.code)),
        };
        let entry = request_log::Entry {
            actor,
            operation: route.operation,
            correlation_id: asked.correlation_id.clone(),
            status,
            error_code,
            started_at: asked.now,
            duration_ms: self.clock.now().as_millis() - asked.now.as_millis(),
        };
        // A token is looked up again: after a database that could not be asked, it may be a stranger's.
        let mut statements = admission.authenticate();
        statements.extend(finished.standing.is_none().then(|| admission.window.count_refused()));
        statements.push(request_log::insert(&entry));
        Afterwards(statements)
    }

    fn correlation_id(&self, headers: &HeaderMap) -> CorrelationId {
        let given = headers.get("x-correlation-id").and_then(|value| value.to_str().ok());
        given.and_then(|text| text.parse().ok()).unwrap_or_else(|| mint_correlation_id(self.entropy.as_ref()))
    }
}

/// A request before anybody knows whose it is.
struct Asked {
    now: Timestamp,
    correlation_id: CorrelationId,
    parts: Parts,
    body: Body,
}

impl Asked {
    fn body(&self, operation: Operation) -> Result<Bytes, ApiError> {
        let most = body::max_bytes(operation);
        match &self.body {
            Body::Whole(bytes) if bytes.len() <= most => Ok(bytes.clone()),
            Body::Whole(_) | Body::TooLarge => {
                Err(ApiError::new(ErrorCode::PayloadTooLarge, format!("The body is larger than {most} bytes.")))
            }
        }
    }

    fn respond(&self, result: Result<Outcome, ApiError>, rate: Option<&Rate>) -> Response<Bytes> {
        match result {
            Ok(outcome) => granted(outcome, self.correlation_id.as_str(), rate),
            Err(error) => refused(&error, self.correlation_id.as_str(), rate),
        }
    }
}
