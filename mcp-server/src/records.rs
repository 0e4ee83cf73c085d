//! Moves records when the venture or the name of their repository changes.
//!
//! A file in the git folder of the repository says under which names its records are in this machine's database.
//! Records in a team's API are not moved, because other machines may have made them. This machine's records are never
//! sent to a team's API.

use std::sync::PoisonError;
use std::time::Duration;

use deckwatch_client::api::{Api, ApiConfig, ClientError};
use deckwatch_machine::checkout::RecordNames;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{DayStarted, ErrorCode, HandoffFilter, MoveRecords};

use crate::identity::{VentureSource, database_of};
use crate::render::budget::clip;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The time limit to look into this machine's own database while another API is in use.
const TIME_LIMIT: Duration = Duration::from_millis(500);
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
                Ok(()) => self.report(moved(&before, &now)),
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

    /// Moves the records. Registers the new venture if it is named after the repository, or is not registered yet.
    async fn move_records(&self, api: &Api, before: &RecordNames, now: &RecordNames) -> Result<(), Trouble> {
        let place = self.identity.place().await?;
        let records =
            MoveRecords { repo: before.repo.clone(), to_venture: now.venture.clone(), to_repo: now.repo.clone() };
        if place.source == VentureSource::Repository {
            api.put_venture(&now.venture, &place.venture.registration()).await?;
        }
        loop {
            match api.move_records(&before.venture, &records).await {
                Ok(moved) if moved.more => {}
                Ok(_) => return Ok(()),
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

    /// Notices for this day: about moved records, and about records in this machine's own database.
    pub(crate) async fn record_notices(&self, day: &DayStarted) -> Vec<String> {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let in_own_database = if day.last_handoff.is_none() {
            tokio::time::timeout(TIME_LIMIT, self.own_handoffs()).await.ok().flatten()
        } else {
            None
        };
        followed.into_iter().chain(in_own_database).collect()
    }

    /// A notice about this repository's handoffs in this machine's own database, while another API is in use.
    async fn own_handoffs(&self) -> Option<String> {
        let (api, me) = (self.identity.api().await.ok()?, self.identity.me().await.ok()?);
        let database = Dirs::from_env().ok()?.data.join("context.db");
        if database_of(api).is_some() || !database.exists() {
            return None;
        }
        let checkout = self.identity.checkout().await.ok()?;
        let names = checkout.record_names(&database.display().to_string());
        let repo = names.as_ref().map_or(checkout.repo, |names| names.repo.clone());
        let filter = HandoffFilter {
            venture: names.map(|names| names.venture),
            repo: Some(repo),
            limit: 1.try_into().ok(),
            ..HandoffFilter::default()
        };
        let own = Api::connect(ApiConfig::embedded(database, &me.agent).ok()?);
        let total = own.list_handoffs(&filter).await.ok()?.total;
        let handoffs = if total == 1 { "1 handoff".to_owned() } else { format!("{total} handoffs") };
        (total > 0).then(|| {
            format!(
                "Note: this machine's own database has {handoffs} of this repository. The API in use does not have \
                 them, and they are not sent to it. To read them, start an agent without CONTEXT_API_URL."
            )
        })
    }
}

fn moved(before: &RecordNames, now: &RecordNames) -> String {
    let rest = if before.venture == now.venture {
        String::new()
    } else {
        format!(" Notes and documents of venture {} stay there.", before.venture)
    };
    format!(
        "Note: the sessions and handoffs of {} in venture {} now belong to {} in venture {}.{rest}",
        before.repo, before.venture, now.repo, now.venture
    )
}
