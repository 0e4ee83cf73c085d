//! `POST /webhooks/github`: checks a delivery and stores it. The answer does not wait for the work.
//!
//! The sender has no API key. The signature covers the whole body, so a body has to be read before its sender is known.
//! Few such bodies are in memory at a time, and none of the memory is taken from callers with a key.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use deckwatch_protocol::{ErrorCode, Timestamp};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use serde_json::json;

use crate::database::Database;
use crate::decode;
use crate::error::ApiError;
use crate::github::{self, Classifier, Event, KEEP_SECONDS};
use crate::headers::{self, joined};
use crate::incoming::{Incoming, UNRESERVED_BYTES};
use crate::response::SuccessResponse;
use crate::store::github_delivery::{self, NewDelivery};
use crate::store::github_event;

/// The path of the webhook.
pub(crate) const PATH: &str = "/webhooks/github";

/// The maximum size of a payload. GitHub sends up to 25 MB, but a payload of the events in use has two texts of at most
/// 65,536 characters, before and after an edit, and about 40 KB of other fields. Written as JSON, that is below 2 MiB.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// The most bodies over 16 KiB that are read at the same time, before their signature is known.
const MAX_LARGE_BODIES: usize = 4;

/// The webhook of one engine.
pub(crate) struct Webhook {
    state: State,
    large_bodies: AtomicUsize,
}

enum State {
    /// There is no secret, so no delivery could be checked.
    Off,
    /// A setting is not valid. The text says which.
    Invalid(String),
    On(Box<Classifier>),
}

/// The answer to a delivery, and the delivery whose work follows.
pub(crate) struct Receipt {
    pub(crate) response: SuccessResponse,
    pub(crate) delivery: Option<String>,
}

impl Webhook {
    /// The webhook of a program that sends no requests.
    pub(crate) fn unset(has_settings: bool) -> Self {
        let cannot = || State::Invalid("this program can't send requests to GitHub".to_owned());
        Self::in_state(if has_settings { cannot() } else { State::Off })
    }

    /// The webhook with its classifier, or the reason why its settings are not valid.
    pub(crate) fn of(classifier: Result<Classifier, String>) -> Self {
        Self::in_state(classifier.map_or_else(State::Invalid, |classifier| State::On(Box::new(classifier))))
    }

    fn in_state(state: State) -> Self {
        Self { state, large_bodies: AtomicUsize::new(0) }
    }

    /// Works on the delivery `first`, then on others that are due, at most `most` in all.
    pub(crate) async fn work(&self, first: Option<&str>, most: usize) {
        let State::On(classifier) = &self.state else { return };
        if let Err(error) = classifier.work(first, most).await {
            log::warn!("the work on deliveries from GitHub stopped, and the next sweep continues: {error}");
        }
    }

    /// Checks a delivery and stores it.
    pub(crate) async fn receive(
        &self,
        database: &dyn Database,
        now: Timestamp,
        parts: &Parts,
        body: &mut dyn Incoming,
    ) -> Result<Receipt, ApiError> {
        if parts.method != Method::POST {
            let mut error = ApiError::new(ErrorCode::MethodNotAllowed, "GitHub sends deliveries with POST.");
            error.allow = Some("POST".to_owned());
            return Err(error);
        }
        headers::check(&parts.headers)?;
        let classifier = match &self.state {
            State::On(classifier) => classifier,
            State::Off => {
                let detail = "The webhook is off. To use it, set GITHUB_WEBHOOK_SECRET and restart the engine.";
                return Err(ApiError::new(ErrorCode::UnknownRoute, detail));
            }
            State::Invalid(problem) => return Err(ApiError::internal(format!("the GitHub webhook is off: {problem}"))),
        };
        let delivery = Headers::read(&parts.headers)?;
        let payload = self.read(&parts.headers, body).await?;
        if !github::is_signed(&classifier.settings.secrets, &delivery.signature, &payload) {
            let detail = "The signature in X-Hub-Signature-256 does not match the body. Use the same secret in GitHub and \
                          in GITHUB_WEBHOOK_SECRET.";
            return Err(ApiError::new(ErrorCode::Unauthorized, detail));
        }
        body.admit();
        let event = github::read_event(&delivery.event, &payload);
        let event = event.map_err(|problem| {
            ApiError::new(ErrorCode::MalformedJson, format!("The payload is not valid: {problem}."))
        })?;
        match event {
            Err(because) => Ok(delivery.answer("ignored", Some(because))),
            Ok(event) => delivery.store(database, now, &event).await,
        }
    }

