//! Reports what the hooks have shown.

use deckwatch_client::outbox::Delivery;
use deckwatch_machine::agent_folder::{AgentFolder, Shown};
use deckwatch_protocol::{DeliveryReport, Fence, ReportInbox, ReportedStatus};

use super::in_folder;
use super::post::Stopped;
use crate::session::Keeper;

/// Reports what was shown and is not reported yet. Returns how many deliveries that are. What can't be sent now is in the
/// outbox, or is reported later.
pub(super) async fn send(keeper: &Keeper, folder: &AgentFolder, fence: &Fence) -> Result<usize, Stopped> {
    let shown = in_folder(folder, AgentFolder::shown).await?;
    for part in shown.chunks(ReportInbox::MAX_ITEMS) {
        let Fence { session_id, epoch } = fence.clone();
        let items = part.iter().map(report_of).collect();
        let report = ReportInbox { session_id: Some(session_id), epoch: Some(epoch), venture: None, items };
        match keeper.identity.client().await?.deliver_report(&report).await? {
            Delivery::Delivered(_) | Delivery::ResponseLost(_) => {}
            Delivery::Queued(_) => keeper.pending.notify(),
        }
        let reported: Vec<_> = part.iter().map(|shown| shown.delivery_id.clone()).collect();
        in_folder(folder, move |folder| folder.reported(reported)).await?;
    }
    Ok(shown.len())
}

fn report_of(shown: &Shown) -> DeliveryReport {
    DeliveryReport {
        delivery_id: shown.delivery_id.clone(),
        status: ReportedStatus::Surfaced,
        at: shown.at,
        partial: shown.partial,
        reason: None,
    }
}
