//! The start of the day: a hook asks for it, the server writes it, a hook shows it once.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};
use crate::clock::now;

/// A day or a request that is older is not used.
const VALID_SECONDS: u64 = 10 * 60;

/// A request to start the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRequest {
    /// When the conversation started.
    pub at: Timestamp,
    /// The ancestors of the hook. The server that the same process started answers.
    pub ancestors: Vec<u32>,
    /// The conversation, as the agent's tool names it.
    pub conversation: Option<String>,
}

/// A day that a hook can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// When it was written.
    pub at: Timestamp,
    /// The text, with stored texts fenced.
    pub text: String,
}

impl AgentFolder {
    /// Asks the server to start the day. An earlier day is removed.
    pub fn request_day(&self, request: &DayRequest) -> io::Result<()> {
        files::remove(&self.day_file())?;
        files::replace_json(&self.request_file(), request)
    }

    /// The request that waits, if it is not too old.
    pub fn day_request(&self) -> io::Result<Option<DayRequest>> {
        let request: Option<DayRequest> = files::read_json(&self.request_file())?;
        Ok(request.filter(|request| now().seconds_since(request.at) < VALID_SECONDS))
    }

    /// Takes the request, so that no other server answers it. False if another one has taken it.
    pub fn take_day_request(&self) -> io::Result<bool> {
        match std::fs::remove_file(self.request_file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    /// Writes the day for a hook.
    pub fn put_day(&self, text: &str) -> io::Result<()> {
        files::replace_json(&self.day_file(), &Day { at: now(), text: text.to_owned() })
    }

    /// Whether the server has written the day.
    pub fn has_day(&self) -> io::Result<bool> {
        self.day_file().try_exists()
    }

    /// Takes the day, so that it is shown once.
    pub fn take_day(&self) -> io::Result<Option<Day>> {
        let (file, own) = (self.day_file(), self.path.join(format!(".day.{}", std::process::id())));
        match std::fs::rename(&file, &own) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            renamed => renamed?,
        }
        let day: Option<Day> = files::read_json(&own)?;
        files::remove(&own)?;
        Ok(day.filter(|day| now().seconds_since(day.at) < VALID_SECONDS))
    }

    fn day_file(&self) -> PathBuf {
        self.path.join("day.md")
    }

    fn request_file(&self) -> PathBuf {
        self.path.join("session-start")
    }
}
