//! Messages: the text of one, and what became of those that were sent.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Delivery, DeliveryStatus, Message, MessageRecord, Priority, SentMessage, Timestamp};

use super::budget::{clip, line_cost};
use super::clean::clean_line;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};

/// The limit for the name of a sender or of a recipient.
const NAME_COST: usize = 80;
const SUBJECT_COST: usize = 240;
const SEALED: &str = "(The text is sealed, and this machine has no key for it.)";

/// The recipients of a message when it was sent, with their status.
pub(crate) fn recipients_line(sent: &SentMessage, limit: usize) -> String {
    let total = sent.recipients.total;
    let count = if total == 1 { "1 recipient".to_owned() } else { format!("{total} recipients") };
    let name = |agent: &str| clip(&clean_line(agent), NAME_COST);
    let item = |one: &deckwatch_protocol::SentDelivery| format!("{} ({})", name(&one.agent), one.status.as_str());
    let names: Vec<String> = sent.recipients.items.iter().map(item).collect();
    let more = total.saturating_sub(sent.recipients.shown);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{count}: {}{more}", clip(&names.join(", "), limit))
}

/// What became of a message: a line for each recipient.
pub(crate) fn deliveries_part(record: &MessageRecord, now: Timestamp, fence: &Fence) -> Part {
    let message = &record.message;
    let items = record.deliveries.iter().map(|delivery| vec![delivery_line(delivery, now, fence)]).collect();
    let total = Total::exactly(record.deliveries.len());
    Part {
        heading: format!(
            "## {} {}, sent {}: recipients {total}",
            message.kind.as_str(),
            message.id,
            ago(message.sent_at, now)
        ),
        remark: None,
        holds: "the recipients of a message",
        groups: vec![Group::of("recipients", items, total, Cut::Never)],
        more: "".into(),
    }
}

fn delivery_line(delivery: &Delivery, now: Timestamp, fence: &Fence) -> String {
    let agent = clip(&fence.line(&delivery.agent), NAME_COST);
    format!("{agent}: {}", status(delivery, now, fence))
}

/// The status of a delivery, with its time.
fn status(delivery: &Delivery, now: Timestamp, fence: &Fence) -> String {
    let age = |at: Option<Timestamp>| at.map_or(String::new(), |at| format!(" {}", ago(at, now)));
    let partial = if delivery.partial { ", only its beginning" } else { "" };
    let redelivered = if delivery.redelivered { ", sent again to another machine" } else { "" };
    let text = match delivery.status {
        DeliveryStatus::Queued => format!("queued{}, not seen yet", age(Some(delivery.queued_at))),
        DeliveryStatus::Offered => {
            format!("offered{}: its process has it, the agent has not seen it yet", age(delivery.offered_at))
        }
        DeliveryStatus::Surfaced => format!("surfaced{}{partial}", age(delivery.surfaced_at)),
        DeliveryStatus::Acknowledged => format!("acknowledged{}{partial}", age(delivery.acknowledged_at)),
        DeliveryStatus::Refused => {
            let reason = delivery.reason.as_deref().map_or("no reason given", |reason| reason);
            format!("refused{}: {}", age(delivery.ended_at), clip(&fence.line(reason), NAME_COST))
        }
        DeliveryStatus::Expired => format!("expired{}, not seen", age(delivery.ended_at)),
    };
    format!("{text}{redelivered}")
}

/// The sent messages, newest first.
pub(crate) fn sent_part(records: &[MessageRecord], now: Timestamp, fence: &Fence, more: String) -> Part {
    let items = records.iter().map(|record| sent_item(record, now, fence)).collect();
    let total = Total { count: records.len(), at_least: true };
    Part {
        heading: format!("## Sent messages, newest first: {}", records.len()),
        remark: Some("Call `send` with an `id` to see each recipient.".to_owned()),
        holds: "messages that you sent",
        groups: vec![Group::of("messages", items, total, Cut::Never)],
        more: more.into(),
    }
}

fn sent_item(record: &MessageRecord, now: Timestamp, fence: &Fence) -> Vec<String> {
    let message = &record.message;
    let statuses = DeliveryStatus::ALL.iter().filter_map(|status| {
        let of_status = record.deliveries.iter().filter(|delivery| delivery.status == *status);
        let names: Vec<String> = of_status.map(|one| clip(&fence.line(&one.agent), NAME_COST)).collect();
        (!names.is_empty()).then(|| format!("{}: {}", status.as_str(), clip(&names.join(", "), 200)))
    });
    let statuses = statuses.collect::<Vec<_>>().join("; ");
    let text = clip(&fence.line(message.body.as_deref().unwrap_or(SEALED)), 120);
    let head = format!("- {} {}, {}: {statuses}", message.kind.as_str(), message.id, ago(message.sent_at, now));
    vec![head, format!("  {text}")]
}

/// A message as an answer shows it.
pub(crate) struct ShownMessage<'a> {
    pub(crate) message: &'a Message,
    /// Whether the agent may have seen it before.
    pub(crate) is_again: bool,
}

impl ShownMessage<'_> {
    /// The text from character `offset`, as much as fits into `limit`, in a fence of its own, so that no text can look like
    /// another message.
    pub(crate) fn piece(&self, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
        let message = self.message;
        let subject =
            message.subject.as_deref().map(|subject| format!("# {}", clip(&fence.line(subject), SUBJECT_COST)));
        let stored = StoredText {
            holds: "the text of a message",
            above: subject.into_iter().collect(),
            text: message.body.as_deref().unwrap_or(SEALED),
            again: format!("`inbox` with id {} and", message.id),
        };
        let head = self.head(now);
        let room = limit.saturating_sub(head.iter().skip(1).map(|line| line_cost(line)).sum());
        let mut piece = stored.piece(|_| head.first().cloned().unwrap_or_default(), offset, fence, room);
        let first = piece.lines.drain(..1).collect::<Vec<_>>();
        piece.lines = [first, head.into_iter().skip(1).collect(), piece.lines].concat();
        piece
    }

    /// What Deckwatch knows about the message.
    fn head(&self, now: Timestamp) -> Vec<String> {
        let message = self.message;
        let from = clip(&clean_line(&message.from), NAME_COST);
        let at = ago(message.sent_at, now);
        let mut facts = Vec::new();
        if message.priority == Priority::Now {
            facts.push("It is urgent.".to_owned());
        }
        facts.extend(message.reply_to.as_ref().map(|id| format!("It replies to {id}.")));
        facts.extend(
            message.handoff_id.as_ref().map(|id| format!("It is about the handoff {id}: `handoffs` reads it.")),
        );
        if message.sealed.is_some() && message.body.is_some() {
            facts.push("It was sealed: only its sender and its recipients can read it.".to_owned());
        }
        if message.ack_required {
            facts.push("Its sender waits for an acknowledgement: call `inbox` with `acknowledge`.".to_owned());
        }
        if self.is_again {
            facts.push("You may have seen it before.".to_owned());
        }
        let head = format!("## {} from {from}, {at}: {}", message.kind.as_str(), message.id);
        [Some(head), (!facts.is_empty()).then(|| facts.join(" "))].into_iter().flatten().collect()
    }
}
