//! `launcher send`: a message from a person to agents.

use std::io::Read as _;

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{
    ErrorCode, ExpirySeconds, Message, MessageBody, MessageKind, PersonName, Recipient, SendMessage, SentMessage,
    VentureCode,
};

use super::Send;
use super::source::{PersonSource, refused};
use crate::context_api;
use crate::error::LaunchError;
use crate::json_output;
use crate::message_error::MessageError;
use crate::output;
use crate::process_env::ProcessEnv;

/// The argument that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Sends a message, and says who gets it.
pub(crate) fn run(send: &Send, env: &ProcessEnv) -> Result<(), LaunchError> {
    if send.sealed {
        return Err(MessageError::Sealed.into());
    }
    let (to, text) = recipients_and_text(send)?;
    let source = PersonSource::open(&send.place, false, env)?;
    let venture = source.venture()?;
    let Some(api) = source.api() else {
        return Err(source.unknown_venture(&send.place).unwrap_or_else(|| MessageError::NoVenture.into()));
    };
    let body = body(text)?;
    let answer = context_api::runtime()?.block_on(async {
        let to = if to.is_empty() { vec![sender_of(api, send).await?] } else { to };
        let message = message(send, venture, to, body, name(send, env));
        api.send_message(&message).await.map_err(|error| not_sent(error, &source, send))
    })?;
    if send.place.json { json_output::print(&answer) } else { print(&answer) }
}

/// The recipients, and the last argument.
fn recipients_and_text(send: &Send) -> Result<(Vec<Recipient>, &str), MessageError> {
    let (text, to) = send.arguments.split_last().ok_or(MessageError::NoText)?;
    if to.is_empty() && send.reply_to.is_none() {
        // One word is a recipient without a text, or a text without a recipient.
        let is_recipient = text.parse::<Recipient>().is_ok();
        return Err(if is_recipient { MessageError::NoText } else { MessageError::NoRecipient });
    }
    let parse = |word: &String| {
        let bad = |reason: deckwatch_protocol::Invalid| MessageError::BadRecipient {
            word: clean_line(word),
            reason: reason.to_string(),
        };
        word.parse::<Recipient>().map_err(bad)
    };
    Ok((to.iter().map(parse).collect::<Result<_, _>>()?, text))
}

fn body(text: &str) -> Result<MessageBody, MessageError> {
    let input;
    let text = if text == STANDARD_INPUT {
        // A text of so many bytes is too long, also if it is cut within a character.
        let limit = 2 * MessageBody::MAX_CHARS as u64;
        let mut bytes = Vec::new();
        std::io::stdin().take(limit).read_to_end(&mut bytes).map_err(MessageError::Input)?;
        input = String::from_utf8_lossy(&bytes).into_owned();
        input.trim_end()
    } else {
        text
    };
    text.parse().map_err(|invalid: deckwatch_protocol::Invalid| MessageError::BadText(invalid.to_string()))
}

fn message(
    send: &Send,
    venture: &VentureCode,
    to: Vec<Recipient>,
    body: MessageBody,
    name: Option<PersonName>,
) -> SendMessage {
    let default = if send.reply_to.is_some() { MessageKind::Answer } else { MessageKind::Note };
    SendMessage {
        session_id: None,
        epoch: None,
        venture: Some(venture.clone()),
        name,
        to,
        kind: send.kind.unwrap_or(default),
        subject: None,
        body: Some(body),
        reply_to: send.reply_to.clone(),
        priority: send.priority,
        expires_in_seconds: ExpirySeconds::default(),
        ack_required: send.ack,
        sealed: None,
    }
}

/// The name of the person, which counts only with an admin key.
fn name(send: &Send, env: &ProcessEnv) -> Option<PersonName> {
    send.name.clone().or_else(|| ["USER", "LOGNAME"].iter().find_map(|name| env.var(name)?.parse().ok()))
}

/// Who gets the answer to the message in `--reply-to`.
async fn sender_of(api: &Api, send: &Send) -> Result<Recipient, LaunchError> {
    let Some(id) = &send.reply_to else { return Err(MessageError::NoRecipient.into()) };
    let found = api.get_message(id).await.map_err(|error| match error.code() {
        Some(ErrorCode::MessageNotFound) => MessageError::NoSuchMessage(id.to_string()).into(),
        _ => refused(error),
    })?;
    let from = found.message.from;
    let no_reply = || MessageError::NoReply(id.to_string()).into();
    from.parse().ok().filter(|_| from != Message::ENGINE).ok_or_else(no_reply)
}

fn not_sent(error: ClientError, source: &PersonSource, send: &Send) -> LaunchError {
    match &error {
        ClientError::Unreachable { is_sent: true, .. } => MessageError::Unknown(error.to_string()).into(),
        _ if error.code() == Some(ErrorCode::VentureNotRegistered) => {
            source.unknown_venture(&send.place).unwrap_or_else(|| refused(error))
        }
        _ => refused(error),
    }
}

fn print(sent: &SentMessage) -> Result<(), LaunchError> {
    let names = sent.recipients.items.iter();
    let names: Vec<String> = names.map(|one| format!("{} ({})", clean_line(&one.agent), one.status.as_str())).collect();
    let more = sent.recipients.total.saturating_sub(sent.recipients.shown);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let line = format!("Sent {} as {} to {}{more}.", sent.id, clean_line(&sent.from), names.join(", "));
    output::print(|out| std::io::Write::write_all(out, format!("{line}\n").as_bytes()))
}
