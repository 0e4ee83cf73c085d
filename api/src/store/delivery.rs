//! Deliveries: what waits for an agent, what its process takes, and what it reports.
//!
//! A mailbox is a venture and an agent. At most 50 deliveries of a mailbox are offered at once, so that one read finds all of
//! them. A process that reports nothing gets no more.

use deckwatch_protocol::{
    Agent, InboxFilter, Limit, ReportInbox, ReportedStatus, SessionId, TakeInbox, Timestamp, VentureCode,
};
use serde_json::{Value, json};

use super::list::{Conditions, List, Order};
use super::message::{Reader, message_json};
use super::person::is_person;
use super::statements;
use crate::database::{Param, Statement};

/// A number from 0 to 1,023 as two digits in base 32.
macro_rules! delivery_digits {
    ($n:literal) => {
        concat!(
            "substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (",
            $n,
            " >> 5) + 1, 1) || ",
            "substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (",
            $n,
            " & 31) + 1, 1)"
        )
    };
}

/// The condition for the deliveries `$d` of the message with the id `$id`: a range of their ids.
macro_rules! deliveries_of {
    ($d:literal, $id:literal) => {
        concat!(
            $d,
            ".id > 'dlv_' || substr(",
            $id,
            ", 5, 24) and ",
            $d,
            ".id < 'dlv_' || substr(",
            $id,
            ", 5, 24) || '~'"
        )
    };
}

/// A flag as a JSON value.
macro_rules! to_bool {
    ($flag:literal) => {
        concat!("json(iif(", $flag, ", 'true', 'false'))")
    };
}

/// The delivery `d` as JSON.
macro_rules! delivery_json {
    () => {
        concat!(
            "json_object('id', d.id, 'agent', d.agent, 'status', d.status, 'redelivered', ",
            $crate::store::delivery::to_bool!("d.redelivered"),
            ", 'partial', ",
            $crate::store::delivery::to_bool!("d.partial"),
            ", 'reason', d.reason, 'queued_at', d.queued_at, 'offered_at', d.offered_at, 'surfaced_at', d.surfaced_at, ",
            "'acknowledged_at', d.acknowledged_at, 'ended_at', d.ended_at)"
        )
    };
}
pub(super) use {deliveries_of, delivery_digits, delivery_json, to_bool};

/// Which messages the mode of session `s` lets through at `?2`: 1 all of them, 0 those with the priority `now`, -1 none.
/// `$counted` also lets those through that are only counted.
macro_rules! lets_through {
    (texts) => {
        "case when s.mode = 'off' then -1 when s.mode = 'inbox' or s.dnd_until > ?2 then 0 else 1 end"
    };
    (counted) => {
        "case when s.mode = 'off' then -1 when s.dnd_until > ?2 then 0 else 1 end"
    };
}

/// Whether the status is `$status`, in the form that the index of open deliveries needs.
macro_rules! is_open {
    ($status:literal) => {
        concat!("status = '", $status, "' and status in ('queued', 'offered')")
    };
}
use is_open;

/// The open deliveries with the status `$status` of the mailbox of `me`, in order. `human` is the mailbox of people.
macro_rules! in_mailbox {
    ($status:literal) => {
        concat!(
            "deliveries indexed by deliveries_open where venture = (select venture from me) ",
            "and agent = (select agent from me) and agent <> 'human' and ",
            $crate::store::delivery::is_open!($status)
        )
    };
}

/// Whether the delivery `d` is in the mailbox of the agent of session `?1`. Without a session, it is that of people of the
/// venture `$venture`.
macro_rules! is_in_mailbox {
    ($venture:literal) => {
        concat!(
            "d.venture = ifnull(",
            $venture,
            ", (select venture from sessions where id = ?1)) and d.agent = iif(?1 is null, 'human', ",
            "(select nullif(agent, 'human') from sessions where id = ?1))"
        )
    };
}

/// Whether a delivery ends when it is taken: it has expired, or the name of the agent has another owner.
macro_rules! ends {
    () => {
        "(expires_at <= ?2 or owner <> (select owner from me)) is true"
    };
}

