//! Fences: presence, claims, state, take and report belong to the newest process of a session.
//!
//! A handler with a fence puts [`unless_current`] first among its steps, and sets `DataAccess::Session` of the fence's
//! session. The latter refuses the token of another venture (404) and, for a write, of another agent (403). Handoffs, notes
//! and messages are recorded whatever the epoch: their handlers begin with `refusal::unless_session`.

use deckwatch_protocol::{Epoch, Fence, SessionId, Timestamp};

use super::statements;
use crate::database::Statement;

statements! {
    /// `?1` is the session, `?2` the epoch. A heartbeat before `?3` is stale.
    UNLESS_CURRENT = "
        insert into agent_refusals (reason)
        select case when s.id is null then 'session_not_found' when s.epoch <> ?2 then 'superseded'
          when s.status = 'ended' then 'session_ended' else 'session_not_active' end
        from (select 1) left join sessions s on s.id = ?1
        where s.id is null or s.epoch <> ?2 or s.status <> 'active' or s.last_heartbeat_at < ?3";

    IF_SUPERSEDED = "
        insert into agent_refusals (reason)
        select 'superseded' where exists (select 1 from sessions where id = ?1 and epoch <> ?2)";
}

/// Fails the batch unless the session is active and has this epoch.
pub(crate) fn unless_current(fence: &Fence, stale_before: Timestamp) -> Statement {
    Statement::new(UNLESS_CURRENT).bind(&fence.session_id).bind(fence.epoch.get()).bind(stale_before).non_durable()
}

/// Fails the batch if the session has another epoch.
pub(crate) fn if_superseded(session: &SessionId, epoch: Epoch) -> Statement {
    Statement::new(IF_SUPERSEDED).bind(session).bind(epoch.get()).non_durable()
}
