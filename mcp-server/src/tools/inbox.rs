//! `inbox`: takes and shows messages, reads one, acknowledges some, or lists those that were sent. `send` sends them.

use deckwatch_client::outbox::Delivery;
use deckwatch_machine::agent_folder::{AgentFolder, MailItem, Room, Waiting};
use deckwatch_protocol::{
    DeliveryId, DeliveryStatus, ErrorCode, EventFilter, EventKind, EventKinds, EventSeq, InboxItem, MessageId,
    MessageRecord, ReportedStatus, Timestamp, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now, sent_later};
use crate::mailbox::report;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::message::{self, ShownMessage};
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
    #[deserr(default)]
    #[schemars(default, example = &["msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF"])]
    acknowledge: Vec<MessageId>,
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
    #[schemars(skip)]
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

/// Takes the messages that wait, and shows as many as fit. The others stay in the folder for the next call.
async fn unread(keeper: &Keeper) -> Result<Facts, Trouble> {
    let folder = keeper.mail_folder().await?;
    let (waiting, outage) = match keeper.receive_mail(&folder).await {
        Ok(waiting) => (waiting, None),
        Err(Trouble::Api(error)) if error.is_outage() => (Waiting::default(), Some(error)),
        Err(trouble) => return Err(trouble),
    };
    let mut page = InboxPage::new(fence(), now());
    page.lines.extend(
        outage.as_ref().map(|error| format!("The API did not answer, so newer messages may wait. {}", sentence(error))),
    );
    let (page, taken, is_busy) = keeper
        .in_mail(&folder, move |folder| {
            let taken = folder.take(|item| page.add(item))?;
            let is_busy = taken.items.is_empty() && folder.has_unread()?;
            Ok((page, taken, is_busy))
        })
        .await?;
    match outage {
        Some(error) if page.messages.is_empty() && !is_busy => return Err(error.into()),
        _ => {}
    }
    if let (Some(next), Some(id)) = (page.next_offset, page.messages.first()) {
        keeper.mail.reads(id, 0, Some(next));
    }
    let more = More { here: taken.left.max(usize::from(is_busy)), stale: taken.stale, is_busy, at_the_api: waiting };
    if !taken.items.is_empty() {
        keeper.mail.show(taken);
    }
    Ok(page.facts(&more))
}

/// The messages of one answer.
struct InboxPage {
    fence: Fence,
    now: Timestamp,
    room: usize,
    lines: Vec<String>,
    messages: Vec<MessageId>,
    next_offset: Option<usize>,
}

/// What an answer does not show.
struct More {
    /// In the folder.
    here: usize,
    /// In the folder, but taken by a server that is gone.
    stale: usize,
    /// Whether another process shows messages now.
    is_busy: bool,
    at_the_api: Waiting,
}

impl InboxPage {
    fn new(fence: Fence, now: Timestamp) -> Self {
        let room = LIMIT.saturating_sub(TAIL + line_cost(WARNING));
        Self { fence, now, room, lines: Vec::new(), messages: Vec::new(), next_offset: None }
    }

    /// Adds a message, if it fits. The first one is cut if it does not.
    fn add(&mut self, item: &MailItem) -> Room {
        let text = ShownMessage { message: &item.message, is_again: item.redelivered || item.may_have_been_shown };
        let piece = text.piece(0, self.now, &self.fence, self.room);
        let is_whole = piece.next_offset.is_none();
        if !is_whole && !self.messages.is_empty() {
            return Room::None;
        }
        let cost = line_cost("") + piece.lines.iter().map(|line| line_cost(line)).sum::<usize>();
        if is_whole && cost > self.room && !self.messages.is_empty() {
            return Room::None;
        }
        self.room = self.room.saturating_sub(cost);
        self.messages.push(item.message.id.clone());
        self.lines.push(String::new());
        self.lines.extend(piece.lines);
        self.next_offset = self.next_offset.or(piece.next_offset);
        if is_whole { Room::Whole } else { Room::Part }
    }

    fn facts(mut self, more: &More) -> Facts {
        let waiting = more.count();
        if self.messages.is_empty() {
            return Facts { report: more.nothing_shown(), waiting, ..Facts::default() };
        }
        self.lines.insert(0, WARNING.to_owned());
        self.lines.extend(more.line());
        Facts { report: self.lines.join("\n"), messages: self.messages, waiting, next_offset: self.next_offset }
    }
}

impl More {
    fn count(&self) -> usize {
        self.here + self.stale + usize::try_from(self.at_the_api.count).unwrap_or(usize::MAX)
    }

    /// The text of an inbox that shows no message.
    fn nothing_shown(&self) -> String {
        let at_the_api = self.at_the_api.count;
        if self.is_busy {
            return "Messages wait, but another process of yours shows messages now. Call `inbox` again.".to_owned();
        }
        if self.stale > 0 {
            return format!(
                "{} messages wait, which an earlier process has taken. Call `sod` to get them.",
                self.stale
            );
        }
        match at_the_api {
            0 => "There are no new messages. `inbox` with `sent` lists those that you sent.".to_owned(),
            1 => "1 message waits, but you are not to be disturbed now.".to_owned(),
            count => format!("{count} messages wait, but you are not to be disturbed now."),
        }
    }

