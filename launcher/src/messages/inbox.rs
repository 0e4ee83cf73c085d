//! `launcher inbox`: the messages to people. What is shown is then marked as read.

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{
    DeliveryId, DeliveryReport, DeliveryStatus, ErrorCode, InboxFilter, InboxItem, Message, MessageId, Page, Recipient,
    ReportInbox, ReportedStatus, Timestamp, VentureCode,
};

use super::Inbox;
use super::source::{PersonSource, refused};
use crate::context_api;
use crate::error::LaunchError;
use crate::json_output;
use crate::message_error::MessageError;
use crate::output;
use crate::pager;
use crate::process_env::ProcessEnv;
use crate::records::{Text, pages, when};
use crate::table;

/// A delivery to people, and the venture of its message.
type ToPeople = (VentureCode, DeliveryId);

/// Shows the unread messages, or one message.
pub(crate) fn run(inbox: &Inbox, env: &ProcessEnv) -> Result<(), LaunchError> {
    let source = PersonSource::open(&inbox.place, inbox.all || inbox.id.is_some(), env)?;
    if let Some(id) = &inbox.id {
        return show_one(inbox, id, &source, env);
    }
    let ventures = source.ventures(inbox.all)?;
    let found = match source.api() {
        Some(api) => context_api::runtime()?.block_on(unread(api, &ventures, usize::from(inbox.limit))),
        None => Ok(no_messages()),
    };
    let found = found.map_err(|error| match error.code() {
        Some(ErrorCode::VentureNotRegistered) => source.unknown_venture(&inbox.place).unwrap_or_else(|| refused(error)),
        _ => refused(error),
    })?;
    if found.items.is_empty()
        && let Some(unknown) = source.unknown_venture(&inbox.place)
    {
        return Err(unknown);
    }
    print(inbox, &found, &source, env)?;
    let Some(api) = source.api().filter(|_| !inbox.keep) else { return Ok(()) };
    let shown = found.items.iter().map(|item| (item.message.venture.clone(), item.delivery_id.clone()));
    report(api, &shown.collect::<Vec<_>>(), ReportedStatus::Surfaced)
}

/// The unread messages of these ventures, the oldest first.
async fn unread(api: &Api, ventures: &[VentureCode], limit: usize) -> Result<Page<InboxItem>, ClientError> {
    let mut found = no_messages();
    let Ok(agent) = Recipient::HUMAN.parse::<deckwatch_protocol::Agent>() else { return Ok(found) };
    for venture in ventures {
        let mut filter = InboxFilter { venture: venture.clone(), agent: agent.clone(), limit: None, cursor: None };
        let (items, _) = pages(limit, async |limit, cursor| {
            (filter.limit, filter.cursor) = (limit, cursor.clone());
            let page = api.list_inbox(&filter).await?;
            if cursor.is_none() {
                found.total = found.total.saturating_add(page.total);
                found.total_is_minimum |= page.total_is_minimum;
            }
            Ok(page)
        })
        .await?;
        found.items.extend(items);
    }
    found.items.sort_by_key(|item| item.message.seq);
    found.items.truncate(limit);
    Ok(found)
}

fn no_messages() -> Page<InboxItem> {
    Page { items: Vec::new(), total: 0, total_is_minimum: false, next_cursor: None }
}

fn print(inbox: &Inbox, found: &Page<InboxItem>, source: &PersonSource, env: &ProcessEnv) -> Result<(), LaunchError> {
    if inbox.place.json {
        return json_output::print(found);
    }
    let (mut text, now) = (Text::new(table::terminal_width()), now());
    for item in &found.items {
        write_message(&mut text, &item.message, inbox.all, now);
    }
    if !found.items.is_empty() {
        text.blank();
    }
    text.line(&summary(inbox, found, source));
    pager::show(&text.into_string(), env)
}

/// One sentence: how many messages are shown, of how many, and what happens to them.
fn summary(inbox: &Inbox, found: &Page<InboxItem>, source: &PersonSource) -> String {
    let (about, place) = (source.subject.describe(), source.describe());
    let total = if found.total_is_minimum { format!("at least {}", found.total) } else { found.total.to_string() };
    let marked = if inbox.keep { "left unread" } else { "now marked as read" };
    match (found.items.len(), found.total) {
        (0, _) => format!("There are no unread messages to people of {about} in {place}."),
        (1, 1) => format!("1 message to people of {about}, {marked}."),
        (n, _) => format!("{n} of {total} messages to people of {about}, {marked}."),
    }
}

