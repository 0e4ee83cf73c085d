//! The sweep of messages: it ends what has expired, tells the senders what was not delivered, and deletes old messages.
//!
//! `due_at` of a message says when the sweep looks at it. All statements of a batch look at the same messages, because only the
//! last one changes `due_at`. The messages to the senders are new, so they are not due.

use deckwatch_protocol::{Message, MessageId, Timestamp};

use super::delivery::{deliveries_of, delivery_digits};
use super::message::{message_sent, newest_time, number_of_recipients};
use super::next_id::next_id;
use super::person::is_from_person;
use super::statements;
use crate::database::Statement;

/// The messages that are due at `?1`.
macro_rules! due {
    () => {
        "select seq, id from messages indexed by messages_due where due_at <= ?1 order by due_at, seq limit 250"
    };
}

/// Whether the sender of the delivery `$d` was not told yet that it was refused or has expired.
macro_rules! is_untold {
    ($d:literal) => {
        concat!($d, ".status in ('refused', 'expired') and not ", $d, ".told")
    };
}

/// The messages to the senders, which this batch has inserted. They have the random part of the id `?2`.
macro_rules! is_telling {
    () => {
        "m.seq > (select max(seq) from messages) - 250 and m.sent_at = ?1 and substr(m.id, 15, 12) = substr(?2, 15, 12)"
    };
}

statements! {
    /// `?1` is the current time. What a process holds that sent no heartbeat since `?2` ends too; one that is alive reports.
    EXPIRE = concat!("
        update deliveries set status = 'expired', ended_at = ?1 where id in (
          select d.id from (", due!(), ") due cross join deliveries d on ", deliveries_of!("d", "due.id"), "
          where d.expires_at <= ?1 and (d.status = 'queued' or d.status = 'offered' and not exists (
            select 1 from sessions h where h.id = d.session_id and h.epoch = d.epoch and h.status = 'active'
              and h.last_heartbeat_at >= ?2)))");

    /// One message to the sender of each due message with deliveries that it was not told about. The ids begin like
    /// `?2`, or follow the newest message if it has a later time. The messages expire at `?3`. The sender of a handoff and the engine are told nothing.
    TELL = concat!("
        insert into messages (id, venture, from_agent, kind, body, to_json, reply_to, priority, ack_required, sent_at, expires_at,
          due_at, actor_key_id, creation_correlation_id)
        select substr(", next_id!("msg_", 5, 15, newest_time!(), "?2"), ", 1, 26) || ", delivery_digits!("f.n"), " || '00', f.venture, 'deckwatch', 'status',
          'Your message ' || f.id || ' (' || f.kind || ') did not reach ' || f.failed || ' of its ' || f.recipients
            || iif(f.recipients = 1, ' recipient: ', ' recipients: ') || f.names || iif(f.failed > 10, ' and others.', '.'),
          json_array(f.from_agent), f.id, 'next', 0, ?1, ?3, ?3, 'deckwatch', 'deckwatch'
        from (
          select m.id, m.venture, m.kind, m.from_agent, row_number() over (order by m.seq) as n,
            ", number_of_recipients!(), " as recipients,
            (select count(*) from deliveries d where ", deliveries_of!("d", "m.id"), " and ", is_untold!("d"), ") as failed,
            (select group_concat(agent || ' (' || status || ifnull(': ' || reason, '') || ')', ', ') from (
              select d.agent, d.status, d.reason from deliveries d
              where ", deliveries_of!("d", "m.id"), " and ", is_untold!("d"), " order by d.id limit 10)) as names
          from (", due!(), ") due cross join messages m on m.seq = due.seq where m.from_agent <> 'deckwatch' and m.handoff_id is null) f
        where f.failed > 0");

    TELL_DELIVERIES = concat!("
        insert into deliveries (id, message_id, venture, agent, owner, later, expires_at, queued_at)
        select 'dlv_' || substr(m.id, 5, 24) || '01', m.id, m.venture,
          iif(", is_from_person!("m.to_json ->> 0"), ", 'human', m.to_json ->> 0),
          (select a.owner from agents a where a.venture = m.venture and a.agent = m.to_json ->> 0), 1, m.expires_at, m.sent_at
        from messages m where ", is_telling!());

    TOLD = message_sent!("null", is_telling!());

    MARK_TOLD = concat!("
        update deliveries set told = 1 where id in (
          select d.id from (", due!(), ") due cross join deliveries d on ", deliveries_of!("d", "due.id"), " where ", is_untold!("d"), ")");

    /// Deletes the deliveries of the due messages whose last status is final since `?2` at least.
    FORGET_DELIVERIES = concat!("
        delete from deliveries where id in (
          select d.id from (select id from (", due!(), ") due where not exists (
              select 1 from deliveries f where ", deliveries_of!("f", "due.id"), " and (f.status in ('queued', 'offered')
                or max(ifnull(f.surfaced_at, ''), ifnull(f.acknowledged_at, ''), ifnull(f.ended_at, '')) > ?2))) ended
          cross join deliveries d on ", deliveries_of!("d", "ended.id"), ")");

    /// The newest message stays, so that no number is used again.
    FORGET = concat!("
        delete from messages where seq in (
          select due.seq from (", due!(), ") due where not exists (
            select 1 from deliveries d where ", deliveries_of!("d", "due.id"), "))
          and seq < (select max(seq) from messages)
        returning 1 as one");

    /// Sets when the sweep looks at the due messages again: at their expiry, at `?2` if a process still holds one, or 30 days
    /// after the last final status.
    RESCHEDULE = concat!("
        update messages set due_at = ifnull((
            select iif(count(*) filter (where d.status in ('queued', 'offered')) > 0,
              iif(messages.expires_at > ?1, messages.expires_at, ?2),
              strftime('%Y-%m-%dT%H:%M:%fZ', max(max(ifnull(d.surfaced_at, ''), ifnull(d.acknowledged_at, ''),
                ifnull(d.ended_at, ''))), '+30 days'))
            from deliveries d where ", deliveries_of!("d", "messages.id"), "), ?2)
        where seq in (select seq from (", due!(), "))
        returning 1 as one");

    FORGET_RATES = "
        delete from message_rates where (venture, agent) in (
          select venture, agent from message_rates where window_start < ?1 limit 1000)";
}

/// How many due messages one run looks at.
pub(crate) const CHUNK: usize = 250;

/// The statements of one batch. The rows of the last but one are the messages that are looked at again, those of the one before
/// it the deleted ones.
pub(crate) fn statements(now: Timestamp, stale_before: Timestamp, id: &MessageId) -> Vec<Statement> {
    let kept = Message::KEPT_DAYS * 24 * 60 * 60;
    vec![
        Statement::new(EXPIRE).bind(now).bind(stale_before),
        Statement::new(TELL).bind(now).bind(id).bind(now.plus_seconds(kept)),
        Statement::new(TELL_DELIVERIES).bind(now).bind(id),
        Statement::new(TOLD).bind(now).bind(id),
        Statement::new(MARK_TOLD).bind(now),
        Statement::new(FORGET_DELIVERIES).bind(now).bind(now.plus_seconds(-kept)),
        Statement::new(FORGET).bind(now),
        Statement::new(RESCHEDULE).bind(now).bind(now.plus_seconds(10 * 60)),
        Statement::new(FORGET_RATES).bind(now.plus_seconds(-60 * 60)),
    ]
}

// The statements have this number of days.
const _: () = assert!(Message::KEPT_DAYS == 30);
