//! Sends a notice to one receiver: the desktop, ntfy or a webhook.

use std::path::PathBuf;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use deckwatch_client::clean::clean_line;
use deckwatch_client::http::{Http, retry_after};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use ring::hmac;
use serde_json::json;
use tokio::process::Command;
use tokio::time::sleep;

use super::notice::Notice;
use crate::process_env::ProcessEnv;
use crate::secrets::{Secret, program};

/// How long the program that shows notices on the desktop may take.
const DESKTOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a receiver is tried again after a failure that may pass.
const RETRIES: usize = 3;
/// The first and the longest pause before another try.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The header with the signature of a webhook.
const SIGNATURE: &str = "deckwatch-signature";
/// The header with the id of a notice, which is the same if it is sent again.
const DELIVERY: &str = "deckwatch-delivery";

/// The way to one receiver.
pub(super) enum Way {
    /// A program of the desktop: `notify-send` of freedesktop, or `osascript` of macOS.
    NotifySend(PathBuf),
    Osascript(PathBuf),
    Ntfy {
        url: String,
        token: Option<Secret>,
    },
    Webhook {
        url: String,
        key: Secret,
    },
}

/// Why a notice did not arrive.
struct Failure {
    cause: String,
    /// Whether another try can succeed, and after how long at least.
    retries_after: Option<Duration>,
}

impl Way {
    /// The program of this machine that shows notices.
    pub(super) fn desktop(env: &ProcessEnv) -> Option<Self> {
        let osascript = || env.program("osascript").map(Self::Osascript);
        let notify_send = || env.program("notify-send").map(Self::NotifySend);
        if cfg!(target_os = "macos") { osascript().or_else(notify_send) } else { notify_send().or_else(osascript) }
    }

    /// The name in messages and in the memory.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NotifySend(_) | Self::Osascript(_) => "desktop",
            Self::Ntfy { .. } => "ntfy",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// Sends the notice, and tries again within bounds. The error text says why it did not arrive.
    pub(super) async fn send(&self, notice: &Notice, delivery: &str, http: &Http) -> Result<(), String> {
        let (first, longest) = PAUSES;
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(longest)
            .with_factor(3.0)
            .with_max_times(RETRIES)
            .build();
        loop {
            let Err(failure) = self.send_once(notice, delivery, http).await else { return Ok(()) };
            match (failure.retries_after, pauses.next()) {
                (Some(asked), Some(pause)) => sleep(pause.max(asked.min(2 * longest))).await,
                (None, _) => return Err(failure.cause),
                (Some(_), None) => return Err(format!("{}; tried {} times", failure.cause, RETRIES + 1)),
            }
        }
    }

    async fn send_once(&self, notice: &Notice, delivery: &str, http: &Http) -> Result<(), Failure> {
        match self {
            Self::NotifySend(path) => {
                // The text may contain characters that the desktop would take for markup.
                let text = notice.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                shown(Command::new(path).args(["--app-name=Deckwatch", "--", &notice.title, &text])).await
            }
            Self::Osascript(path) => {
                let script =
                    ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];
                let script = script.iter().flat_map(|line| ["-e", line]);
                shown(Command::new(path).args(script).arg("--").args([&notice.title, &notice.text])).await
            }
            Self::Ntfy { url, token } => answered(http, ntfy(url, token.as_ref(), notice)).await,
            Self::Webhook { url, key } => answered(http, webhook(url, key, notice, delivery)).await,
        }
    }
}

async fn shown(command: &mut Command) -> Result<(), Failure> {
    let lasting = |cause| Failure { cause, retries_after: None };
    match program::run(command, "", DESKTOP_TIMEOUT).await {
        Ok(result) if result.succeeded => Ok(()),
        Ok(result) => Err(lasting(result.error_text)),
        Err(cause) => Err(lasting(cause)),
    }
}

fn ntfy(url: &str, token: Option<&Secret>, notice: &Notice) -> Result<Request<Bytes>, http::Error> {
    let mut request = Request::post(url).header("title", notice.title.as_str()).header("tags", "robot");
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Bytes::from(notice.text.clone()))
}

fn webhook(url: &str, key: &Secret, notice: &Notice, delivery: &str) -> Result<Request<Bytes>, http::Error> {
    let body = Bytes::from(json!({ "id": delivery, "notice": notice }).to_string());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()), &body);
    let signature = format!("sha256={}", base16ct::lower::encode_string(tag.as_ref()));
    let request = Request::post(url).header(CONTENT_TYPE, "application/json").header(DELIVERY, delivery);
    request.header(SIGNATURE, signature).body(body)
}

/// Sends a request. Only 2xx means that the notice has arrived.
async fn answered(http: &Http, request: Result<Request<Bytes>, http::Error>) -> Result<(), Failure> {
    // The error names no value of a header.
    let request = request.map_err(|error| Failure { cause: error.to_string(), retries_after: None })?;
    match http.send(request).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(refusal(&response)),
        Err(error) => Err(Failure { cause: clean_line(&error.cause), retries_after: Some(Duration::ZERO) }),
    }
}

fn refusal(response: &Response<Bytes>) -> Failure {
    let status = response.status();
    let passes =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let retries_after = passes.then(|| retry_after(response.headers()).unwrap_or_default());
    Failure { cause: format!("it answered {status}"), retries_after }
}
