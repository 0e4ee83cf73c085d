//! `inbox`: takes and shows messages, reads one, acknowledges some, or lists those that were sent. `send` sends them.

use deckwatch_client::outbox::Delivery;
use deckwatch_protocol::{
    DeliveryReport, DeliveryStatus, ErrorCode, EventFilter, EventKind, EventKinds, EventSeq, MessageId, MessageRecord,
    ReportedStatus, Timestamp, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now, sent_later};
use crate::mail::WaitingMail;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::message::{self, ShownMessage};
use crate::render::outbox;
use crate::sealing::is_unopened;
use crate::session::Keeper;
use crate::trouble::{Trouble, sentence};

/// The size limit of the report. The other fields need less than 1,000 characters.
const LIMIT: usize = 8_000;
/// The space for the last lines.
const TAIL: usize = 300;
/// How many messages are acknowledged at once.
const MAX_ACKNOWLEDGED: usize = 20;
/// How many sent messages are listed, and among how many of the newest events of the API they are looked for.
const SENT: usize = 10;
const EVENTS: u64 = 1_000;

#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    #[schemars(example = &"msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<MessageId>,
    #[deserr(default)]
    offset: Option<u32>,
    /// Ids of messages.
    #[deserr(default)]
    #[schemars(default, example = &["msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF"])]
    acknowledge: Vec<MessageId>,
    /// List your own messages.
    #[deserr(default)]
    #[schemars(default)]
    sent: bool,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The messages, as text.
    pub(super) report: String,
    /// The ids of those that are shown.
    messages: Vec<MessageId>,
    /// How many more wait.
    waiting: usize,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    match arguments.request()? {
        InboxRequest::Unread => unread(keeper).await,
        InboxRequest::One { id, offset } => one(keeper, &id, offset).await,
        InboxRequest::Acknowledge(ids) => acknowledge(keeper, &ids).await,
        InboxRequest::Sent => sent(keeper).await,
    }
}

enum InboxRequest {
    Unread,
    One { id: MessageId, offset: usize },
    Acknowledge(Vec<MessageId>),
    Sent,
}

impl Arguments {
    fn request(self) -> Result<InboxRequest, Trouble> {
        let Self { id, offset, acknowledge, sent } = self;
        let wrong = |pointer: &str, detail: &str| Err(Trouble::Arguments(Violations::at(pointer, detail)));
        match (id, offset) {
            (Some(_), _) if sent || !acknowledge.is_empty() => {
                wrong("/id", "reads one message and can be combined only with offset")
            }
            (Some(id), offset) => {
                Ok(InboxRequest::One { id, offset: offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX)) })
            }
            (None, Some(_)) => wrong("/offset", "needs id"),
            (None, None) if acknowledge.len() > MAX_ACKNOWLEDGED => wrong("/acknowledge", "must have at most 20 items"),
            (None, None) if sent && !acknowledge.is_empty() => wrong("/sent", "can't be combined with acknowledge"),
            (None, None) if sent => Ok(InboxRequest::Sent),
            (None, None) if acknowledge.is_empty() => Ok(InboxRequest::Unread),
            (None, None) => Ok(InboxRequest::Acknowledge(acknowledge)),
        }
    }
}

/// Takes the messages that wait, and shows as many as fit. The others stay in this process for the next call.
async fn unread(keeper: &Keeper) -> Result<Facts, Trouble> {
    let (waiting, outage) = match keeper.take_mail().await {
        Ok(waiting) => (waiting, None),
        Err(Trouble::Api(error)) if error.is_outage() && keeper.mail.waiting() > 0 => {
            let line = format!("The API did not answer, so newer messages may wait there. {}", sentence(&error));
            (WaitingMail { count: 0, is_minimum: true }, Some(line))
        }
        Err(trouble) => return Err(trouble),
    };
    let facts = shown(keeper, waiting, outage, now(), &fence());
    Ok(facts)
}

