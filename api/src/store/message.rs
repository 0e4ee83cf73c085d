//! Messages: send and read them. A message of an agent is inserted once and never changes.

use deckwatch_protocol::{HandoffId, Message, MessageId, SendMessage, SessionId, Speaker, Timestamp, TokenId};

use super::delivery::{deliveries_of, delivery_digits, delivery_json};
use super::next_id::next_id;
use super::person::sender;
use super::recipient::{Addressed, RecipientTime, reached};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::Statement;

/// The message `m` as JSON.
macro_rules! message_json {
    () => {
        concat!(
            "json_object('id', m.id, 'seq', m.seq, 'venture', m.venture, 'from', m.from_agent, 'to', json(m.to_json), ",
            "'kind', m.kind, 'subject', m.subject, 'body', m.body, 'reply_to', m.reply_to, 'priority', m.priority, ",
            "'ack_required', ",
            $crate::store::delivery::to_bool!("m.ack_required"),
            ", 'sealed', json(m.sealed_json), 'handoff_id', m.handoff_id, 'sent_at', m.sent_at, 'expires_at', m.expires_at)"
        )
    };
}
pub(super) use message_json;

/// The newest message, which this batch has inserted.
macro_rules! newest_message {
    () => {
        "m.seq = (select max(seq) from messages)"
    };
}

/// The time in the id of the newest message, or an empty text.
macro_rules! newest_time {
    () => {
        "ifnull((select substr(max(id), 5, 10) from messages), '')"
    };
}

/// The number of recipients of the message `m`: the number of its last delivery.
macro_rules! number_of_recipients {
    () => {
        concat!(
            "(select (instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(d.id, 29, 1)) - 1) * 32 + ",
            "instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(d.id, 30, 1)) - 1 from deliveries d where ",
            $crate::store::delivery::deliveries_of!("d", "m.id"),
            " order by d.id desc limit 1)"
        )
    };
}

/// The event of the messages `m` that `$of` selects. It names the first recipients, so that their programs take the message.
macro_rules! message_sent {
    ($session:literal, $of:expr) => {
        concat!(
            "insert into events (venture, kind, subject, agent, session_id, at, data_json) ",
            "select m.venture, 'message_sent', m.id, iif(",
            $crate::store::person::is_from_person!("m.from_agent"),
            ", null, m.from_agent), ",
            $session,
            ", m.sent_at, json_object('from', m.from_agent, 'kind', m.kind, 'priority', m.priority, 'recipients', ",
            $crate::store::message::number_of_recipients!(),
            ", 'to', json((select json_group_array(agent) from (select d.agent from deliveries d where ",
            $crate::store::delivery::deliveries_of!("d", "m.id"),
            " order by d.id limit 10)))) from messages m where ",
            $of,
            " returning seq as event_seq"
        )
    };
}
pub(super) use {message_sent, newest_time, number_of_recipients};

/// Whether the caller may read the message `m`: `?2` says whether it has the admin key, `?3` is its token, `?4` its owner.
/// The token of an agent reads what this agent has sent or gets; another key, what the agents of its owner have; a person also
/// what people have.
macro_rules! may_read {
    () => {
        concat!(
            "(?2 or exists (select 1 from (select 1) left join tokens t on t.id = ?3 where ifnull(t.venture, m.venture) = m.venture and (",
            "instr(t.scopes_json, '\"admin\"') > 0 or iif(t.agent is null, exists (select 1 from agents a ",
            "where a.venture = m.venture and a.agent = m.from_agent and a.owner = ?4), m.from_agent = t.agent) ",
            "or exists (select 1 from deliveries d where ",
            $crate::store::delivery::deliveries_of!("d", "m.id"),
            " and iif(t.agent is null, d.owner = ?4 or d.agent = 'human' and ",
            $crate::store::person::is_person!("t"),
            ", d.agent = t.agent)) or ",
            $crate::store::person::is_person!("t"),
            " and ",
            $crate::store::person::is_from_person!("m.from_agent"),
            ")))"
        )
    };
}

