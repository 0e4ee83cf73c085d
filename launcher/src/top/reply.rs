//! Sends a message to an agent, as a person.

use std::iter::once;

use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{
    ErrorCode, ExpirySeconds, MessageBody, MessageKind, PersonName, Priority, SendMessage, SentMessage,
};
use tokio::sync::mpsc::UnboundedSender;

use super::model::detail::AgentKey;
use crate::process_env::ProcessEnv;

/// What came of a message, as a sentence.
pub(super) struct Sent(pub(super) String);

/// The name of the person: that of the user of this machine, if it has the form of a name.
pub(super) fn person(env: &ProcessEnv) -> Option<PersonName> {
    env.var("USER").or_else(|| env.var("LOGNAME"))?.to_lowercase().parse().ok()
}

/// Sends the message and says what came of it.
pub(super) async fn send(api: Api, name: Option<PersonName>, to: AgentKey, text: String, sent: UnboundedSender<Sent>) {
    let outcome = match message(name, &to, &text) {
        Ok(message) => outcome(api.send_message(&message).await, &to),
        Err(cause) => format!("not sent to {}: {cause}", to.agent),
    };
    // The screen may be gone.
    let _ = sent.send(Sent(outcome));
}

fn message(name: Option<PersonName>, to: &AgentKey, text: &str) -> Result<SendMessage, String> {
    let body: MessageBody = text.parse().map_err(|error| format!("the text {error}"))?;
    let recipient = to.agent.as_str().parse().map_err(|error| format!("the recipient {error}"))?;
    Ok(SendMessage {
        session_id: None,
        epoch: None,
        venture: Some(to.venture.clone()),
        name,
        to: once(recipient).collect(),
        kind: MessageKind::Note,
        subject: None,
        body: Some(body),
        reply_to: None,
        priority: Priority::Next,
        expires_in_seconds: ExpirySeconds::default(),
        ack_required: false,
        sealed: None,
    })
}

/// Says no more than is known: the message is queued, and nobody has read it yet.
fn outcome(answer: Result<SentMessage, ClientError>, to: &AgentKey) -> String {
    match answer {
        Ok(sent) => {
            let status = sent.recipients.items.first().map_or("recorded", |delivery| delivery.status.as_str());
            format!("{status} for {} as a message from {}", to.agent, sent.from)
        }
        Err(ClientError::Unreachable { cause, is_sent: true, .. }) => {
            format!("it is not known whether {} gets it: no answer: {cause}", to.agent)
        }
        Err(error) if error.code() == Some(ErrorCode::Forbidden) => {
            format!("not sent to {}: this key may not; set ADMIN_API_KEY or use a token with the scope human", to.agent)
        }
        Err(error) => format!("not sent to {}: {error}", to.agent),
    }
}
