//! A request to the API. It is valid unless a test makes it invalid.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use deckwatch_protocol::Operation;
use deckwatch_protocol::operation::Effect;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;

use crate::shape::fresh;

/// A request. A caller can send it several times.
#[derive(Debug, Clone)]
#[must_use]
pub struct TestRequest {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    chunked: bool,
}

impl TestRequest {
    /// A request for `operation`. A write gets a new idempotency key.
    pub fn of(operation: Operation) -> Self {
        let ask = Self::at(operation.method(), operation.path());
        if operation.effect() == Effect::Write { ask.key(&fresh("key-of-a-test")) } else { ask }
    }

    /// A request with this method and path, which need not belong to an operation.
    pub fn at(method: &str, path: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            chunked: false,
        }
    }

    /// Replaces the path's `{parameter}` with `value`.
    pub fn with(mut self, value: impl AsRef<str>) -> Self {
        if let (Some(open), Some(close)) = (self.path.find('{'), self.path.find('}')) {
            self.path.replace_range(open..=close, value.as_ref());
        }
        self
    }

    /// Sets the query string, without its question mark.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Adds a parameter to the query string.
    pub fn and_query(self, parameter: &str) -> Self {
        let query = if self.query.is_empty() { parameter.to_owned() } else { format!("{}&{parameter}", self.query) };
        self.query(query)
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// Sets a body with the content type of JSON, which need not be valid JSON.
    pub fn text(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// The body as JSON, for a test that changes it.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Sets the idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets a header and removes others of the same name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.insert(header_name(name), HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Adds a header and keeps others of the same name.
    pub fn another(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(header_name(name), HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Removes the content type.
    pub fn without_content_type(self) -> Self {
        self.without(CONTENT_TYPE.as_str())
    }

    /// Sends the body in chunks, without a content length.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// The request for an API in this process, with this bearer key.
    pub fn in_process(self, key: &str) -> Request<Bytes> {
        let body = self.body.clone();
        self.request("", Some(&format!("Bearer {key}"))).map(|_| body)
    }

    pub(crate) fn request(self, base: &str, authorization: Option<&str>) -> Request<Pieces> {
        let question = if self.query.is_empty() { "" } else { "?" };
        let mut request = Request::new(Pieces::of(self.body, self.chunked));
        *request.method_mut() = self.method;
        *request.uri_mut() = format!("{base}{}{question}{}", self.path, self.query).parse().unwrap();
        if let Some(authorization) = authorization {
            request.headers_mut().insert("authorization", authorization.parse().unwrap());
        }
        // The headers that a test sets replace the default ones, also `Authorization`.
        for name in self.headers.keys() {
            request.headers_mut().remove(name);
            for value in self.headers.get_all(name) {
                request.headers_mut().append(name, value.clone());
            }
        }
        request
    }
}

fn header_name(name: &str) -> HeaderName {
    name.parse().unwrap()
}

/// A body, with or without a known length.
#[derive(Debug)]
pub(crate) struct Pieces {
    left: VecDeque<Bytes>,
    length: Option<u64>,
}

impl Pieces {
    fn of(body: Bytes, chunked: bool) -> Self {
        const PIECE: usize = 16 * 1024;
        if !chunked {
            let length = Some(body.len() as u64);
            return Self { left: Some(body).filter(|body| !body.is_empty()).into_iter().collect(), length };
        }
        let left = body.chunks(PIECE).map(Bytes::copy_from_slice).collect();
        Self { left, length: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}
