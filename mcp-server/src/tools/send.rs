//! `send`: sends a message, or shows what became of one. `inbox` reads messages.

use deckwatch_client::ContextClient;
use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::{Delivery, LostResponse, Queued};
use deckwatch_client::sealed::{self, SealError};
use deckwatch_protocol::{
    ErrorCode, ExpirySeconds, Fence, Message, MessageBody, MessageId, MessageKind, MessageRecord, Priority, Recipient,
    SendMessage, SentMessage, Violation, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now, sent_later};
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::render::message;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report about the recipients of a message.
const LIMIT: usize = 6_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// Agents, `@group`, `@group:role`, `@all`, `human`.
    #[deserr(default)]
    #[schemars(example = &["mac2-codex-1"])]
    to: Option<Vec<Recipient>>,
    #[deserr(default)]
    #[schemars(default, with = "MessageKind", transform = schema::undescribed)]
    kind: Option<MessageKind>,
    #[deserr(default)]
    body: Option<MessageBody>,
    /// Instead of `to`.
    #[deserr(default)]
    #[schemars(example = &"msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    reply_to: Option<MessageId>,
    #[deserr(default)]
    #[schemars(default, with = "Priority", transform = schema::undescribed)]
    priority: Option<Priority>,
    #[deserr(default)]
    #[schemars(default)]
    ack_required: bool,
    #[deserr(default)]
    #[schemars(default)]
    sealed: bool,
    #[deserr(default)]
    #[schemars(example = &"msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<MessageId>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// What happened, as text.
    pub(super) report: String,
    /// True when it waits on this machine and is not sent yet.
    queued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    /// How many agents get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    recipients: Option<u32>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    match arguments.request()? {
        SendRequest::Status(id) => status(keeper, &id).await,
        SendRequest::Message(draft) => send(keeper, draft).await,
    }
}

enum SendRequest {
    Status(MessageId),
    Message(Draft),
}

/// A message without its sender.
struct Draft {
    to: Option<Vec<Recipient>>,
    kind: MessageKind,
    body: MessageBody,
    reply_to: Option<MessageId>,
    priority: Priority,
    ack_required: bool,
    is_sealed: bool,
}

impl Arguments {
    fn request(self) -> Result<SendRequest, Trouble> {
        let Self { to, kind, body, reply_to, priority, ack_required, sealed: is_sealed, id } = self;
        let to = to.filter(|to| !to.is_empty());
        let has_more = to.is_some() || kind.is_some() || body.is_some() || reply_to.is_some() || priority.is_some();
        match (id, body) {
            (Some(_), _) if has_more || ack_required || is_sealed => Err(Trouble::Arguments(Violations::at(
                "/id",
                "asks for the status of a message that was sent, and can't be combined with other arguments",
            ))),
            (Some(id), _) => Ok(SendRequest::Status(id)),
            (None, Some(body)) if to.is_some() || reply_to.is_some() => {
                let default = if reply_to.is_some() { MessageKind::Answer } else { MessageKind::Note };
                let (kind, priority) = (kind.unwrap_or(default), priority.unwrap_or_default());
                Ok(SendRequest::Message(Draft { to, kind, body, reply_to, priority, ack_required, is_sealed }))
            }
            (None, body) => {
                let is_required =
                    |pointer: &str| Violation { pointer: pointer.to_owned(), detail: "is required".into() };
                let to = (to.is_none() && reply_to.is_none()).then(|| is_required("/to"));
                let body = body.is_none().then(|| is_required("/body"));
                Err(Trouble::Arguments(Violations(to.into_iter().chain(body).collect())))
            }
        }
    }
}

