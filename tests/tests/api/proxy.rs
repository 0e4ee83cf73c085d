//! A proxy between a client and the engine that can be closed, and that holds back the answer about the recipients of a message, so that a test can
//! change something before the message arrives.

use std::io;
use std::sync::Arc;

use deckwatch_tests::Api;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};

/// What the proxy does after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It takes further requests.
    GoOn,
    /// It takes no new connections, and closes this one at its next request.
    Close,
}

pub(crate) struct Proxy {
    url: String,
    asked: UnboundedReceiver<()>,
    answer: UnboundedSender<Then>,
    serving: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(api: &Api) -> Self {
        Self::start_at(api, "http://127.0.0.1:0").await
    }

    /// Starts at the address of an earlier one.
    pub(crate) async fn start_at(api: &Api, url: &str) -> Self {
        let address = |url: &str| url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind(address(url)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked_sender, asked) = unbounded_channel();
        let (answer, answers) = unbounded_channel();
        let serving = tokio::spawn(serve(listener, address(api.url()), asked_sender, answers));
        Self { url, asked, answer, serving }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the engine has answered who the recipients are.
    pub(crate) async fn recipients_asked(&mut self) {
        self.asked.recv().await.unwrap();
    }

    /// Passes the answer on.
    pub(crate) fn answer(&self, then: Then) {
        self.answer.send(then).unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, engine: String, asked: UnboundedSender<()>, answers: UnboundedReceiver<Then>) {
    let answers = Arc::new(Mutex::new(answers));
    // Dropped with this future, which closes the connections.
    let mut connections = JoinSet::new();
    let last = loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, server) = (accepted.unwrap().0, TcpStream::connect(&engine).await.unwrap());
                connections.spawn(connection(client, server, asked.clone(), answers.clone()));
            }
            Some(ended) = connections.join_next() => if let Some(last) = ended.unwrap() {
                break last;
            }
        }
    };
    drop((listener, connections));
    // A connection that breaks is no fault of the proxy.
    let _ = last.finish().await;
}

/// The connection with the last answer, after [`Then::Close`].
struct LastAnswer {
    client: TcpStream,
    server: TcpStream,
    /// What the engine has sent so far.
    begun: Vec<u8>,
}

impl LastAnswer {
    /// Passes on the rest of the answer, which may come in several pieces. Closes the connection at the next request.
    async fn finish(mut self) -> io::Result<()> {
        let (mut from_client, mut to_client) = self.client.split();
        to_client.write_all(&self.begun).await?;
        tokio::select! {
            copied = tokio::io::copy(&mut self.server, &mut to_client) => copied.map(drop),
            next = from_client.read_u8() => next.map(drop),
        }
    }
}

async fn connection(
    mut client: TcpStream,
    mut server: TcpStream,
    asked: UnboundedSender<()>,
    answers: Arc<Mutex<UnboundedReceiver<Then>>>,
) -> Option<LastAnswer> {
    let (mut request, mut response) = (vec![0; 65_536], vec![0; 65_536]);
    let mut about_recipients = false;
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let read = read.ok().filter(|read| *read > 0)?;
                about_recipients |= request.starts_with(b"GET /v1/recipients");
                server.write_all(&request[..read]).await.ok()?;
            }
            read = server.read(&mut response) => {
                let read = read.ok().filter(|read| *read > 0)?;
                if std::mem::take(&mut about_recipients) {
                    asked.send(()).ok()?;
                    if answers.lock().await.recv().await? == Then::Close {
                        response.truncate(read);
                        return Some(LastAnswer { client, server, begun: response });
                    }
                }
                client.write_all(&response[..read]).await.ok()?;
            }
        }
    }
}