fn shown(keeper: &Keeper, waiting: WaitingMail, outage: Option<String>, now: Timestamp, fence: &Fence) -> Facts {
    let (mut lines, mut messages, mut next_offset) = (Vec::new(), Vec::new(), None);
    lines.extend(outage);
    lines.push(WARNING.to_owned());
    let mut room = LIMIT.saturating_sub(TAIL + lines.iter().map(|line| line_cost(line)).sum::<usize>());
    while let Some(item) = keeper.mail.next() {
        let text = ShownMessage { message: &item.message, redelivered: item.redelivered };
        if !messages.is_empty() && !text.fits(now, fence, room) {
            break;
        }
        let piece = text.piece(0, now, fence, room);
        let (status, reason) = if is_unopened(&item.message) {
            (ReportedStatus::Refused, "key_unavailable".parse().ok())
        } else {
            (ReportedStatus::Surfaced, None)
        };
        let partial = piece.next_offset.is_some();
        keeper.mail.show(DeliveryReport { delivery_id: item.delivery_id, status, at: now, partial, reason });
        messages.push(item.message.id);
        lines.push(String::new());
        room = room.saturating_sub(line_cost("") + piece.lines.iter().map(|line| line_cost(line)).sum::<usize>());
        lines.extend(piece.lines);
        next_offset = next_offset.or(piece.next_offset);
    }
    let here = keeper.mail.waiting();
    let waiting = WaitingMail { count: here + waiting.count, ..waiting };
    if messages.is_empty() {
        return Facts { report: nothing(waiting), waiting: waiting.count, ..Facts::default() };
    }
    lines.extend(more(waiting));
    Facts { report: lines.join("\n"), messages, waiting: waiting.count, next_offset }
}

/// The text of an inbox that shows no message. The mode of a session may hold messages back.
fn nothing(waiting: WaitingMail) -> String {
    match waiting.count {
        0 => "There are no new messages. `inbox` with `sent` lists those that you sent.".to_owned(),
        count => format!("{count} messages wait, but you are not to be disturbed now, so they are not shown yet."),
    }
}

fn more(waiting: WaitingMail) -> Option<String> {
    let at_least = if waiting.is_minimum { "at least " } else { "" };
    (waiting.count > 0).then(|| format!("\n{at_least}{} more wait: call `inbox` again to read them.", waiting.count))
}

/// Reads one message, from a place on.
async fn one(keeper: &Keeper, id: &MessageId, offset: usize) -> Result<Facts, Trouble> {
    let mut record = keeper.identity.api().await?.get_message(id).await?;
    if record.message.sealed.is_some() {
        keeper.open_message(&mut record.message).await;
    }
    let own = own_delivery(keeper, &record).await?;
    let (now, fence) = (now(), fence());
    let text = ShownMessage { message: &record.message, redelivered: false };
    let piece = text.piece(offset, now, &fence, LIMIT.saturating_sub(line_cost(WARNING) + 2));
    if let Some(delivery) = own
        && matches!(delivery.status, DeliveryStatus::Queued | DeliveryStatus::Offered)
        && !is_unopened(&record.message)
    {
        let partial = offset > 0 || piece.next_offset.is_some();
        let (delivery_id, status) = (delivery.id.clone(), ReportedStatus::Surfaced);
        keeper.mail.show(DeliveryReport { delivery_id, status, at: now, partial, reason: None });
    }
    Ok(Facts {
        report: format!("{WARNING}\n\n{}", piece.lines.join("\n")),
        messages: vec![record.message.id],
        waiting: keeper.mail.waiting(),
        next_offset: piece.next_offset,
    })
}

/// The delivery of a message to this agent.
async fn own_delivery<'a>(
    keeper: &Keeper,
    record: &'a MessageRecord,
) -> Result<Option<&'a deckwatch_protocol::Delivery>, Trouble> {
    let me = &keeper.identity.me().await?.agent;
    Ok(record.deliveries.iter().find(|delivery| delivery.agent == me.as_str()))
}