async fn send(keeper: &Keeper, draft: Draft) -> Result<Facts, Trouble> {
    let fence = keeper.fence().await?;
    let client = keeper.identity.client().await?;
    let to = match (draft.to, &draft.reply_to) {
        (Some(to), _) => to,
        (None, Some(replied)) => vec![sender_of(client, replied).await?],
        (None, None) => Vec::new(),
    };
    let Fence { session_id, epoch } = fence;
    let message = SendMessage {
        session_id: Some(session_id),
        epoch: Some(epoch),
        venture: None,
        name: None,
        to,
        kind: draft.kind,
        subject: None,
        body: Some(draft.body),
        reply_to: draft.reply_to,
        priority: draft.priority,
        expires_in_seconds: ExpirySeconds::default(),
        ack_required: draft.ack_required,
        sealed: None,
    };
    let (delivery, changed_keys) = if draft.is_sealed {
        let sealed = sealed::send(client, keeper.identity.keys().await?, message).await;
        let sealed = sealed.map_err(|error| match error {
            SealError::Api(error) => named(error),
            error => error.into(),
        })?;
        (sealed.delivery, sealed.changed_keys)
    } else {
        (client.deliver_message(&message).await.map_err(named)?, Vec::new())
    };
    let facts = match delivery {
        Delivery::Delivered(sent) => sent_facts(&sent),
        Delivery::ResponseLost(lost) => Facts { report: recorded_report(&lost), ..Facts::default() },
        Delivery::Queued(queued) => {
            keeper.pending.notify();
            Facts { report: queued_report(&queued), queued: true, ..Facts::default() }
        }
    };
    let changes = changed_keys.iter().map(|changed| format!("\n{changed}"));
    Ok(Facts { report: facts.report + &changes.collect::<String>(), ..facts })
}

/// Who gets a reply to the message `id`.
async fn sender_of(client: &ContextClient, id: &MessageId) -> Result<Recipient, Trouble> {
    let from = client.api().get_message(id).await?.message.from;
    let no_reply = || {
        let detail = "is a message of the engine, which reads no answers: name the recipients in `to`";
        Trouble::Arguments(Violations::at("/reply_to", detail))
    };
    from.parse().ok().filter(|_| from != Message::ENGINE).ok_or_else(no_reply)
}

/// Unknown recipients as errors of the arguments, so that the error shows the names that were sent.
fn named(error: ClientError) -> Trouble {
    match error {
        ClientError::Refused(problem) if problem.code == ErrorCode::RecipientUnknown && !problem.errors.is_empty() => {
            let with_advice = |one: Violation| {
                let detail = format!("{}; `context` lists the active agents", clean_line(&one.detail));
                Violation { detail, ..one }
            };
            Trouble::Arguments(Violations(problem.errors.into_iter().map(with_advice).collect()))
        }
        error => error.into(),
    }
}

async fn status(keeper: &Keeper, id: &MessageId) -> Result<Facts, Trouble> {
    let record = keeper.identity.api().await?.get_message(id).await?;
    let recipients = u32::try_from(record.deliveries.len()).ok();
    let report = status_report(&record);
    Ok(Facts { report, message_id: Some(record.message.id), recipients, queued: false })
}

fn status_report(record: &MessageRecord) -> String {
    let fence = fence();
    let part = message::deliveries_part(record, now(), &fence).fit(&fence, LIMIT);
    format!("{WARNING}\n\n{}", part.lines.join("\n"))
}

fn sent_facts(sent: &SentMessage) -> Facts {
    let (id, total) = (&sent.id, sent.recipients.total);
    let recipients = message::recipients_line(sent, LIMIT);
    let report = format!(
        "Message {id} is recorded for {recipients}.\n`queued` means that the agent has not seen it yet. Call `send` with only \
         the id of the message to see who has. An answer comes to your `inbox`."
    );
    Facts { report, queued: false, message_id: Some(id.clone()), recipients: Some(total) }
}

fn recorded_report(lost: &LostResponse) -> String {
    let cause = clean_line(&lost.cause);
    format!(
        "The message is recorded. Do not repeat it.\nIts id and its recipients are not known: {cause}. `inbox` with `sent` \
         finds it."
    )
}

fn queued_report(queued: &Queued) -> String {
    let (cause, later) = (clean_line(&queued.cause), sent_later(queued));
    format!(
        "The message is QUEUED on this machine and not sent yet: {cause}.\n{later} Its recipients are checked when it is sent. \
         If one of them is not known then, it is not sent, and a later `sod` says so."
    )
}
