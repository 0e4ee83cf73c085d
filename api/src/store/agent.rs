//! The names of agents. A name in a venture belongs to the owner and the machine that took it first.

use deckwatch_protocol::{StartDay, Timestamp, TokenId};

use super::statements;
use crate::database::Statement;

/// Whether the request names no machine. Then it takes no name, and the name of nobody is refused to it.
macro_rules! names_no_machine {
    () => {
        "excluded.machine_id is null"
    };
}

/// Whether the name belongs to the caller.
macro_rules! is_own {
    () => {
        "(owner, machine_id) = (excluded.owner, excluded.machine_id)"
    };
}

/// Whether the name stays with its owner, so that the request only uses it.
macro_rules! stays {
    () => {
        concat!("(", names_no_machine!(), " or ", is_own!(), ")")
    };
}

/// Whether the agent `$agent` of the venture `$venture` has had another owner until `$now`.
macro_rules! has_new_owner {
    ($venture:literal, $agent:literal, $now:literal) => {
        concat!(
            "(select n.taken_at = ",
            $now,
            " and n.taken_from <> n.owner from agents n where n.venture = ",
            $venture,
            " and n.agent = ",
            $agent,
            ")"
        )
    };
}
pub(super) use has_new_owner;

statements! {
    /// Records that the agent `?2` of the venture `?1` was seen at `?5`, and takes its name if it is free or if `?7` says why.
    /// `?3` is the owner of the caller's key, `?4` its machine, `?6` its token: the token of an agent has both. If the name
    /// belongs to another one, its owner would be empty, which a check refuses. One statement, because each one takes time. Returns
    /// the number of the newest event, if this batch has appended it.
    TAKE_NAME = concat!("
        insert into agents (venture, agent, owner, machine_id, taken_at, last_seen_at)
        select ?1, ?2, ifnull(t.owner, ?3), ifnull(?4, t.machine_id), ?5, ?5
        from (select 1) left join tokens t on t.id = ?6 where true
        on conflict (venture, agent) do update set
          owner = case when ", names_no_machine!(), " then owner
            when machine_id is null or ?7 is not null or ", is_own!(), " then excluded.owner else '' end,
          machine_id = ifnull(excluded.machine_id, machine_id),
          taken_at = iif(", stays!(), ", taken_at, excluded.taken_at),
          taken_from = iif(", stays!(), ", taken_from, iif(machine_id is null and owner = excluded.owner, null, owner)),
          take_over_reason = iif(", stays!(), ", take_over_reason, ?7),
          last_seen_at = excluded.last_seen_at
        returning (select seq from events where seq = (select max(seq) from events) and at = ?5) as event_seq");
}

/// The caller of a start of day: the owner of its key, which the token of an agent replaces.
pub(crate) struct NameTaker<'a> {
    pub(crate) owner: &'a str,
    pub(crate) token: Option<&'a TokenId>,
}

/// Takes the name of the agent, or fails the batch if it belongs to another owner or machine.
pub(crate) fn take_name(day: &StartDay, by: &NameTaker, now: Timestamp) -> Statement {
    Statement::new(TAKE_NAME)
        .bind(&day.venture)
        .bind(&day.agent)
        .bind(by.owner)
        .bind(day.machine_id.as_ref())
        .bind(now)
        .bind(by.token)
        .bind(day.take_over.as_ref())
}
