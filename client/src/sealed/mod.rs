//! Sealed messages: the text is encrypted on this machine for exactly its recipients, so that the engine can't read it.
//!
//! [`send`] seals and sends. [`open`] decrypts what an agent has taken. The text in clear is never stored on disk: a message
//! whose recipients' keys can't be read is refused, and only a sealed one waits in the outbox.

mod agent_keys;
mod boxes;
mod key_pair;
#[cfg(test)]
mod tests;

use deckwatch_protocol::{
    Address, Agent, ErrorCode, Message, MessageBody, Operation, PublicKey, RecipientFilter, Recipients, SendMessage,
    SentMessage, SessionId,
};
use serde_json::json;

pub use self::agent_keys::{AgentKeys, ChangedKey};
pub use self::boxes::{BoxError, key_id, open as open_box, seal};
pub use self::key_pair::{KeyError, KeyPair};
use crate::api::{Api, ClientError};
use crate::context_client::ContextClient;
use crate::outbox::Delivery;

/// A sealed message that was sent or queued.
#[derive(Debug)]
pub struct SealedDelivery {
    /// What happened to the message.
    pub delivery: Delivery<SentMessage>,
    /// The recipients that have another key than the last time.
    pub changed_keys: Vec<ChangedKey>,
}

/// Why a message was not sealed and not sent. It was not queued either.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A person has no key.
    #[error(
        "The message was not sent: a sealed message can't go to `human`, who has no key. Send it to agents only, or without sealing it."
    )]
    ToHuman,
    /// A subject is not encrypted.
    #[error(
        "The message was not sent: a sealed message can't have a subject, because a subject is not encrypted. Write it into the text."
    )]
    HasSubject,
    /// There is no text.
    #[error("The message was not sent: it has no text.")]
    NoText,
    /// Some recipients have no key.
    #[error("The message was not sent: {} {} no public key, so it can't be sealed for {}. An agent gets its key when it starts its day with this version of Deckwatch. Send the message when it has, or without sealing it if others may read it.", .0.join(", "), has(.0), them(.0))]
    NoKey(Vec<String>),
    /// The recipients changed again and again.
    #[error("The message was not sent: its recipients changed twice while it was sealed for them. Send it again.")]
    RecipientsChanged,
    /// The keys of the recipients can't be read.
    #[error(
        "The message was not sent and not queued: sealing it needs the public keys of its recipients, and a text in clear is not kept on disk. Keep the text and send it again later. {0}"
    )]
    KeysUnreachable(ClientError),
    /// The text could not be encrypted.
    #[error("The message was not sent: {0}.")]
    Box(#[from] BoxError),
    /// The API or the outbox refused the message.
    #[error(transparent)]
    Api(ClientError),
}

fn has(agents: &[String]) -> &'static str {
    if agents.len() == 1 { "has" } else { "have" }
}

fn them(agents: &[String]) -> &'static str {
    if agents.len() == 1 { "it" } else { "them" }
}

/// Seals the text of a message for its recipients, and sends it. If the recipients have changed in between, reads them once
/// more and seals it again. If the API can't be reached after it was sealed, the sealed message is queued.
pub async fn send(client: &ContextClient, keys: &AgentKeys, message: SendMessage) -> Result<SealedDelivery, SealError> {
    let text = checked(client.api(), &message)?;
    let mut changed_keys = Vec::new();
    for _ in 0..2 {
        let to = recipients(client.api(), &message).await?;
        changed_keys.extend(to.iter().filter_map(|(agent, key)| keys.remember(agent, key)));
        let sealed = seal(text.as_str(), keys.pair(), &to)?;
        let sealed = SendMessage { body: None, sealed: Some(sealed), ..message.clone() };
        match client.deliver_message(&sealed).await {
            Ok(delivery) => return Ok(SealedDelivery { delivery, changed_keys }),
            Err(error) if error.code() == Some(ErrorCode::RecipientsChanged) => {}
            Err(error) => return Err(SealError::Api(error)),
        }
    }
    Err(SealError::RecipientsChanged)
}

/// The text of a message that may be sealed. It contains no secret.
fn checked(api: &Api, message: &SendMessage) -> Result<MessageBody, SealError> {
    if message.to.iter().any(|to| to.address() == Address::Human) {
        return Err(SealError::ToHuman);
    }
    if message.subject.is_some() {
        return Err(SealError::HasSubject);
    }
    let text = message.body.clone().ok_or(SealError::NoText)?;
    api.refuse_secrets(Operation::SendMessage, &json!({ "body": text })).map_err(SealError::Api)?;
    Ok(text)
}

/// The agents that the message reaches now, with their keys.
async fn recipients(api: &Api, message: &SendMessage) -> Result<Vec<(Agent, PublicKey)>, SealError> {
    let SendMessage { session_id, venture, .. } = message.clone();
    let filter = RecipientFilter { session_id, venture, to: joined(message)? };
    let (mut with_key, mut without) = (Vec::new(), Vec::new());
    for reached in api.list_recipients(&filter).await.map_err(unread)?.items {
        match (reached.agent.parse(), reached.public_key) {
            (Ok(agent), Some(key)) => with_key.push((agent, key)),
            _ => without.push(reached.agent),
        }
    }
    if without.is_empty() { Ok(with_key) } else { Err(SealError::NoKey(without)) }
}

fn joined(message: &SendMessage) -> Result<Recipients, SealError> {
    let to: Vec<&str> = message.to.iter().map(deckwatch_protocol::Recipient::as_str).collect();
    to.join(",")
        .parse()
        .map_err(|error| SealError::Box(BoxError::WrongForm(format!("the recipients can't be listed: {error}"))))
}

fn unread(error: ClientError) -> SealError {
    if error.is_passing() { SealError::KeysUnreachable(error) } else { SealError::Api(error) }
}

/// The text of a sealed message.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The text.
    pub text: String,
    /// The change, if the sender has another key than the last time.
    pub changed_key: Option<ChangedKey>,
}

/// Decrypts a sealed message that this agent has taken in this session. `None` if it can't be opened: report it as refused
/// with the reason `key_unavailable`.
pub async fn open(api: &Api, keys: &AgentKeys, session_id: &SessionId, message: &Message) -> Option<Opened> {
    let sealed = message.sealed.as_ref()?;
    let from: Agent = message.from.parse().ok()?;
    let sender_key = match &sealed.sender_key {
        Some(key) => key.clone(),
        None => listed_key(api, session_id, &from).await.or_else(|| keys.known(&from))?,
    };
    let text = open_box(sealed, keys.agent(), keys.pair(), &sender_key)?;
    Some(Opened { text, changed_key: keys.remember(&from, &sender_key) })
}

/// The key of the newest session of an agent.
async fn listed_key(api: &Api, session_id: &SessionId, agent: &Agent) -> Option<PublicKey> {
    let to = agent.as_str().parse().ok()?;
    let filter = RecipientFilter { session_id: Some(session_id.clone()), venture: None, to };
    let listed = api.list_recipients(&filter).await;
    let listed = listed.inspect_err(|error| log::warn!("the public key of {agent} can't be read: {error}")).ok()?;
    listed.items.into_iter().find(|reached| reached.agent == agent.as_str())?.public_key
}
