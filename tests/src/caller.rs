//! The callers of the API. A caller's type determines the key that it sends.

use crate::engine::Api;
use crate::response::Response;
use crate::test_request::TestRequest;

/// A caller that can send requests.
pub trait Caller: Sync {
    /// The engine that receives the requests.
    fn api(&self) -> &Api;

    /// The key that the caller sends, if any.
    fn key(&self) -> Option<&str>;

    /// Sends one request.
    fn send(&self, ask: TestRequest) -> impl Future<Output = Response> + Send {
        let authorization = self.key().map(|key| format!("Bearer {key}"));
        async move { self.api().send(ask, authorization.as_deref()).await }
    }
}

impl Api {
    /// A caller without a key.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous(self.clone())
    }

    /// The caller with the admin key.
    pub fn admin(&self) -> Admin {
        Admin(self.clone())
    }
}

/// A caller without a key.
#[derive(Clone)]
pub struct Anonymous(pub(crate) Api);

impl Caller for Anonymous {
    fn api(&self) -> &Api {
        &self.0
    }

    fn key(&self) -> Option<&str> {
        None
    }
}

/// The caller with the admin key.
#[derive(Clone)]
pub struct Admin(pub(crate) Api);

impl Caller for Admin {
    fn api(&self) -> &Api {
        &self.0
    }

    fn key(&self) -> Option<&str> {
        Some(self.0.admin_key())
    }
}

/// A caller with any other key, such as a token.
#[derive(Clone)]
pub struct KeyCaller {
    api: Api,
    key: String,
}

impl KeyCaller {
    /// A caller with `key`, which need not be valid.
    pub fn of(api: &Api, key: impl Into<String>) -> Self {
        Self { api: api.clone(), key: key.into() }
    }
}

impl Caller for KeyCaller {
    fn api(&self) -> &Api {
        &self.api
    }

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }
}
