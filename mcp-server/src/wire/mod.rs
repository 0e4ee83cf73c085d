//! Standard input and output as MCP's transport: a message a line, and an answer to every line.
//!
//! What can't be read as a message is answered with an error of JSON-RPC, under the request's id wherever that can be
//! found, so that nobody waits for an answer that never comes. Text that Node.js cut in the middle of an emoji is mended.
//! It knows nothing of what messages mean.

mod id;
mod lines;
mod repair;

use std::io;

use rmcp::model::{ErrorData, RequestId};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio::task::JoinSet;

use self::id::IdFinder;
use self::lines::{Line, Lines, MAX_BYTES};
use self::repair::repaired;

/// Errors that may wait to be written: a peer that reads nothing is not read from either.
const MAX_WAITING: usize = 64;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The transport over a reader and a writer of lines.
pub(crate) struct Wire<R, W: AsyncWrite> {
    lines: Lines<R>,
    /// Writes; it is given nothing to read.
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    /// Errors on their way, apart from [`Transport::receive`], which may be cancelled at any time.
    errors: JoinSet<io::Result<()>>,
}

impl<R, W> Wire<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    pub(crate) fn new((reader, writer): (R, W)) -> Self {
        let writer = AsyncRwTransport::new(tokio::io::empty(), writer);
        Self { lines: Lines::new(reader), writer, errors: JoinSet::new() }
    }

    fn refuse(&mut self, Refusal { id, error }: Refusal) {
        log::debug!("a line was no message: {}", error.message);
        let answer = self.writer.send(TxJsonRpcMessage::<RoleServer>::error(error, id));
        self.errors.spawn(answer);
    }
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let waiting = if self.errors.len() < MAX_WAITING {
                self.errors.try_join_next()
            } else {
                self.errors.join_next().await
            };
            if let Some(Ok(Err(_))) = waiting {
                return None;
            }
            let line = match self.lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    log::error!("standard input can't be read: {error}");
                    break;
                }
            };
            match read(&line) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(refusal) => self.refuse(refusal),
            }
        }
        while self.errors.join_next().await.is_some() {}
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}

/// Why a line is no message, and whom to tell.
struct Refusal {
    id: Option<RequestId>,
    error: ErrorData,
}

/// The message of a line, if it is one. An empty line is none, and nor is a notification that nobody knows.
fn read(line: &Line) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Refusal> {
    let line = match line {
        Line::Whole(line) => line,
        Line::TooLong(id) => {
            let text = format!(
                "This message is too large: {} MiB at most. Send less of it, or in parts.",
                MAX_BYTES / (1024 * 1024)
            );
            return Err(Refusal { id: id.clone(), error: ErrorData::invalid_request(text, None) });
        }
    };
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).or_else(|error| read_repaired(line, &error))
}

/// A line that can't be read as it is: its text may be cut, it may be no JSON, or JSON that is no message.
fn read_repaired(line: &[u8], error: &serde_json::Error) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Refusal> {
    let text = repaired(line);
    if let Ok(message) = serde_json::from_str(&text) {
        return Ok(Some(message));
    }
    let Ok(value) = serde_json::from_str::<Value>(&text) else {
        let text = format!("This line is no JSON: {error}");
        return Err(Refusal { id: IdFinder::of(line), error: ErrorData::parse_error(text, None) });
    };
    let is_method = value.get("method").is_some_and(Value::is_string);
    match value.get("id").filter(|_| is_method) {
        None if is_method => Ok(None),
        id => {
            let id = id.and_then(|id| serde_json::from_value(id.clone()).ok());
            let text = "This is no request of MCP: its params are not those of its method, or its id is neither text \
                        nor a number.";
            Err(Refusal { id, error: ErrorData::invalid_request(text, None) })
        }
    }
}
