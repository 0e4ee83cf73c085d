//! Who asks. The type says which key is sent.

use crate::ask::Ask;
use crate::engine::Api;
use crate::response::Response;

/// Somebody who can send requests.
pub trait Caller: Sync {
    /// The engine it asks.
    fn api(&self) -> &Api;

    /// The key it sends, if it has one.
    fn key(&self) -> Option<&str>;

    /// Sends one request.
    fn send(&self, ask: Ask) -> impl Future<Output = Response> + Send {
        let authorization = self.key().map(|key| format!("Bearer {key}"));
        async move { self.api().send(ask, authorization.as_deref()).await }
    }
}

/// Somebody without a key.
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

/// The holder of the admin key.
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

/// The holder of any other key, such as a token.
#[derive(Clone)]
pub struct Holder {
    api: Api,
    key: String,
}

impl Holder {
    /// The holder of `key`, which need not be good.
    pub fn of(api: &Api, key: impl Into<String>) -> Self {
        Self { api: api.clone(), key: key.into() }
    }
}

impl Caller for Holder {
    fn api(&self) -> &Api {
        &self.api
    }

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }
}