/// The first 20 deliveries that wait for the agent `?2` of the venture `?1`, those among them that were sent to another owner
/// of its name. None, unless another owner has taken the name at `?3`.
macro_rules! mail_of_other {
    () => {
        concat!(
            "(select id from deliveries indexed by deliveries_open where venture = ?1 and agent = ?2 ",
            "and status in ('queued', 'offered') limit iif(",
            $crate::store::agent::has_new_owner!("?1", "?2", "?3"),
            ", 20, 0)) page cross join deliveries d on d.id = page.id ",
            "where d.owner <> (select a.owner from agents a where a.venture = ?1 and a.agent = ?2)"
        )
    };
}

statements! {
    /// Offers the deliveries that wait for the agent of session `?1` at `?2`: at most `?3`. With `?4`, also those that this
    /// epoch was offered, the newest first. A heartbeat before `?5` is stale. What has expired ends; it is not offered.
    ///
    /// A delivery that another process holds is offered again if this process is gone: its session has another epoch, is no
    /// longer active or is stale.
    TAKE = concat!("
        with me as materialized (
            select s.id, s.venture, s.agent, s.epoch, ifnull(s.machine_id, s.host) as machine, ", lets_through!(texts), " as most,
              (select a.owner from agents a where a.venture = s.venture and a.agent = s.agent) as owner
            from sessions s where s.id = ?1),
          held as materialized (
            select d.id, d.later, d.expires_at <= ?2 as is_late, (?4 and d.session_id = ?1 and d.epoch = (select epoch from me))
              or not exists (select 1 from sessions h where h.id = d.session_id and h.epoch = d.epoch and h.status = 'active'
                and h.last_heartbeat_at >= ?5) as is_free
            from (select id from ", in_mailbox!("offered"), " order by later, id limit 50) page cross join deliveries d on d.id = page.id),
          again as materialized (
            select id from held where is_free and not is_late and later <= (select most from me)
            order by later, iif(?4, id, null) desc, id limit ?3),
          queued as materialized (
            select id, expires_at <= ?2 as is_late from ", in_mailbox!("queued"), " and later <= (select most from me)
            order by later, id limit 60)
        update deliveries set
          status = case when not ", ends!(), " then 'offered' when expires_at <= ?2 then 'expired' else 'refused' end,
          reason = iif(", ends!(), " and expires_at > ?2, 'owner_changed', reason),
          ended_at = iif(", ends!(), ", ?2, null),
          offered_at = iif(", ends!(), ", offered_at, ?2),
          redelivered = redelivered or (status = 'offered' and machine <> (select machine from me) and not ", ends!(), ") is true,
          session_id = ?1, epoch = (select epoch from me), machine = (select machine from me)
        where id in (
          select id from held where is_free and is_late
          union all select id from again
          union all select id from queued where is_late
          union all select id from (select id from queued where not is_late limit max(0, min(
            ?3 - (select count(*) from again), 50 - (select count(*) from held where not is_late)))))
        returning id, iif(status = 'offered', (
          select json_object('delivery_id', deliveries.id, 'status', 'offered', 'redelivered', ", to_bool!("deliveries.redelivered"), ",
            'message', ", message_json!(), ") from messages m where m.id = deliveries.message_id), null) as item");

    /// How many more deliveries session `?1` counts at `?2`, at most 101.
    WAITING = concat!("
        with me as materialized (select s.venture, s.agent, ", lets_through!(counted), " as most from sessions s where s.id = ?1)
        select count(*) as n from (
          select 1 from ", in_mailbox!("queued"), " and later <= (select most from me) and expires_at > ?2 limit 101)");

    /// The reports `?3` of session `?1`, or of a person on the venture `?4`, a JSON array. `?2` is the current time. No report is
    /// about a later or an earlier time than the facts allow. A delivery that has expired counts as surfaced if it was shown before.
    /// One that was shown in part is shown wholly when a report says so.
    REPORT = concat!("
        update deliveries set
          status = iif(deliveries.status = 'acknowledged', deliveries.status, r.status),
          partial = iif(r.status = 'surfaced', r.partial, deliveries.partial),
          reason = iif(r.status = 'refused', r.reason, null),
          surfaced_at = iif(r.status = 'refused', surfaced_at, ifnull(surfaced_at, r.at)),
          acknowledged_at = iif(r.status = 'acknowledged', r.at, acknowledged_at),
          ended_at = iif(r.status = 'refused', r.at, null)
        from (select d.id, j.value ->> 'status' as status, j.value ->> 'partial' as partial, j.value ->> 'reason' as reason,
            max(min(j.value ->> 'at', ?2), ifnull(d.offered_at, d.queued_at)) as at
          from json_each(?3) j cross join deliveries d on d.id = j.value ->> 'id' where ", is_in_mailbox!("?4"), ") r
        where deliveries.id = r.id and (deliveries.status in ('queued', 'offered')
          or r.status <> 'refused' and deliveries.status = 'expired' and r.at < deliveries.expires_at
          or r.status = 'acknowledged' and deliveries.status = 'surfaced'
          or r.status = 'surfaced' and not r.partial and deliveries.partial and deliveries.status in ('surfaced', 'acknowledged'))");

    /// The sweep tells the senders of the deliveries `?3` that they were refused. Only those in the caller's mailbox count.
    TELL_SOON = concat!("
        update messages set due_at = ?2 where due_at > ?2 and id in (
          select d.message_id from json_each(?3) j cross join deliveries d on d.id = j.value
          where d.status = 'refused' and ", is_in_mailbox!("?4"), ")");

    REPORTED = concat!("
        select json_object('items', json((
          select json_group_array(json_object('delivery_id', j.value, 'status', d.status) order by j.value)
          from json_each(?2) j left join deliveries d on d.id = j.value and ", is_in_mailbox!("?3"), "))) as body");

    /// The sweep tells the senders of the mail that the next statement refuses.
    TELL_OF_OTHER = concat!("update messages set due_at = ?3 where id in (select d.message_id from ", mail_of_other!(), ")");

    /// The mail that waits for the agent `?2` of the venture `?1`, and that was sent while its name had another owner. The rest
    /// of it is refused when it is taken.
    REFUSE_MAIL_OF_OTHER = concat!("
        update deliveries set status = 'refused', reason = 'owner_changed', ended_at = ?3 where id in (
          select d.id from ", mail_of_other!(), ")");

    /// Fails the batch unless the caller may list the mailbox of agent `?2` of venture `?1`: `?3` says whether it has the admin
    /// key, `?4` is its token, `?5` its owner.
    UNLESS_OWN_INBOX = concat!("
        insert into message_refusals (reason)
        select 'inbox_of_other' from (select 1) left join tokens t on t.id = ?4
        where not ?3 and ifnull(instr(t.scopes_json, '\"admin\"'), 0) = 0 and case
          when ?2 = 'human' then not ifnull(", is_person!("t"), ", false)
          when t.agent is null then exists (select 1 from agents a where a.venture = ?1 and a.agent = ?2 and a.owner <> ?5)
          else t.agent <> ?2 end");
}

/// Takes deliveries: each row has an `id`, and an `item` unless the delivery has ended.
pub(crate) fn take(take: &TakeInbox, now: Timestamp, stale_before: Timestamp) -> Statement {
    Statement::new(TAKE).bind(&take.session_id).bind(now).bind(take.limit.get()).bind(take.again).bind(stale_before)
}

/// Counts the deliveries that still wait.
pub(crate) fn waiting(session: &SessionId, now: Timestamp) -> Statement {
    Statement::new(WAITING).bind(session).bind(now)
}

/// The largest exact number of waiting deliveries.
pub(crate) const MAX_WAITING: u32 = 100;

/// Records reports. The sweep tells the senders of what was refused.
pub(crate) fn report(report: &ReportInbox, now: Timestamp) -> Vec<Statement> {
    let facts = report.items.iter().map(|item| {
        let status = match item.status {
            ReportedStatus::Surfaced => "surfaced",
            ReportedStatus::Acknowledged => "acknowledged",
            ReportedStatus::Refused => "refused",
        };
        json!({ "id": item.delivery_id, "status": status, "at": item.at, "partial": item.partial, "reason": item.reason })
    });
    let facts = facts.collect::<Value>().to_string();
    let refused = report.items.iter().filter(|item| item.status == ReportedStatus::Refused);
    let refused: Vec<_> = refused.map(|item| &item.delivery_id).collect();
    let change =
        Statement::new(REPORT).bind(report.session_id.as_ref()).bind(now).bind(facts).bind(report.venture.as_ref());
    let mut steps = vec![change];
    if !refused.is_empty() {
        let ids = json!(refused).to_string();
        let tell = Statement::new(TELL_SOON).bind(report.session_id.as_ref()).bind(now).bind(ids);
        steps.push(tell.bind(report.venture.as_ref()));
    }
    steps
}

/// Selects the statuses after a report as `body`.
pub(crate) fn reported(report: &ReportInbox) -> Statement {
    let ids: Value = report.items.iter().map(|item| item.delivery_id.as_str()).collect();
    Statement::new(REPORTED).bind(report.session_id.as_ref()).bind(ids.to_string()).bind(report.venture.as_ref())
}

/// Refuses the mail of the earlier owner of an agent's name, after another one has taken the name.
pub(crate) fn refuse_mail_of_other(venture: &VentureCode, agent: &Agent, now: Timestamp) -> [Statement; 2] {
    [TELL_OF_OTHER, REFUSE_MAIL_OF_OTHER].map(|sql| Statement::new(sql).bind(venture).bind(agent).bind(now))
}

/// Fails the batch unless the caller may list the mailbox.
pub(crate) fn unless_own_inbox(filter: &InboxFilter, reader: &Reader) -> Statement {
    Statement::new(UNLESS_OWN_INBOX)
        .bind(&filter.venture)
        .bind(&filter.agent)
        .bind(reader.is_admin)
        .bind(reader.token)
        .bind(reader.owner)
        .non_durable()
}

const LIST: List = List {
    from: "deliveries d",
    item: concat!(
        "(select json_object('delivery_id', d.id, 'status', d.status, 'redelivered', ",
        to_bool!("d.redelivered"),
        ", 'message', ",
        message_json!(),
        ") from messages m where m.id = d.message_id)"
    ),
    key: "d.id",
    order: Order::Ascending,
};

/// The open deliveries of one status and priority in the mailbox of agent `?1` of venture `?2`. `?3` is the current time, `?4`
/// says whether the modes of the agent's sessions count, of which the most open one does; a heartbeat before `?5` is stale.
macro_rules! listed {
    ($status:literal, $later:literal) => {
        concat!(
            "d.venture = ?2 and d.agent = ?1 and d.",
            $crate::store::delivery::is_open!($status),
            " and d.later = ",
            $later,
            " and d.expires_at > ?3 and d.later <= iif(?4, ifnull((select max(case when s.mode = 'off' then -1 ",
            "when s.dnd_until > ?3 then 0 else 1 end) from (select mode, dnd_until, last_heartbeat_at from sessions ",
            "indexed by sessions_one_live where agent = ?1 and venture = ?2 and status = 'active' limit 10) s ",
            "where s.last_heartbeat_at >= ?5), 1), 1)"
        )
    };
}

/// The page and the total of `list_inbox`. With `as_agent`, the modes of the agent's sessions decide what is shown.
pub(crate) fn list(filter: &InboxFilter, as_agent: bool, now: Timestamp, stale_before: Timestamp) -> [Statement; 2] {
    let params = [
        Param::from(&filter.agent),
        Param::from(&filter.venture),
        Param::from(now),
        Param::from(as_agent),
        Param::from(stale_before),
    ];
    page(&params, filter.cursor.as_ref().map(Param::from).as_ref(), filter.limit.unwrap_or_default())
}

fn page(params: &[Param], cursor: Option<&Param>, limit: Limit) -> [Statement; 2] {
    let arms = [listed!("queued", 0), listed!("queued", 1), listed!("offered", 0), listed!("offered", 1)]
        .map(|condition| Conditions::of_params(condition, params.to_vec()).served_by("deliveries_open"));
    let all = arms.iter().map(|arm| format!("select 1 from deliveries d indexed by deliveries_open where {}", arm.sql));
    let all = all.collect::<Vec<_>>().join(" union all ");
    let total = format!(
        "select min(n, {MAX_TOTAL}) as total, n > {MAX_TOTAL} as total_is_minimum \
         from (select count(*) as n from ({all} limit {MAX_TOTAL} + 1))"
    );
    [LIST.items_of_any(&arms, cursor, limit), Statement::with(total, params.to_vec())]
}

/// The largest exact total. D1 counts each entry that a count reads, and the page reads several rows for each message.
const MAX_TOTAL: u32 = 300;

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    super::forms::every_form("delivery::list", |cursor: &Option<Param>| {
        page(&vec![Param::Null; 5], cursor.as_ref(), Limit::default())
    })
}
