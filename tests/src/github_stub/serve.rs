//! The HTTP side: reads a request, applies the rules that hold for every request, and answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::answer::{Answer, Handled};
use super::caller::Caller;
use super::fault::Fault;
use super::graphql;
use super::rate::Resource;
use super::received::ReceivedRequest;
use super::rest::{self, Call};
use super::token::Grant;
use super::world::World;

/// The prefix of REST on an enterprise.
const ENTERPRISE: &str = "/api/v3";
/// The versions of the API that the stub knows.
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// What all requests share.
pub(super) struct State {
    pub(super) world: World,
    pub(super) fault: Option<Fault>,
    pub(super) requests: Vec<ReceivedRequest>,
    pub(super) connections: usize,
    url: String,
}

impl State {
    pub(super) fn new(url: String) -> Self {
        Self { world: World::new(), fault: None, requests: Vec::new(), connections: 0, url }
    }
}

/// Accepts connections until this is dropped, which ends the connections too.
pub(super) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, state: Arc<Mutex<State>>) {
    let fault = {
        let mut state = state.lock().unwrap();
        state.connections += 1;
        state.fault.clone()
    };
    if let Some(fault) = fault {
        // An error means that the caller has closed the connection.
        let _ = fault.serve(stream).await;
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            Ok::<_, Infallible>(state.lock().unwrap().respond(&head, body))
        }
    });
    // A caller that closes the connection early is not an error of the stub.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl State {
    fn respond(&mut self, head: &http::request::Parts, body: Bytes) -> Response<Full<Bytes>> {
        let caller = Caller::of(&head.headers, &self.world);
        let counted_as = caller.as_ref().map(Caller::counted_as).unwrap_or_default();
        let granted = caller.as_ref().ok().and_then(scopes);
        let resource = resource_of(head.uri.path());
        let before = self.world.rates.window(&counted_as, resource, self.world.seconds()).used();
        let refused = self.refused(head, &counted_as, resource);
        let handled = refused.map_or_else(|| self.handle(head, &body, caller?), Err);
        let answer = conditional(handled.unwrap_or_else(|refusal| refusal), head);
        let now = self.world.seconds();
        let points = u64::from(answer.status != 304 && !is_free(head.uri.path()) && resource != Resource::GraphQl);
        let window = self.world.rates.count(&counted_as, resource, points, now);
        self.requests.push(ReceivedRequest {
            method: head.method.to_string(),
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body,
            status: answer.status,
            points: window.used().saturating_sub(before),
        });
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers.iter().cloned().chain(window.headers(resource)) {
            response = response.header(name, value);
        }
        if let Some(scopes) = granted {
            response = response.header("x-oauth-scopes", scopes);
        }
        response = response.header("x-github-request-id", format!("STUB:{}", self.requests.len()));
        response = response.header("x-github-api-version-selected", version(&head.headers).unwrap_or(VERSIONS[0]));
        response = response.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        let body = answer.body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        response.body(Full::from(body)).unwrap()
    }

    /// What is refused before the caller is looked at.
    fn refused(&mut self, head: &http::request::Parts, counted_as: &str, resource: Resource) -> Option<Answer> {
        if head.headers.get(header::USER_AGENT).is_none_or(http::HeaderValue::is_empty) {
            let message =
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
            return Some(Answer::error(403, message));
        }
        if version(&head.headers).is_some_and(|version| !VERSIONS.contains(&version)) {
            return Some(Answer::error(400, "The specified API version is not supported."));
        }
        let now = self.world.seconds();
        let changes = !matches!(head.method.as_str(), "GET" | "HEAD") && resource != Resource::GraphQl;
        if let Some(refusal) = self.world.rates.secondary(counted_as, changes, now) {
            return Some(refusal);
        }
        let is_used_up = self.world.rates.window(counted_as, resource, now).is_used_up();
        // GraphQL reports this in its own way.
        (is_used_up && !is_free(head.uri.path()) && resource != Resource::GraphQl)
            .then(|| Answer::error(403, "API rate limit exceeded for this caller."))
    }

    fn handle(&mut self, head: &http::request::Parts, body: &Bytes, caller: Caller) -> Handled {
        let body: Value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body).map_err(|_| Answer::error(400, "Problems parsing JSON"))?
        };
        let full = head.uri.path();
        let (base, path) = match full.strip_prefix(ENTERPRISE) {
            Some(path) => (format!("{}{ENTERPRISE}", self.url), path),
            None => (self.url.clone(), full),
        };
        let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned();
        let query: BTreeMap<String, String> = query.collect();
        let method = head.method.as_str();
        if method == "POST" && ["/graphql", "/api/graphql"].contains(&full) {
            return graphql::answer(&mut self.world, &caller, &body);
        }
        rest::answer(&mut Call { method, base, path, query, body, caller, world: &mut self.world }, &segments)
    }
}

/// Adds an `ETag`, and answers 304 if the caller has this answer already.
fn conditional(mut answer: Answer, head: &http::request::Parts) -> Answer {
    let Some(body) = answer.body.as_ref().filter(|_| answer.status == 200 && head.method == http::Method::GET) else {
        return answer;
    };
    let digest = Sha256::digest(body.to_string());
    let tag = digest.iter().fold("W/\"".to_owned(), |tag, byte| format!("{tag}{byte:02x}")) + "\"";
    let known = head.headers.get(header::IF_NONE_MATCH).map(text).unwrap_or_default();
    if known.split(',').any(|known| known.trim() == tag || known.trim() == "*") {
        answer = Answer { status: 304, headers: answer.headers, body: None };
    }
    answer.with("etag", tag).with("cache-control", "private, max-age=60, s-maxage=60")
}

fn resource_of(path: &str) -> Resource {
    if path.ends_with("/graphql") {
        Resource::GraphQl
    } else if path.contains("/search/") {
        Resource::Search
    } else {
        Resource::Core
    }
}

/// Whether the path costs nothing of the rate limit.
fn is_free(path: &str) -> bool {
    path.ends_with("/rate_limit")
}

fn version(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-github-api-version")?.to_str().ok()
}

fn scopes(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Token(token) => match &token.grant {
            Grant::Classic { scopes } => Some(scopes.join(", ")),
            Grant::FineGrained { .. } | Grant::Installation { .. } => None,
        },
        Caller::Nobody | Caller::App(_) => None,
    }
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// A segment of a path without its percent signs.
fn decoded(segment: &str) -> String {
    // A plus sign stands for itself in a path, but for a space in a form.
    let form = segment.replace('+', "%2B");
    form_urlencoded::parse(form.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}
