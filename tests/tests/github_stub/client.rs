//! A plain HTTP client, so that these tests share no code with the clients of Deckwatch.

use bytes::Bytes;
use deckwatch_tests::github_stub::GitHubStub;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer of the stub.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

/// Sends a request without a body with a token; no token if it is empty.
pub(crate) async fn get(github: &GitHubStub, token: &str, path: &str) -> Answer {
    send(github, token, "GET", path, &Value::Null, &[]).await
}

pub(crate) async fn send(
    github: &GitHubStub,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
    headers: &[(&str, &str)],
) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", github.url()) };
    let mut request = Request::builder().method(method).uri(url).header("user-agent", "test");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let response = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}
