//! Takes the messages of the agent's session, and reports what was shown.

use deckwatch_client::outbox::Delivery;
use deckwatch_protocol::{DeliveryReport, Fence, ReportInbox, ReportedInbox, TakeInbox, TakeLimit};

use crate::mail::WaitingMail;
use crate::session::Keeper;
use crate::trouble::Trouble;

impl Keeper {
    /// The session and the epoch in which this process speaks for its agent. Fails if the agent has no session.
    pub(crate) async fn fence(&self) -> Result<Fence, Trouble> {
        let live = self.find().await?.ok_or(Trouble::NoSession)?;
        Ok(Fence { session_id: live.id, epoch: live.epoch })
    }

    /// Takes the messages that wait for the agent.
    pub(crate) async fn take_mail(&self) -> Result<WaitingMail, Trouble> {
        let Fence { session_id, epoch } = self.fence().await?;
        // An earlier process of the session may have taken messages without reporting them.
        let again = self.mail.may_lack_some();
        let take = TakeInbox { session_id, epoch, limit: TakeLimit::default(), again };
        let mut taken = self.identity.api().await?.take_inbox(&take).await?;
        self.open_sealed(&mut taken.items).await;
        self.mail.taken(taken.items);
        let count = usize::try_from(taken.waiting).unwrap_or(usize::MAX);
        Ok(WaitingMail { count, is_minimum: taken.waiting_is_minimum })
    }

    /// Reports what was shown: now, or when the API can be reached again. The next process of the agent gets the messages
    /// whose report this one can't make.
    pub(crate) async fn report_shown(&self, shown: Vec<DeliveryReport>) {
        for items in shown.chunks(ReportInbox::MAX_ITEMS) {
            match self.report_mail(items.to_vec()).await {
                Ok(Delivery::Queued(_)) => self.pending.notify(),
                Ok(_) => {}
                Err(trouble) => log::warn!("could not report the messages that were shown: {trouble}"),
            }
        }
    }

    /// Reports what happened to deliveries.
    pub(crate) async fn report_mail(&self, items: Vec<DeliveryReport>) -> Result<Delivery<ReportedInbox>, Trouble> {
        let Fence { session_id, epoch } = self.fence().await?;
        let report = ReportInbox { session_id: Some(session_id), epoch: Some(epoch), venture: None, items };
        Ok(self.identity.client().await?.deliver_report(&report).await?)
    }
}