async fn acknowledge(keeper: &Keeper, ids: &[MessageId]) -> Result<Facts, Trouble> {
    let mut deliveries = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        let delivery = match keeper.mail.delivery_of(id) {
            Some(delivery) => delivery,
            None => {
                let record = keeper.identity.api().await?.get_message(id).await?;
                let delivery = own_delivery(keeper, &record).await?.map(|delivery| delivery.id.clone());
                let not_yours = || Violations::at(format!("/acknowledge/{place}"), "is not a message to you");
                delivery.ok_or_else(|| Trouble::Arguments(not_yours()))?
            }
        };
        if deliveries.iter().all(|(_, other)| *other != delivery) {
            deliveries.push((id, delivery));
        }
    }
    let report = |(_, delivery): &(&MessageId, _)| DeliveryReport {
        delivery_id: Clone::clone(delivery),
        status: ReportedStatus::Acknowledged,
        at: now(),
        partial: false,
        reason: None,
    };
    let names = || deliveries.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
    let report = match keeper.report_mail(deliveries.iter().map(report).collect()).await? {
        Delivery::Delivered(reported) => {
            let line = |(id, delivery): &(&MessageId, _)| {
                let status =
                    reported.items.iter().find(|item| item.delivery_id == *delivery).and_then(|item| item.status);
                format!("{id}: {}", status.map_or("not known any more", DeliveryStatus::as_str))
            };
            deliveries.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Delivery::ResponseLost(_) => format!("Acknowledged: {}.", names()),
        Delivery::Queued(queued) => {
            keeper.pending.notify();
            let cause = clean_line(&queued.cause);
            format!("The acknowledgement of {} is QUEUED on this machine: {cause}.\n{}", names(), sent_later(&queued))
        }
    };
    Ok(Facts { report, waiting: keeper.mail.waiting(), ..Facts::default() })
}

/// The newest messages that this agent sent, from any machine.
async fn sent(keeper: &Keeper) -> Result<Facts, Trouble> {
    let api = keeper.identity.api().await?;
    let mut records = Vec::new();
    for id in sent_ids(keeper).await? {
        match api.get_message(&id).await {
            Ok(record) => records.push(record),
            // It was deleted in the meantime.
            Err(error) if error.code() == Some(ErrorCode::MessageNotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (now, fence) = (now(), fence());
    let mut lines = outbox::lines(&keeper.waiting().await);
    let among = format!("Looked for at most {SENT} messages among the newest {EVENTS} events of the API.");
    if records.is_empty() {
        lines.push(format!("There are no sent messages. {among}"));
    } else {
        lines.extend([WARNING.to_owned(), String::new()]);
        let room = LIMIT.saturating_sub(lines.iter().map(|line| line_cost(line)).sum());
        lines.extend(message::sent_part(&records, now, &fence, among).fit(&fence, room).lines);
    }
    let messages = records.into_iter().map(|record| record.message.id).collect();
    Ok(Facts { report: lines.join("\n"), messages, waiting: keeper.mail.waiting(), next_offset: None })
}

/// The ids of the messages that this agent sent, newest first.
async fn sent_ids(keeper: &Keeper) -> Result<Vec<MessageId>, Trouble> {
    let (api, place) = (keeper.identity.api().await?, keeper.identity.place().await?);
    let me = &keeper.identity.me().await?.agent;
    let mut filter = EventFilter {
        venture: Some(place.venture.code.clone()),
        kinds: Some(EventKinds::of(&[EventKind::MessageSent])),
        after: None,
        limit: 1_u64.try_into().ok(),
    };
    let head = api.list_events(&filter).await?.head;
    filter.limit = 100_u64.try_into().ok();
    filter.after = head.checked_sub(EVENTS).and_then(|after| EventSeq::try_from(after).ok());
    let mut ids = Vec::new();
    loop {
        let page = api.list_events(&filter).await?;
        let own = page.items.iter().filter(|event| event.agent.as_ref() == Some(me));
        ids.extend(own.filter_map(|event| event.subject.parse::<MessageId>().ok()));
        if page.next_after >= head {
            break;
        }
        filter.after = EventSeq::try_from(page.next_after).ok();
    }
    Ok(ids.into_iter().rev().take(SENT).collect())
}
