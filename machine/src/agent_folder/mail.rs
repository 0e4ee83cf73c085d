//! Messages that wait for the agent.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentFolder, MailItem, Server, Taker, files};
use crate::clock::now;

/// For how long a message is shown after its server has ended.
const SHOWN_WITHOUT_SERVER_SECONDS: u64 = 10 * 60;
/// How often a process tries to get the lock of the messages, and looks for messages.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// How long the server waits for a hook that shows messages. A hook ends itself before.
const SERVER_WAITS: Duration = Duration::from_secs(5);

/// How many messages the API holds back, because of the mode of the session or because many are in the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The number.
    pub count: u32,
    /// Whether there may be more.
    pub is_minimum: bool,
}

impl AgentFolder {
    /// Puts a message into the folder. False if it was shown before, or is being shown. If the same delivery waits here, it
    /// belongs to the new taker from now on.
    ///
    /// If it was reported, the API has not got the report, because it has offered the message again. Then it waits for a
    /// report again.
    pub fn put_mail(&self, item: &MailItem) -> io::Result<bool> {
        let _held = self.lock_mail(SERVER_WAITS)?.ok_or(io::ErrorKind::WouldBlock)?;
        let name = item.file_name();
        let (shown, reported) = (self.shown_file(&item.delivery_id), self.reported_file(&item.delivery_id));
        files::ignoring_absence(std::fs::rename(reported, &shown))?;
        if shown.exists() || self.file("taking", &name).exists() {
            return Ok(false);
        }
        files::replace_json(&self.file("mail", &name), item)?;
        Ok(true)
    }

    /// Removes the messages that another server took. Call it after a server has taken everything that waits: the API then
    /// holds these messages back, or they are no longer for this agent on this machine.
    pub fn remove_mail_of_others(&self, taker: &Taker) -> io::Result<usize> {
        let Some(_held) = self.lock_mail(SERVER_WAITS)? else { return Ok(0) };
        let mut removed = 0;
        for name in self.mail_names()? {
            let path = self.file("mail", &name);
            if self.read_mail(&name)?.is_none_or(|item| item.taken_by != *taker) {
                files::remove(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Whether a hook would show a message now.
    pub fn has_unread(&self) -> io::Result<bool> {
        let names = self.mail_names()?;
        if names.is_empty() {
            return Ok(false);
        }
        let (server, now) = (self.server()?, now());
        for name in names {
            if self.read_mail(&name)?.is_some_and(|item| is_current(&item, &server, now)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits until a hook would show a message. False if there is none after `limit`.
    pub fn wait_for_mail(&self, limit: Duration) -> io::Result<bool> {
        let begun = Instant::now();
        loop {
            if self.has_unread()? {
                return Ok(true);
            }
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(left.min(BETWEEN_LOOKS));
        }
    }

    /// The number of messages that the API holds back.
    pub fn waiting(&self) -> io::Result<Waiting> {
        Ok(files::read_json(&self.path.join("waiting.json"))?.unwrap_or_default())
    }

    /// Sets the number of messages that the API holds back.
    pub fn set_waiting(&self, waiting: Waiting) -> io::Result<()> {
        if self.waiting()? == waiting {
            return Ok(());
        }
        files::replace_json(&self.path.join("waiting.json"), &waiting)
    }

    pub(super) fn mail_names(&self) -> io::Result<Vec<String>> {
        files::names(&self.path.join("mail"))
    }

    /// A message. `None` if another process has moved it, or if its file is damaged: the API offers it again later.
    pub(super) fn read_mail(&self, name: &str) -> io::Result<Option<MailItem>> {
        files::read_json(&self.file("mail", name))
    }

    pub(super) fn file(&self, folder: &str, name: &str) -> std::path::PathBuf {
        self.path.join(folder).join(name)
    }

    /// Waits for the lock of the messages. One process at a time shows messages or puts some here. `None` if another process
    /// has it for this long.
    pub(super) fn lock_mail(&self, limit: Duration) -> io::Result<Option<File>> {
        let path = self.path.join("mail.lock");
        let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(path)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= limit => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_ATTEMPTS),
            }
        }
    }
}

/// Whether a message is shown: the server that took it runs, or it is young.
pub(super) fn is_current(item: &MailItem, server: &Server, now: Timestamp) -> bool {
    let runs = matches!(server, Server::Runs(Some(taker)) if *taker == item.taken_by);
    runs || now.seconds_since(item.taken_at) < SHOWN_WITHOUT_SERVER_SECONDS
}
