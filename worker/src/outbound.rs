//! Sends the requests of the API to other services, through `outbound.mjs`.

use std::time::Duration;

use async_trait::async_trait;
use deckwatch_api::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use serde::Deserialize;
use serde_json::json;
use worker::js_sys::{Promise, Uint8Array};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

use crate::bridge::Bindings;

/// The network of the runtime.
pub(crate) struct Network(SendWrapper<Bindings>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Sent {
    Failed { error: String },
    Answered { status: u16, headers: Vec<(String, String)>, body: String },
}

impl Network {
    pub(crate) fn new(bindings: Bindings) -> Self {
        Self(SendWrapper::new(bindings))
    }
}

#[async_trait]
impl Outbound for Network {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let OutboundRequest { method, url, headers, body, timeout } = request;
        let request =
            json!({ "method": method, "url": url, "headers": headers, "body": body, "timeout": millis(timeout) });
        let request = request.to_string();
        SendFuture::new(async { response(self.0.send(&request)).await }).await
    }

    async fn sign_rs256(&self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, OutboundError> {
        SendFuture::new(async {
            let promise = self.0.sign(&Uint8Array::from(key), &Uint8Array::from(message));
            let signature = JsFuture::from(promise).await.map_err(|error| failed(&error))?;
            Ok(signature.unchecked_into::<Uint8Array>().to_vec())
        })
        .await
    }

    async fn run_workers_ai(&self, model: &str, input: &str, timeout: Duration) -> Result<String, OutboundError> {
        let sent = SendFuture::new(async { response(self.0.run_model(model, input, millis(timeout))).await });
        sent.await.map(|response| response.body)
    }
}

async fn response(promise: Promise) -> Result<OutboundResponse, OutboundError> {
    let sent = JsFuture::from(promise).await.map_err(|error| failed(&error))?.as_string().unwrap_or_default();
    match serde_json::from_str(&sent).map_err(|error| OutboundError::Failed(error.to_string()))? {
        Sent::Answered { status, headers, body } => Ok(OutboundResponse { status, headers, body }),
        Sent::Failed { error } => Err(match error.as_str() {
            "timed_out" => OutboundError::TimedOut,
            "too_large" => OutboundError::TooLarge,
            _ => OutboundError::Failed(error),
        }),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn failed(error: &JsValue) -> OutboundError {
    let error = error.dyn_ref::<worker::js_sys::Error>();
    OutboundError::Failed(error.map_or_else(|| "the runtime failed".to_owned(), |error| String::from(error.message())))
}
