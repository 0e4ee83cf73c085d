//! Messages: send and read them, and list who would get one.

use deckwatch_protocol::{
    ErrorCode, MessageId, PersonName, Recipient, RecipientFilter, SendMessage, Speaker, VentureCode, Violations,
};
use serde_json::json;

use crate::call::Call;
use crate::database::{Row, Statement, flag, text};
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::store;
use crate::store::message::{NewMessage, Reader, Sender};
use crate::store::recipient::{Addressed, RecipientTime};

/// Records a message, whatever the epoch of its sender. The batch refuses it if a recipient is not known.
pub(crate) fn send_message(call: &Call, message: SendMessage) -> Result<Plan, ApiError> {
    let named = message.to.clone();
    let (id, to, time) = (call.mint_message_id(), Addressed::of(&message.to), time(call));
    let new =
        NewMessage { id: &id, now: call.now, actor: &call.caller.actor, correlation_id: call.correlation_id.as_str() };
    let speaker = message.speaker()?;
    let name = message.name.as_ref().map_or(PersonName::OF_ADMIN, PersonName::as_str);
    let sender = Sender { speaker, name, token: call.caller.token_id() };
    let mut steps = unless_may_speak(call, speaker)?;
    steps.push(store::message::count(sender, call.minute(), to.to_all));
    steps.push(to.unless_known(speaker, &time));
    steps.extend(message.reply_to.as_ref().map(|id| store::message::unless_own(id, speaker, &reader(call))));
    steps.push(store::message::insert(&message, sender, &new));
    steps.extend(store::message::insert_deliveries(&message, speaker, &to, &time));
    steps.push(store::message::sent(speaker));
    Ok(Plan::write(steps, store::message::select_sent())
        .explaining(ErrorCode::RecipientUnknown, to.unknown(speaker, &time), move |error, rows| {
            name_unknown(error, rows, &named)
        })
        .with_access(access(speaker)))
}

/// Reads a message with the state of its deliveries.
pub(crate) fn get_message(call: &Call, id: MessageId) -> Result<Plan, ApiError> {
    Ok(Plan::record(store::message::select(&id, &reader(call)), ErrorCode::MessageNotFound)
        .with_access(DataAccess::Shared))
}

/// Lists the agents that a message would reach now.
pub(crate) fn list_recipients(call: &Call, filter: RecipientFilter) -> Result<Plan, ApiError> {
    let named = filter.to.parse_each().map_err(|invalid| Violations::at("/to", invalid.0))?;
    let (to, time, speaker) = (Addressed::of(&named), time(call), filter.speaker()?);
    let mut steps = unless_may_speak(call, speaker)?;
    steps.push(to.unless_known(speaker, &time));
    Ok(Plan::computed(vec![to.list(speaker, &time)], Box::new(reached))
        .with_steps(steps)
        .explaining(ErrorCode::RecipientUnknown, to.unknown(speaker, &time), move |error, rows| {
            name_unknown(error, rows, &named)
        })
        .with_access(access(speaker)))
}

/// The statements that fail unless the session exists, or the caller is a person and the venture is registered.
fn unless_may_speak(call: &Call, speaker: Speaker) -> Result<Vec<Statement>, ApiError> {
    match speaker {
        Speaker::Agent(session) => Ok(vec![store::refusal::unless_session(session)]),
        Speaker::Person(venture) => unless_person_on(call, venture),
    }
}

/// The statements that fail unless the caller is a person and the venture is registered. The context key is shared by agents,
/// so it is not the key of a person.
pub(super) fn unless_person_on(call: &Call, venture: &VentureCode) -> Result<Vec<Statement>, ApiError> {
    let person = match call.caller.token_id() {
        Some(token) => Some(store::person::unless_person(token)),
        None if call.caller.is_admin() => None,
        None => return Err(ApiError::not_a_person()),
    };
    Ok(person.into_iter().chain([store::refusal::unless_venture(venture)]).collect())
}

/// The data that the speaker has access to.
pub(super) fn access(speaker: Speaker) -> DataAccess {
    match speaker {
        Speaker::Agent(session) => DataAccess::Session(session.clone()),
        Speaker::Person(venture) => DataAccess::Venture(venture.clone()),
    }
}

/// The caller as a reader of messages.
pub(super) fn reader<'a>(call: &'a Call) -> Reader<'a> {
    Reader { is_admin: call.caller.is_admin(), token: call.caller.token_id(), owner: call.caller.owner() }
}

fn time(call: &Call) -> RecipientTime {
    let seen_since = call.now.plus_seconds(-Recipient::KNOWN_DAYS * 24 * 60 * 60);
    RecipientTime { stale_before: call.stale_before(), seen_since }
}

/// The agents of the rows. An agent without a name says that there are too many.
fn reached(rows: &[Vec<Row>]) -> Result<String, ApiError> {
    let rows = rows.first().map(Vec::as_slice).unwrap_or_default();
    if rows.len() > Recipient::MAX_AGENTS || rows.iter().any(|row| text(row, "agent") == Some("")) {
        return Err(ApiError::of_code(ErrorCode::TooManyRecipients));
    }
    let item = |row: &Row| {
        json!({
            "agent": text(row, "agent"), "public_key": text(row, "public_key"), "is_active": flag(row, "is_active"),
        })
    };
    Ok(json!({ "total": rows.len(), "items": rows.iter().map(item).collect::<Vec<_>>() }).to_string())
}

/// Names the unknown recipients of the rows in the error, each with the known agents whose names are nearest to it.
fn name_unknown(error: ApiError, rows: &[Row], to: &[Recipient]) -> ApiError {
    rows.iter().fold(error, |error, row| {
        let name = text(row, "name").unwrap_or_default();
        let place = to.iter().position(|recipient| recipient.as_str() == name);
        let pointer = place.map_or_else(|| "/to".to_owned(), |place| format!("/to/{place}"));
        error.at(&pointer, &unknown(name, &nearest(name, row)))
    })
}

fn unknown(name: &str, nearest: &[String]) -> String {
    let days = Recipient::KNOWN_DAYS;
    match nearest {
        _ if name.starts_with("session:") => "is not a session of the venture".to_owned(),
        [] => format!("is not the name of an agent that was seen on the venture within {days} days"),
        names => format!(
            "is not the name of an agent that was seen on the venture within {days} days; the nearest names are {}",
            names.join(", ")
        ),
    }
}

/// The 3 names that are nearest to `name`, nearest first. A name that differs in most characters is not near.
fn nearest(name: &str, row: &Row) -> Vec<String> {
    let names = ["before", "after"].into_iter().filter_map(|column| text(row, column));
    let names = names.flat_map(|json| serde_json::from_str::<Vec<String>>(json).unwrap_or_default());
    let distance = |other: String| (strsim::levenshtein(name, &other), other);
    let mut near: Vec<(usize, String)> = names.map(distance).filter(|(n, _)| *n <= name.len() / 2 + 1).collect();
    near.sort();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}