    /// Reads the body. A large one needs one of few places.
    async fn read(&self, headers: &HeaderMap, body: &mut dyn Incoming) -> Result<Bytes, ApiError> {
        let announced = joined(headers, &CONTENT_LENGTH);
        if announced.is_some_and(|length| length.parse::<usize>().is_ok_and(|length| length > MAX_BODY_BYTES)) {
            return Err(too_large());
        }
        let mut place = None;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.chunk().await {
            let chunk = chunk?;
            let length = bytes.len().saturating_add(chunk.len());
            if length > MAX_BODY_BYTES {
                return Err(too_large());
            }
            if length > UNRESERVED_BYTES && place.is_none() {
                place = Some(Place::take(&self.large_bodies)?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// A place for a large body, until it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(places: &'a AtomicUsize) -> Result<Self, ApiError> {
        let add = |taken: usize| (taken < MAX_LARGE_BODIES).then_some(taken + 1);
        if places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok() {
            return Ok(Self(places));
        }
        let detail = "The API is receiving too many large deliveries. Redeliver this one later.";
        Err(ApiError::new(ErrorCode::Overloaded, detail))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::PayloadTooLarge,
        format!("The payload is larger than the maximum of {MAX_BODY_BYTES} bytes."),
    )
}

/// What the headers of a delivery say.
struct Headers {
    event: String,
    id: String,
    signature: String,
}

impl Headers {
    fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        decode::content_type(joined(headers, &http::header::CONTENT_TYPE).as_deref())?;
        let value =
            |name: &'static str| joined(headers, &HeaderName::from_static(name)).map(std::borrow::Cow::into_owned);
        let is_word = |text: &String| {
            (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let required = |name, shown| {
            value(name).filter(is_word).ok_or_else(|| {
                ApiError::new(ErrorCode::InvalidRequest, format!("The header {shown} is missing or not valid."))
            })
        };
        let signature = value("x-hub-signature-256").ok_or_else(|| {
            let detail = "The header X-Hub-Signature-256 is missing. Set a secret for the webhook in GitHub.";
            ApiError::new(ErrorCode::Unauthorized, detail)
        })?;
        let (event, id) =
            (required("x-github-event", "X-GitHub-Event")?, required("x-github-delivery", "X-GitHub-Delivery")?);
        Ok(Self { event, id, signature })
    }

    /// Stores the delivery and appends the events of its change, unless it was stored before.
    async fn store(self, database: &dyn Database, now: Timestamp, event: &Event) -> Result<Receipt, ApiError> {
        let facts = event.facts.to_json();
        let new = NewDelivery {
            id: &self.id,
            repo: &event.repo,
            number: event.number,
            facts: &facts,
            change_id: event.change.as_ref().map(|change| change.id.as_str()),
            done_until: (!event.has_work).then(|| now.plus_seconds(KEEP_SECONDS)),
        };
        let told = event.change.as_ref().and_then(|change| github_event::received(&self.id, &event.repo, change, now));
        let statements: Vec<_> = told.into_iter().chain([github_delivery::receive(&new, now)]).collect();
        let rows = database.batch(&statements).await?;
        if rows.last().is_none_or(Vec::is_empty) {
            return Ok(self.answer("repeated", Some("the delivery was received before")));
        }
        let delivery = event.has_work.then(|| self.id.clone());
        Ok(Receipt { delivery, ..self.answer("accepted", None) })
    }

    fn answer(&self, outcome: &str, because: Option<&str>) -> Receipt {
        let body = json!({ "delivery": self.id, "outcome": outcome, "because": because }).to_string();
        Receipt { response: SuccessResponse { status: 202, body: body.into(), replayed: false }, delivery: None }
    }
}
