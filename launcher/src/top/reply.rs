//! Sends a message to an agent, as a person.

use deckwatch_client::Api;
use tokio::sync::mpsc::UnboundedSender;

use super::model::detail::AgentKey;

/// What came of a message, as a sentence.
pub(super) struct Sent(pub(super) String);

/// Sends the message and says what came of it.
pub(super) async fn send(_api: Api, to: AgentKey, _text: String, sent: UnboundedSender<Sent>) {
    // The screen may be gone.
    let _ = sent.send(Sent(format!("not sent to {}", to.agent)));
}
