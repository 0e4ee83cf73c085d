//! The connection of the far side to the near side: standard input and output.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncWriteExt as _, BufReader, Stdin, Stdout, stdin, stdout};

use crate::lines::next_line;
use crate::runs::Limits;
use crate::wire::{Envelope, Frame, Marker, Refusal, RefusalKind, VERSION};

/// Standard input and output of the far side.
pub struct Connection {
    /// How many agents may run on this machine.
    limits: Result<Limits, String>,
    input: BufReader<Stdin>,
    output: Stdout,
}

impl Connection {
    /// Opens the connection and sends the marker.
    pub(super) async fn of_this_process(limits: Result<Limits, String>) -> io::Result<Self> {
        let mut connection = Self { limits, input: BufReader::new(stdin()), output: stdout() };
        connection.send(&Marker { deckwatch_fleet: VERSION }).await?;
        Ok(connection)
    }

    /// How many agents may run on this machine. Fails if its settings can't be read.
    pub fn limits(&self) -> Result<Limits, Refusal> {
        self.limits.clone().map_err(Refusal::machine)
    }

    pub(super) async fn envelope(&mut self) -> Result<Envelope, Refusal> {
        self.next().await?.ok_or_else(|| Refusal::new(RefusalKind::BadRequest, "the connection ended before a request"))
    }

    /// The next line of the near side. `None` at its end.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Refusal> {
        let bad = |error: String| Refusal::new(RefusalKind::BadRequest, format!("the request can't be read: {error}"));
        let Some(line) = next_line(&mut self.input).await.map_err(|error| bad(error.to_string()))? else {
            return Ok(None);
        };
        serde_json::from_slice(&line).map(Some).map_err(|error| bad(error.to_string()))
    }

    /// Sends an item before the answer. Fails if the near side is gone.
    pub async fn item(&mut self, item: &impl Serialize) -> Result<(), Refusal> {
        let value = serde_json::to_value(item).map_err(|error| Refusal::machine(error.to_string()))?;
        let sent = self.send(&Frame::Item(value)).await;
        sent.map_err(|error| Refusal::machine(format!("the connection ended: {error}")))
    }

    pub(super) async fn send(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.output.write_all(&text).await?;
        self.output.flush().await
    }
}