statements! {
    /// Counts a message of the sender in the window that begins at `?2`. `?3` says whether it goes to all.
    COUNT = concat!("
        insert into message_rates (venture, agent, window_start, sent, sent_to_all)
        select venture, agent, ?2, 1, ?3 from ", sender!("?1", "?4", "?5", "?6"), " where true
        on conflict (venture, agent) do update set
          sent = iif(window_start >= excluded.window_start, sent, 0) + 1,
          sent_to_all = iif(window_start >= excluded.window_start, sent_to_all, 0) + excluded.sent_to_all,
          window_start = max(window_start, excluded.window_start)");

    /// Fails the batch unless the agent of session `?2` has sent or gets the message `?1`.
    UNLESS_OWN = concat!("
        insert into message_refusals (reason)
        select 'not_found' from sessions s where s.id = ?2 and not exists (
          select 1 from messages m where m.id = ?1 and m.venture = s.venture and (m.from_agent = s.agent
            or exists (select 1 from deliveries d where ", deliveries_of!("d", "m.id"), " and d.agent = s.agent)))");

    /// Fails the batch unless the person may read the message `?1` of the venture `?5`.
    UNLESS_READABLE = concat!("
        insert into message_refusals (reason)
        select 'not_found' where not exists (select 1 from messages m where m.id = ?1 and m.venture = ?5 and ", may_read!(), ")");

    INSERT = concat!("
        insert into messages (id, venture, from_agent, kind, subject, body, to_json, reply_to, priority, ack_required,
          sealed_json, sent_at, expires_at, due_at, actor_key_id, creation_correlation_id)
        select ", next_id!("msg_", 5, 15, newest_time!()), ",
          s.venture, s.agent, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ?14
        from ", sender!("?2", "?15", "?16", "?17"), " s");

    /// One row for each agent that the newest message reaches. An agent after the 200th has no name, which a check refuses.
    INSERT_DELIVERIES = concat!("
        with ", reached!(), "
        insert into deliveries (id, message_id, venture, agent, owner, later, expires_at, queued_at)
        select 'dlv_' || substr(m.id, 5, 24) || ", delivery_digits!("r.n"), ", m.id, m.venture, iif(r.n > 200, '', r.agent),
          (select a.owner from agents a where a.venture = m.venture and a.agent = r.agent), m.priority <> 'now',
          m.expires_at, m.sent_at
        from (select agent, row_number() over (order by agent) as n from reached) r cross join messages m
        where ", newest_message!());

    /// Fails the batch if the statement before has inserted no delivery.
    UNLESS_REACHED = "insert into message_refusals (reason) select 'no_recipient' where changes() = 0";

    /// Fails the batch unless the newest message reaches exactly the agents `?1`, a sorted JSON array.
    UNLESS_SEALED_FOR = concat!("
        insert into message_refusals (reason) select 'recipients_changed' from messages m where ", newest_message!(), "
          and ?1 <> (select json_group_array(agent) from (
            select d.agent from deliveries d where ", deliveries_of!("d", "m.id"), " order by d.id))");

    SENT = message_sent!("?1", newest_message!());

    /// The message of the handoff that this batch has created in session `?1`: its id has the random part of `?2`. It has the
    /// ULID of the handoff, unless a message is newer.
    INSERT_HANDOFF = concat!("
        insert into messages (id, venture, from_agent, kind, body, to_json, priority, ack_required, handoff_id, sent_at,
          expires_at, due_at, actor_key_id, creation_correlation_id)
        select ", next_id!("msg_", 5, 15, newest_time!(), "('msg_' || substr(h.id, 4))"), ", h.venture, h.from_agent, 'request', h.summary, json_array(h.to_agent), 'next', 0, h.id,
          h.created_at, ?3, ?3, h.actor_key_id, h.creation_correlation_id
        from handoffs h where h.id = (select max(id) from handoffs where session_id = ?1) and substr(h.id, 14) = substr(?2, 14)");

    INSERT_HANDOFF_DELIVERY = concat!("
        insert into deliveries (id, message_id, venture, agent, owner, later, expires_at, queued_at)
        select 'dlv_' || substr(m.id, 5, 24) || '01', m.id, m.venture, m.to_json ->> 0,
          (select a.owner from agents a where a.venture = m.venture and a.agent = m.to_json ->> 0), 1, m.expires_at, m.sent_at
        from messages m where changes() > 0 and ", newest_message!());

    SELECT = concat!("
        select json_set(", message_json!(), ", '$.deliveries', json((
          select json_group_array(json(", delivery_json!(), ") order by d.id) from deliveries d where ",
          deliveries_of!("d", "m.id"), "))) as body
        from messages m where m.id = ?1 and ", may_read!());
}

responses! {
    /// The newest message, with its first 50 recipients.
    SELECT_SENT = concat!("
        select 201, json_object('id', m.id, 'seq', m.seq, 'venture', m.venture, 'from', m.from_agent, 'sent_at', m.sent_at,
          'recipients', json((select json_object('total', ", number_of_recipients!(), ", 'shown', count(*), 'items',
            json_group_array(json_object('delivery_id', shown.id, 'agent', shown.agent, 'status', shown.status))) from (
              select d.id, d.agent, d.status from deliveries d where ", deliveries_of!("d", "m.id"), "
              order by d.id limit 50) shown))), null, null
        from messages m where ", newest_message!());
}

/// Who reads messages.
pub(crate) struct Reader<'a> {
    /// Whether the caller holds the admin key.
    pub(crate) is_admin: bool,
    pub(crate) token: Option<&'a TokenId>,
    /// The owner of the names that its agents take.
    pub(crate) owner: &'a str,
}

/// A message to insert.
pub(crate) struct NewMessage<'a> {
    pub(crate) id: &'a MessageId,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

/// Who sends a message.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) speaker: Speaker<'a>,
    /// The name of a person whose key has none.
    pub(crate) name: &'a str,
    pub(crate) token: Option<&'a TokenId>,
}

/// Counts a message of the sender. Over the limit, the batch fails.
pub(crate) fn count(sender: Sender, window_start: Timestamp, to_all: bool) -> Statement {
    Statement::new(COUNT)
        .bind(sender.speaker.session())
        .bind(window_start)
        .bind(to_all)
        .bind(sender.speaker.venture())
        .bind(sender.name)
        .bind(sender.token)
        .non_durable()
}

/// Fails the batch unless the agent of the session has sent or gets the message, or the person may read it.
pub(crate) fn unless_own(id: &MessageId, speaker: Speaker, reader: &Reader) -> Statement {
    match speaker {
        Speaker::Agent(session) => Statement::new(UNLESS_OWN).bind(id).bind(session),
        Speaker::Person(venture) => bind_reader(UNLESS_READABLE, id, reader).bind(venture),
    }
    .non_durable()
}

/// Inserts a message.
pub(crate) fn insert(message: &SendMessage, sender: Sender, new: &NewMessage) -> Statement {
    let json = |value: serde_json::Value| value.to_string();
    Statement::new(INSERT)
        .bind(new.id)
        .bind(sender.speaker.session())
        .bind(message.kind.as_str())
        .bind(message.subject.as_ref())
        .bind(message.body.as_ref())
        .bind(json(serde_json::json!(message.to)))
        .bind(message.reply_to.as_ref())
        .bind(message.priority.as_str())
        .bind(message.ack_required)
        .bind(message.sealed.as_ref().map(|sealed| json(serde_json::json!(sealed))))
        .bind(new.now)
        .bind(new.now.plus_seconds(i64::from(message.expires_in_seconds.get())))
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(sender.speaker.venture())
        .bind(sender.name)
        .bind(sender.token)
}

/// Inserts the deliveries of the message that this batch has inserted. Fails the batch if it reaches no agent, too many, or
/// others than those that it is sealed for.
pub(crate) fn insert_deliveries(
    message: &SendMessage,
    from: Speaker,
    to: &Addressed,
    time: &RecipientTime,
) -> Vec<Statement> {
    let mut steps = vec![to.bind(INSERT_DELIVERIES, from, time), Statement::new(UNLESS_REACHED)];
    if let Some(sealed) = &message.sealed {
        steps.push(Statement::new(UNLESS_SEALED_FOR).bind(serde_json::json!(sealed.agents()).to_string()));
    }
    steps
}

/// Appends the event of the message that this batch has inserted.
pub(crate) fn sent(from: Speaker) -> Statement {
    Statement::new(SENT).bind(from.session())
}

/// Selects the message that this batch has inserted as the response.
pub(crate) fn select_sent() -> SelectResponse {
    SELECT_SENT.select()
}

/// Inserts the message and the delivery of the handoff that this batch has created, if it has one. The agent that it is
/// addressed to gets it like any other message.
pub(crate) fn insert_handoff(session: &SessionId, id: &HandoffId, now: Timestamp) -> [Statement; 2] {
    let expires_at = now.plus_seconds(Message::KEPT_DAYS * 24 * 60 * 60);
    [Statement::new(INSERT_HANDOFF).bind(session).bind(id).bind(expires_at), Statement::new(INSERT_HANDOFF_DELIVERY)]
}

/// Reads a message with its deliveries as `body`, if the caller may read it.
pub(crate) fn select(id: &MessageId, reader: &Reader) -> Statement {
    bind_reader(SELECT, id, reader)
}

fn bind_reader(sql: &'static str, id: &MessageId, reader: &Reader) -> Statement {
    Statement::new(sql).bind(id).bind(reader.is_admin).bind(reader.token).bind(reader.owner)
}

// The statements have these limits as numbers.
const _: () = assert!(Message::MAX_PER_MINUTE == 60 && Message::MAX_TO_ALL_PER_MINUTE == 6);
