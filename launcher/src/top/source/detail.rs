//! Reads what is shown about one agent.

use deckwatch_client::Api;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{InboxFilter, LatestHandoffFilter, Limit, MessageId};

use super::PAGE;
use crate::top::model::detail::{AgentKey, Detail};

/// A part that can't be read says why, and the others are shown.
pub(super) async fn read(api: &Api, of: AgentKey, messages: &[MessageId]) -> Detail {
    let filter = LatestHandoffFilter {
        venture: Some(of.venture.clone()),
        from_agent: Some(of.agent.clone()),
        ..LatestHandoffFilter::default()
    };
    let handoff = api.latest_handoff(&filter).await.map_err(|error| error.to_string());
    let filter = InboxFilter {
        venture: of.venture.clone(),
        agent: of.agent.clone(),
        limit: Limit::try_from(PAGE).ok(),
        cursor: None,
    };
    let inbox = api.list_inbox(&filter).await;
    let inbox = inbox.map(|page| (page.items, page.total)).map_err(|error| error.to_string());
    let (mut records, mut hidden) = (Vec::new(), 0);
    for id in messages {
        match api.get_message(id).await {
            Ok(record) => records.push(record),
            Err(_) => hidden += 1,
        }
    }
    Detail { of, handoff, inbox, messages: records, hidden, read_at: now() }
}
