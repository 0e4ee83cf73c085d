//! Sends the requests of the API to GitHub and to a language model, and signs with the key of a GitHub App.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use deckwatch_api::{MAX_RESPONSE_BYTES, Outbound, OutboundError, OutboundRequest, OutboundResponse};
use reqwest::redirect::Policy;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use tokio::sync::OnceCell;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The network of this machine. It uses the proxy of the environment.
#[derive(Default)]
pub struct Network {
    /// Created at the first request, because reading the system's certificates is slow.
    client: OnceCell<reqwest::Client>,
}

#[async_trait]
impl Outbound for Network {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let client = self.client.get_or_try_init(build_client).await?;
        let method = request.method.parse().map_err(|_| OutboundError::Failed("the method is not valid".to_owned()))?;
        let mut building = client.request(method, &request.url).timeout(request.timeout);
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        if let Some(body) = request.body {
            building = building.body(body);
        }
        let mut answer = building.send().await.map_err(|error| failure(&error))?;
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundResponse { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    async fn sign_rs256(&self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, OutboundError> {
        let key = RsaKeyPair::from_pkcs8(key).map_err(|error| OutboundError::Failed(format!("the key: {error}")))?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| OutboundError::Failed("the key can't sign".to_owned()))?;
        Ok(signature)
    }
}

/// Builds the client on a separate thread, because this blocks.
async fn build_client() -> Result<reqwest::Client, OutboundError> {
    let build = tokio::task::spawn_blocking(|| {
        // This fails if the process has already installed a provider. That provider works too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(Policy::none()).build()
    });
    let failed = |error: &dyn Error| OutboundError::Failed(innermost(error));
    build.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

fn failure(error: &reqwest::Error) -> OutboundError {
    if error.is_timeout() { OutboundError::TimedOut } else { OutboundError::Failed(innermost(error)) }
}

/// The innermost cause of an error. Only that one has details, and it does not contain the address.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