fn write_message(text: &mut Text, message: &Message, with_venture: bool, now: Timestamp) {
    text.heading(&format!("{} from {}", message.kind.as_str(), message.from));
    text.field("Message", message.id.as_str());
    text.field("Sent", &when(message.sent_at, now));
    if with_venture {
        text.field("Venture", message.venture.as_str());
    }
    if let Some(replied) = &message.reply_to {
        text.field("Replies to", replied.as_str());
    }
    if let Some(handoff) = &message.handoff_id {
        text.field("Handoff", &format!("{handoff}; `launcher handoff {handoff}` shows it"));
    }
    if message.ack_required {
        text.field("Asks", &format!("to be acknowledged: launcher inbox {} --ack", message.id));
    }
    if let Some(subject) = &message.subject {
        text.field("Subject", subject);
    }
    text.paragraphs(message.body.as_deref().unwrap_or("(The text is sealed: only its recipients can read it.)"));
}

/// Shows one message in full, and what became of it.
fn show_one(inbox: &Inbox, id: &MessageId, source: &PersonSource, env: &ProcessEnv) -> Result<(), LaunchError> {
    let no_such = || MessageError::NoSuchMessage(id.to_string());
    let api = source.api().ok_or_else(no_such)?;
    let found = context_api::runtime()?.block_on(api.get_message(id)).map_err(|error| match error.code() {
        Some(ErrorCode::MessageNotFound) => no_such().into(),
        _ => refused(error),
    })?;
    let own = found.deliveries.iter().find(|delivery| delivery.agent == Recipient::HUMAN);
    if inbox.ack && own.is_none() {
        return Err(MessageError::NotToPeople(id.to_string()).into());
    }
    if inbox.place.json {
        json_output::print(&found)?;
    } else {
        let (mut text, now) = (Text::new(table::terminal_width()), now());
        write_message(&mut text, &found.message, true, now);
        text.blank();
        for delivery in &found.deliveries {
            let reason = delivery.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
            text.field("To", &format!("{}, {}{reason}", delivery.agent, delivery.status.as_str()));
        }
        pager::show(&text.into_string(), env)?;
    }
    let Some(own) = own.filter(|_| !inbox.keep) else { return Ok(()) };
    let delivery = [(found.message.venture.clone(), own.id.clone())];
    match (inbox.ack, own.status) {
        (true, _) => report(api, &delivery, ReportedStatus::Acknowledged),
        (false, DeliveryStatus::Queued | DeliveryStatus::Offered) => report(api, &delivery, ReportedStatus::Surfaced),
        (false, _) => Ok(()),
    }
}

/// Marks messages as read. They were shown already, so a failure is a warning.
fn report(api: &Api, shown: &[ToPeople], status: ReportedStatus) -> Result<(), LaunchError> {
    let mut shown = shown.to_vec();
    shown.sort();
    let failed = context_api::runtime()?.block_on(async {
        for of_venture in shown.chunk_by(|one, other| one.0 == other.0) {
            for chunk in of_venture.chunks(ReportInbox::MAX_ITEMS) {
                api.report_inbox(&report_of(chunk, status)).await?;
            }
        }
        Ok::<_, ClientError>(())
    });
    match (failed, status) {
        (Err(error), ReportedStatus::Acknowledged) => Err(refused(error)),
        (Err(error), _) => {
            output::warn(&format!("these messages could not be marked as read: {}", clean_line(&error.to_string())));
            Ok(())
        }
        (Ok(()), ReportedStatus::Acknowledged) => {
            output::say("the sender sees that the message is acknowledged");
            Ok(())
        }
        (Ok(()), _) => Ok(()),
    }
}

fn report_of(chunk: &[ToPeople], status: ReportedStatus) -> ReportInbox {
    let item = |(_, delivery_id): &ToPeople| DeliveryReport {
        delivery_id: delivery_id.clone(),
        status,
        at: now(),
        partial: false,
        reason: None,
    };
    ReportInbox {
        session_id: None,
        epoch: None,
        venture: chunk.first().map(|(venture, _)| venture.clone()),
        items: chunk.iter().map(item).collect(),
    }
}
