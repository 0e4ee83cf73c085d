//! The page on this machine that sends a person's browser to GitHub to register the App, and receives its code.
//!
//! The server listens on loopback only. It answers two addresses: the page, under a random path, and the one to which GitHub
//! sends the browser back, which must carry the random `state` of the page. So neither a website nor another user of this
//! machine can put in an App of their own.

use std::io;
use std::time::Duration;

use deckwatch_protocol::cut;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

use crate::github_error::GitHubError;

/// How long one connection may take. A browser sends its request at once.
const CONNECTION: Duration = Duration::from_secs(5);
/// The largest request line and headers.
const MAX_HEAD_BYTES: u64 = 16 * 1024;
/// The longest code of GitHub that is accepted.
const MAX_CODE_CHARS: usize = 200;

/// A server that waits for one registration.
pub(super) struct Registration {
    listener: TcpListener,
    origin: String,
    path: String,
    state: String,
}

/// What a request of the browser is about.
enum Asked {
    Page,
    Code(String),
    /// GitHub sent the browser back without a code, or the state is not the one of the page.
    Rejected(&'static str),
    Unknown,
}

impl Registration {
    /// Listens on a port of loopback; 0 is any free one.
    pub(super) async fn listen(port: u16) -> Result<Self, GitHubError> {
        let failed = |error: io::Error| {
            GitHubError::Setup(format!(
                "port {port} of 127.0.0.1 can't be used for the page: {error}; choose another with --port"
            ))
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let origin = format!("http://{}", listener.local_addr().map_err(failed)?);
        Ok(Self { listener, origin, path: format!("/{}", random()?), state: random()? })
    }

    /// The address of the page.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// The port, to forward it over SSH.
    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().map_or(0, |address| address.port())
    }

    /// The address to which GitHub sends the browser back.
    pub(super) fn redirect_url(&self) -> String {
        format!("{}/registered", self.origin)
    }

    /// Waits for the code. `form_url` is GitHub's page that registers an App.
    pub(super) async fn code(&self, form_url: &str, manifest: &Value) -> Result<String, GitHubError> {
        let page = page(&format!("{form_url}?state={}", self.state), &manifest.to_string());
        loop {
            let accepted = self.listener.accept().await;
            let (stream, _) =
                accepted.map_err(|error| GitHubError::Setup(format!("the page can't be served: {error}")))?;
            if let Ok(Ok(Some(code))) = timeout(CONNECTION, self.answer(stream, &page)).await {
                return Ok(code);
            }
        }
    }

    /// Answers one request. Returns the code if it is the one that GitHub sent.
    async fn answer(&self, mut stream: TcpStream, page: &str) -> io::Result<Option<String>> {
        let head = read_head(&mut stream).await?;
        let (status, text, code) = match self.asked(&head) {
            Asked::Page => ("200 OK", page.to_owned(), None),
            Asked::Code(code) => (
                "200 OK",
                notice("The App is registered.", "You can close this page. The terminal continues."),
                Some(code),
            ),
            Asked::Rejected(why) => ("400 Bad Request", notice("The App was not taken over.", why), None),
            Asked::Unknown => {
                ("404 Not Found", notice("There is nothing here.", "Use the address in the terminal."), None)
            }
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        Ok(code)
    }

    fn asked(&self, head: &str) -> Asked {
        let mut lines = head.lines();
        let Some(target) = lines.next().and_then(|line| line.strip_prefix("GET ")?.split(' ').next()) else {
            return Asked::Unknown;
        };
        // A website whose name leads to this machine has another host.
        let host = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
        });
        if host.is_none_or(|host| format!("http://{host}") != self.origin) {
            return Asked::Unknown;
        }
        let Ok(url) = Url::parse(&format!("{}{target}", self.origin)) else { return Asked::Unknown };
        if url.path() == self.path {
            return Asked::Page;
        }
        if url.path() != "/registered" {
            return Asked::Unknown;
        }
        let value =
            |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        match (value("code"), value("state")) {
            (_, state) if state.as_deref() != Some(self.state.as_str()) => {
                Asked::Rejected("This answer does not belong to the page that the terminal opened. Begin again there.")
            }
            (Some(code), _) if is_code(&code) => Asked::Code(code),
            _ => Asked::Rejected("GitHub sent no code. Begin again with the address in the terminal."),
        }
    }
}

fn is_code(code: &str) -> bool {
    let is_plain = code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    !code.is_empty() && is_plain && cut::to_chars(code, MAX_CODE_CHARS) == code
}

async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut limited = stream.take(MAX_HEAD_BYTES);
    let mut part = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = limited.read(&mut part).await?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(part.get(..read).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// 32 hexadecimal digits.
fn random() -> Result<String, GitHubError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| GitHubError::Setup(format!("no random numbers can be had: {error}")))?;
    Ok(base16ct::lower::encode_string(&bytes))
}

/// The page with the button. It has no script, so a browser without scripts can use it.
fn page(action: &str, manifest: &str) -> String {
    let (action, manifest) = (escaped(action), escaped(manifest));
    document(
        "Register the GitHub App of Deckwatch",
        &format!(
            "<p>GitHub shows the name of the App, and you can change it there. The terminal receives the App's secrets.</p>\n\
             <form action=\"{action}\" method=\"post\">\n<input type=\"hidden\" name=\"manifest\" value=\"{manifest}\">\n\
             <button type=\"submit\">Continue on GitHub</button>\n</form>"
        ),
    )
}

fn notice(title: &str, text: &str) -> String {
    document(title, &format!("<p>{}</p>", escaped(text)))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n{body}\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
