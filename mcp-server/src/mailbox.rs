//! Takes the messages of the agent's session into its folder, and reports what the answers of tools have shown.
//!
//! The hooks of the agent's CLI use the same folder, so a message is shown by a hook or by a tool, and not by both.

use std::io;

use deckwatch_client::outbox::Delivery;
use deckwatch_machine::agent_folder::{AgentFolder, ApiName, MailItem, Shown, Taken, Taker, Waiting};
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{
    DeliveryId, DeliveryReport, Fence, InboxItem, ReportInbox, ReportedInbox, ReportedStatus, TakeInbox, TakeLimit,
};

use crate::mail::ShownByCall;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// As many messages as the API offers at once.
const MOST: u64 = 50;

impl Keeper {
    /// The session and the epoch in which this process speaks for its agent. Fails if the agent has no session.
    pub(crate) async fn fence(&self) -> Result<Fence, Trouble> {
        let live = self.find().await?.ok_or(Trouble::NoSession)?;
        Ok(Fence { session_id: live.id, epoch: live.epoch })
    }

    /// The folder of the agent.
    pub(crate) async fn mail_folder(&self) -> Result<AgentFolder, Trouble> {
        let (dirs, environment) = (Dirs::from_env()?, self.identity.environment());
        let api = ApiName::from_vars(|name| environment.var(name), &dirs);
        let (place, me) = (self.identity.place().await?, self.identity.me().await?);
        let folder = AgentFolder::of(&dirs, &api, &place.venture.code, &me.agent);
        self.in_mail(&folder, AgentFolder::create).await?;
        Ok(folder)
    }

    /// Works on the folder without blocking other work of this process.
    pub(crate) async fn in_mail<T: Send + 'static>(
        &self,
        folder: &AgentFolder,
        work: impl FnOnce(&AgentFolder) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (folder, path) = (folder.clone(), folder.path().to_owned());
        blocking(move || work(&folder)).await?.map_err(|source| Trouble::MailFolder { path, source })
    }

    /// Takes the messages that wait for the agent into its folder, also those that this epoch was offered before: the folder
    /// knows which of them were shown. Returns how many more wait.
    pub(crate) async fn receive_mail(&self, folder: &AgentFolder) -> Result<Waiting, Trouble> {
        let fence = self.fence().await?;
        // What an earlier process has shown is not taken again.
        self.report_shown(folder, &fence).await?;
        let Fence { session_id, epoch } = fence;
        let taker = Taker { session_id: session_id.clone(), epoch };
        let limit = TakeLimit::try_from(MOST).unwrap_or_default();
        let inbox = self.identity.api().await?.take_inbox(&TakeInbox { session_id, epoch, limit, again: true }).await?;
        let open = self.opened_or_refused(inbox.items).await?;
        let waiting = Waiting { count: inbox.waiting, is_minimum: inbox.waiting_is_minimum };
        let is_all = inbox.waiting == 0;
        self.in_mail(folder, move |folder| {
            for item in open {
                folder.put_mail(&MailItem::of(item, taker.clone(), now()))?;
            }
            if is_all {
                folder.remove_mail_of_others(&taker)?;
            }
            folder.set_waiting(waiting)
        })
        .await?;
        Ok(waiting)
    }

    /// Puts one message into the folder and takes it out to be shown. `None` if it was shown before.
    pub(crate) async fn take_one(&self, folder: &AgentFolder, item: InboxItem) -> Result<Option<Taken>, Trouble> {
        let Fence { session_id, epoch } = self.fence().await?;
        self.in_mail(folder, move |folder| {
            let id = item.delivery_id.clone();
            folder.put_mail(&MailItem::of(item, Taker { session_id, epoch }, now()))?;
            folder.take_one(&id)
        })
        .await
        .map(|taken| Some(taken).filter(|taken| !taken.items.is_empty()))
    }

    /// Records what an answer has shown, and reports it.
    pub(crate) async fn was_shown(&self, shown: ShownByCall) {
        let recorded = async {
            let folder = self.mail_folder().await?;
            let ShownByCall { taken, rest } = shown;
            self.in_mail(&folder, move |folder| {
                taken.into_iter().try_for_each(Taken::confirm)?;
                rest.iter().try_for_each(|(delivery, message)| folder.wholly_shown(delivery, message))
            })
            .await?;
            self.report_shown(&folder, &self.fence().await?).await
        };
        if let Err(trouble) = recorded.await {
            log::warn!("could not report the messages that were shown: {trouble}");
        }
    }

    /// Reports what was shown and is not reported yet, by hooks or by answers. Returns how many deliveries that are. What can't be
    /// sent now is in the outbox, or is reported later.
    pub(crate) async fn report_shown(&self, folder: &AgentFolder, fence: &Fence) -> Result<usize, Trouble> {
        let shown = self.in_mail(folder, AgentFolder::shown).await?;
        for part in shown.chunks(ReportInbox::MAX_ITEMS) {
            let of = |shown: &Shown| DeliveryReport {
                at: shown.at,
                partial: shown.partial,
                ..report(shown.delivery_id.clone(), ReportedStatus::Surfaced)
            };
            if let Delivery::Queued(_) = self.report_mail(fence.clone(), part.iter().map(of).collect()).await? {
                self.pending.notify();
            }
            let part = part.to_vec();
            self.in_mail(folder, move |folder| folder.reported(&part)).await?;
        }
        Ok(shown.len())
    }

    /// Reports what happened to deliveries.
    pub(crate) async fn report_mail(
        &self,
        fence: Fence,
        items: Vec<DeliveryReport>,
    ) -> Result<Delivery<ReportedInbox>, Trouble> {
        let Fence { session_id, epoch } = fence;
        let report = ReportInbox { session_id: Some(session_id), epoch: Some(epoch), venture: None, items };
        Ok(self.identity.client().await?.deliver_report(&report).await?)
    }
}

/// A report that something happened now.
pub(crate) fn report(delivery_id: DeliveryId, status: ReportedStatus) -> DeliveryReport {
    DeliveryReport { delivery_id, status, at: now(), partial: false, reason: None }
}
