//! Shows messages: takes them out of the folder, and records what was shown.
//!
//! A message is moved to `taking/` before it is printed, and recorded in `shown/` after it was printed. A process that is
//! killed in between leaves it in `taking/`. The next process shows it again and says so, because it may have been printed.

use std::fs::File;
use std::io;
use std::time::Duration;

use super::mail::is_current;
use super::{AgentFolder, MailItem, Shown, files};
use crate::clock::now;

/// How long a hook waits for another one that shows messages.
const HOOK_WAITS: Duration = Duration::from_millis(200);

/// How much of a message fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// All of it.
    Whole,
    /// Its beginning.
    Part,
    /// Nothing. No later message is asked about.
    None,
}

/// A message that is being shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenItem {
    /// The message.
    pub item: MailItem,
    /// Whether only its beginning is shown.
    pub is_partial: bool,
}

/// The messages that this process shows. If it is dropped without [`Taken::confirm`], they wait in the folder again.
#[derive(Debug)]
#[must_use]
pub struct Taken {
    /// The messages, in the order in which they are shown.
    pub items: Vec<TakenItem>,
    /// How many more could be shown.
    pub left: usize,
    /// How many are not shown, because the server that took them is gone or has been replaced.
    pub stale: usize,
    folder: AgentFolder,
    held: Option<File>,
}

impl AgentFolder {
    /// Takes the messages that fit, oldest first, those with the priority `now` before. Takes none while another process
    /// shows messages.
    pub fn take(&self, mut room: impl FnMut(&MailItem) -> Room) -> io::Result<Taken> {
        let mut taken = Taken { items: Vec::new(), left: 0, stale: 0, folder: self.clone(), held: None };
        if self.mail_names()?.is_empty() && files::names(&self.path.join("taking"))?.is_empty() {
            return Ok(taken);
        }
        taken.held = self.lock_mail(HOOK_WAITS)?;
        if taken.held.is_none() {
            return Ok(taken);
        }
        self.put_back_interrupted()?;
        let (server, now, mut is_full) = (self.server()?, now(), false);
        for name in self.mail_names()? {
            let Some(item) = self.read_mail(&name)? else { continue };
            if !is_current(&item, &server, now) {
                taken.stale += 1;
                continue;
            }
            let fits = if is_full { Room::None } else { room(&item) };
            is_full = is_full || fits != Room::Whole;
            if fits == Room::None {
                taken.left += 1;
                continue;
            }
            std::fs::rename(self.file("mail", &name), self.file("taking", &name))?;
            taken.items.push(TakenItem { item, is_partial: fits == Room::Part });
        }
        Ok(taken)
    }

    /// Puts back what a killed process was showing. The caller has the lock.
    fn put_back_interrupted(&self) -> io::Result<()> {
        for name in files::names(&self.path.join("taking"))? {
            let path = self.file("taking", &name);
            if let Some(item) = files::read_json::<MailItem>(&path)?
                && !self.shown_file(&item.delivery_id).exists()
            {
                files::replace_json(&self.file("mail", &name), &MailItem { may_have_been_shown: true, ..item })?;
            }
            files::remove(&path)?;
        }
        Ok(())
    }
}

impl Taken {
    /// Records that the messages were shown. Call it as soon as they are printed.
    pub fn confirm(mut self) -> io::Result<()> {
        let at = now();
        for TakenItem { item, is_partial } in std::mem::take(&mut self.items) {
            let (folder, name) = (&self.folder, item.file_name());
            let shown = Shown { delivery_id: item.delivery_id.clone(), at, partial: is_partial };
            files::replace_json(&folder.shown_file(&item.delivery_id), &shown)?;
            let taking = folder.file("taking", &name);
            if is_partial {
                std::fs::rename(taking, folder.partial_file(&item.message.id))?;
            } else {
                files::remove(&taking)?;
            }
        }
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for TakenItem { item, .. } in &self.items {
            let name = item.file_name();
            // What fails here is put back by the next process.
            let _ = std::fs::rename(self.folder.file("taking", &name), self.folder.file("mail", &name));
        }
        drop(self.held.take());
    }
}
