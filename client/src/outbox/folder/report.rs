//! A report of the content of a queue's folder.

use super::super::pause::Pause;
use super::super::{NotRead, Parked, Skipped, Stopped, Waiting};
use super::{Folder, Held, Listing, read_entry};

impl Folder {
    /// Reads the folder and describes its content.
    pub(in crate::outbox) fn waiting(&self) -> Waiting {
        let (Listing { numbers, invalid_names: mut skipped }, unreadable) = match self.listing() {
            Ok(listing) => (listing, None),
            Err(error) => (Listing::default(), Some(NotRead::folder(&error))),
        };
        let (mut queued, mut oldest, mut parked) = (0, None, Vec::new());
        for number in numbers {
            let entry = match read_entry(&self.file(number)) {
                Ok(entry) => entry,
                Err(cause) => {
                    skipped.extend(cause.map(|cause| Skipped { path: self.file(number), cause }));
                    continue;
                }
            };
            queued += 1;
            oldest = oldest.or(Some(entry.queued_at));
            let what = entry.what();
            parked.extend(entry.parked.map(|parking| Parked {
                what,
                agent: entry.agent,
                queued_at: entry.queued_at,
                cause: parking.cause,
                again_at: parking.again_at,
            }));
        }
        let stopped = self.pause().filter(|_| queued > parked.len());
        let stopped = stopped.map(|Pause { since, again_at, cause, .. }| Stopped { since, cause, again_at });
        let (held, unread) = self.held();
        skipped.extend(unread);
        let held = held.into_iter().map(|(_, entry)| entry);
        let held = held.map(|entry| Held { what: entry.what(), queued_at: entry.queued_at, agent: entry.agent });
        Waiting {
            queued,
            oldest,
            stopped,
            parked,
            held: held.collect(),
            set_aside: self.not_reported(),
            skipped,
            other_queues: self.other_queues(),
            path: self.path.clone(),
            unreadable,
        }
    }
}
