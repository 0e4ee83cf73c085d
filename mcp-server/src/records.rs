//! Moves records when the venture or the name of their repository changes.
//!
//! A file in the git folder of the repository says under which names its records are in this machine's database.
//! Records in a team's API are not moved, because other machines may have made them.

use std::sync::PoisonError;

use deckwatch_client::api::{Api, ClientError};
use deckwatch_machine::checkout::RecordNames;
use deckwatch_protocol::{ErrorCode, MoveRecords, RecordsMoved};

use crate::identity::{VentureSource, database_of};
use crate::render::budget::clip;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

const ERROR_COST: usize = 200;

impl Keeper {
    /// Moves the repository's earlier records to its current names. A failure is reported, and the next start of day
    /// tries again.
    pub(crate) async fn follow_records(&self) -> Result<(), Trouble> {
        let (api, place) = (self.identity.api().await?, self.identity.place().await?);
        let Some(database) = database_of(api) else { return Ok(()) };
        if self.identity.is_demo().await? {
            return Ok(());
        }
        let now = RecordNames { venture: place.venture.code.clone(), repo: place.repo.clone() };
        let checkout = self.identity.checkout().await?;
        let before = checkout.record_names(&database);
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        if let Some(before) = before {
            match self.move_records(api, &before, &now).await {
                Ok(moved) => self.report(moved_line(&before, &now, moved)),
                Err(trouble) => {
                    let error = clip(&trouble.to_string(), ERROR_COST);
                    self.report(format!(
                        "Warning: the earlier records of this repository are still under {} in venture {}, because they \
                         could not be moved: {error} The next `sod` tries again.",
                        before.repo, before.venture
                    ));
                    return Ok(());
                }
            }
        }
        if let Err(error) = blocking(move || checkout.keep_record_names(&database, now)).await? {
            log::warn!("could not save the names of this repository's records in its git folder: {error}");
        }
        Ok(())
    }

    /// Moves the records. Registers the new venture as its ventures file or the repository's name describes it: the API
    /// compares the repositories of both ventures.
    async fn move_records(&self, api: &Api, before: &RecordNames, now: &RecordNames) -> Result<RecordsMoved, Trouble> {
        let place = self.identity.place().await?;
        let records =
            MoveRecords { repo: before.repo.clone(), to_venture: now.venture.clone(), to_repo: now.repo.clone() };
        if matches!(place.source, VentureSource::Repository | VentureSource::File(_)) {
            api.put_venture(&now.venture, &place.venture.registration()).await?;
        }
        loop {
            match api.move_records(&before.venture, &records).await {
                Ok(moved) if moved.more => {}
                Ok(moved) => return Ok(moved),
                Err(ClientError::Refused(problem)) if problem.code == ErrorCode::VentureNotRegistered => {
                    api.put_venture(&now.venture, &place.venture.registration()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn report(&self, line: String) {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    /// The notice about moved records, once.
    pub(crate) fn moved_notice(&self) -> Option<String> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn moved_line(before: &RecordNames, now: &RecordNames, moved: RecordsMoved) -> String {
    let (old, new) = (&before.venture, &now.venture);
    let names = format!("{} in venture {new}", now.repo);
    if old == new {
        return format!("Note: the sessions and handoffs of {} in venture {old} now belong to {names}.", before.repo);
    }
    let what = if moved.venture_in_use { "" } else { ", and the notes, documents and requirements of that venture," };
    let rest = if moved.venture_in_use {
        format!(" The notes and documents of venture {old} stay there, because another repository uses it.")
    } else if moved.left {
        format!(" Some documents or requirements stay in venture {old}, because they conflict with those of {new}.")
    } else {
        String::new()
    };
    let renamed = if moved.docs_renamed {
        format!(" A document whose name was taken is now named `{old}.<name>`.")
    } else {
        String::new()
    };
    format!(
        "Note: the sessions and handoffs of {} in venture {old}{what} now belong to {names}.{rest}{renamed}",
        before.repo
    )
}