    fn line(&self) -> Option<String> {
        let at_least = if self.at_the_api.is_minimum { "at least " } else { "" };
        match self.count() {
            0 => None,
            1 => Some("\n1 more waits: call `inbox` again to read it.".to_owned()),
            count => Some(format!("\n{at_least}{count} more wait: call `inbox` again to read them.")),
        }
    }
}

/// Reads one message, from a place on.
async fn one(keeper: &Keeper, id: &MessageId, offset: usize) -> Result<Facts, Trouble> {
    let folder = keeper.mail_folder().await?;
    let (mut message, deliveries) = match keeper.identity.api().await?.get_message(id).await {
        Ok(record) => (record.message, record.deliveries),
        Err(error) => match kept(keeper, &folder, id).await? {
            Some(kept) if error.is_outage() => (kept.message, Vec::new()),
            _ => return Err(error.into()),
        },
    };
    keeper.open_message(&mut message).await;
    let (now, fence) = (now(), fence());
    let me = &keeper.identity.me().await?.agent;
    let own = deliveries.iter().find(|delivery| delivery.agent == me.as_str());
    let text = ShownMessage { message: &message, is_again: false };
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2);
    let piece = text.piece(offset, now, &fence, room);
    let mut lines = [vec![WARNING.to_owned(), String::new()], piece.lines].concat();
    let is_all = keeper.mail.reads(id, offset, piece.next_offset);
    let partly_shown = match kept(keeper, &folder, id).await? {
        Some(kept) => Some(kept.delivery_id),
        None => own.filter(|delivery| delivery.partial).map(|delivery| delivery.id.clone()),
    };
    if let Some(delivery_id) = partly_shown {
        if is_all {
            keeper.mail.show_rest(delivery_id, id.clone());
        }
    } else if let Some(delivery) = own
        && matches!(delivery.status, DeliveryStatus::Queued | DeliveryStatus::Offered)
        && !is_unopened(&message)
    {
        let (delivery_id, status, redelivered) = (delivery.id.clone(), delivery.status, delivery.redelivered);
        let item = InboxItem { delivery_id, status, redelivered, message: message.clone() };
        if let Some(mut taken) = keeper.take_one(&folder, item).await? {
            taken.items.iter_mut().for_each(|one| one.is_partial = !is_all);
            keeper.mail.show(taken);
        }
    }
    if message.from == me.as_str() && piece.next_offset.is_none() {
        lines.push("Call `send` with only this id to see who has seen it.".to_owned());
    }
    let (report, messages) = (lines.join("\n"), vec![message.id]);
    Ok(Facts { report, messages, waiting: 0, next_offset: piece.next_offset })
}

/// A message of which only the beginning was shown, as this machine keeps it.
async fn kept(keeper: &Keeper, folder: &AgentFolder, id: &MessageId) -> Result<Option<MailItem>, Trouble> {
    let id = id.clone();
    keeper.in_mail(folder, move |folder| folder.partly_shown(&id)).await
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
        let delivery = if let Some(delivery) = keeper.mail.delivery_of(id) {
            delivery
        } else {
            let record = keeper.identity.api().await?.get_message(id).await?;
            let delivery = own_delivery(keeper, &record).await?.map(|delivery| delivery.id.clone());
            let not_yours = || Violations::at(format!("/acknowledge/{place}"), "is not a message to you");
            delivery.ok_or_else(|| Trouble::Arguments(not_yours()))?
        };
        if deliveries.iter().all(|(_, other)| *other != delivery) {
            deliveries.push((id, delivery));
        }
    }
    let report = |(_, delivery): &(&MessageId, DeliveryId)| report(delivery.clone(), ReportedStatus::Acknowledged);
    let names = || deliveries.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
    let report = match keeper.report_mail(keeper.fence().await?, deliveries.iter().map(report).collect()).await? {
        Delivery::Delivered(reported) => {
            let line = |(id, delivery): &(&MessageId, DeliveryId)| {
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
    Ok(Facts { report, ..Facts::default() })
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
    let mut lines = Vec::new();
    let among = format!("These are at most {SENT} messages, from the newest {EVENTS} events of the API.");
    if records.is_empty() {
        lines.push(format!("You sent no message within the newest {EVENTS} events of the API."));
    } else {
        lines.extend([WARNING.to_owned(), String::new()]);
        let room = LIMIT.saturating_sub(lines.iter().map(|line| line_cost(line)).sum());
        lines.extend(message::sent_part(&records, now, &fence, among).fit(&fence, room).lines);
    }
    let messages = records.into_iter().map(|record| record.message.id).collect();
    Ok(Facts { report: lines.join("\n"), messages, waiting: 0, next_offset: None })
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
