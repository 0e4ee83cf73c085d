//! The MCP transport over standard input and output: one message on each line.
//!
//! A line that is not a valid message gets a JSON-RPC error response with the id of the request, if one can be found.
//! Otherwise the client would wait for ever. Text that Node.js cut in the middle of an emoji is repaired. This module
//! does not interpret messages.

mod id;
mod lines;
mod repair;
mod written;

use std::io;

use rmcp::model::{ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio::task::JoinSet;

use self::id::IdFinder;
use self::lines::{Line, Lines, MAX_BYTES};
use self::repair::repaired;
pub(crate) use self::written::Written;

/// The maximum number of unwritten error responses. At the limit, no more input is read.
const MAX_WAITING: usize = 64;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The transport over a reader and a writer of lines.
pub(crate) struct Wire<R, W: AsyncWrite> {
    lines: Lines<R>,
    /// Used only to write. Its reader is empty.
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    /// Error responses that are being written. They are tasks, because [`Transport::receive`] may be cancelled.
    errors: JoinSet<io::Result<()>>,
    written: Written,
}

impl<R, W> Wire<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    pub(crate) fn new((reader, writer): (R, W), written: Written) -> Self {
        let writer = AsyncRwTransport::new(tokio::io::empty(), writer);
        Self { lines: Lines::new(reader), writer, errors: JoinSet::new(), written }
    }

    fn refuse(&mut self, Refusal { id, error }: Refusal) {
        log::debug!("a line is not a message: {}", error.message);
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
        let awaited = match &item {
            JsonRpcMessage::Response(response) => self.written.on_result(&response.id),
            _ => None,
        };
        let sent = self.writer.send(item);
        async move {
            sent.await?;
            if let Some(awaited) = awaited {
                let _ = awaited.send(());
            }
            Ok(())
        }
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
                    log::error!("can't read standard input: {error}");
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

/// The error response for a line that is not a message.
struct Refusal {
    id: Option<RequestId>,
    error: ErrorData,
}

/// Parses a line. `None` for an empty line and for an unknown notification.
fn read(line: &Line) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Refusal> {
    let line = match line {
        Line::Whole(line) => line,
        Line::TooLong(id) => {
            let text = format!(
                "This message is too large: the limit is {} MiB. Send less text, or send it in parts.",
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

/// Parses a line that was refused as it is. Repairs half characters first.
fn read_repaired(line: &[u8], error: &serde_json::Error) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Refusal> {
    let text = repaired(line);
    if let Ok(message) = serde_json::from_str(&text) {
        return Ok(Some(message));
    }
    let Ok(value) = serde_json::from_str::<Value>(&text) else {
        let text = format!("This line is not valid JSON: {error}");
        return Err(Refusal { id: IdFinder::of(line), error: ErrorData::parse_error(text, None) });
    };
    let is_method = value.get("method").is_some_and(Value::is_string);
    match value.get("id").filter(|_| is_method) {
        None if is_method => Ok(None),
        id => {
            let id = id.and_then(|id| serde_json::from_value(id.clone()).ok());
            let text = "This is not a valid MCP request: its params do not match its method, or its id is not a string \
                        or a number.";
            Err(Refusal { id, error: ErrorData::invalid_request(text, None) })
        }
    }
}
