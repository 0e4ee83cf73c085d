//! Tokens of agents: one for each agent, machine and key. A second exchange of the key renews the token.

use deckwatch_protocol::{Agent, CreateAgentToken, Timestamp, Token, TokenId, TokenName, Uuid, cut};

use super::responses::{SelectResponse, responses};
use super::statements;
use super::token::token_json;
use crate::database::Statement;
use crate::store::token::NewToken;

statements! {
    /// The caller `?1` may have the token of an agent: then it is for this agent `?2` and this machine `?3` only.
    UNLESS_OF_TOKEN = "
        insert into agent_refusals (reason)
        select 'not_of_token' from tokens t where t.id = ?1 and (t.agent <> ?2 or t.machine_id <> ifnull(?3, t.machine_id))";

    /// The token of an agent is renewed only as long as the key is valid that it was exchanged for: a configured key, whose
    /// actor is in `?2`, or a token that is valid at `?3`.
    UNLESS_RENEWABLE = "
        insert into agent_refusals (reason)
        select 'token_not_renewable' from tokens t left join tokens p on p.id = t.exchanged_token_id
        where t.id = ?1 and t.agent is not null and not iif(t.exchanged_token_id is null, instr(?2, t.created_by) > 0,
          ifnull(p.revoked_at is null and ifnull(p.expires_at > ?3, true), false))";

    /// Creates the token, or renews the one that the same key was exchanged for before. `?12` is the caller's token, if it
    /// has one; the token of an agent creates none. The new token is not valid for longer than the one it replaces.
    EXCHANGE = "
        insert into tokens (id, token_hash, actor_key_id, name, scopes_json, venture, rate_limit_per_minute, expires_at,
          created_at, created_by, creation_correlation_id, agent, machine_id, owner, exchanged_token_id)
        select ?1, ?2, substr(?2, 1, 16), ?3, '[\"context\"]', ?4, ?5, min(?6, ifnull(p.expires_at, ?6)), ?7, ?8, ?9, ?10, ?11,
          ?13, ?12
        from (select 1) left join tokens p on p.id = ?12 where p.agent is null
        on conflict (venture, agent, machine_id, created_by) where agent is not null and revoked_at is null
          do update set expires_at = excluded.expires_at";

    /// Deletes tokens of agents that expired before `?1`.
    FORGET = "
        delete from tokens where id in (
          select id from tokens indexed by tokens_of_agents_by_expiry
          where agent is not null and expires_at < ?1 order by expires_at limit 1000)
        returning 1 as one";

    /// Renews the token of the agent that is the caller.
    RENEW_OWN = "
        update tokens set expires_at =
          min(?2, ifnull((select p.expires_at from tokens p where p.id = tokens.exchanged_token_id), ?2))
        where id = ?1 and agent is not null";
}

responses! {
    /// The token of the caller `?6` itself if it is that of an agent, or the one that its key was exchanged for. The stored
    /// response has the seal `?7` in place of the token. `?5` is the id of a new token.
    SELECT_EXCHANGED = concat!(
        "select iif(t.id = ?5, 201, 200), json_set(", token_json!(), ", '$.token', ?7), null, null from tokens t where t.id = ",
        "ifnull((select id from tokens where id = ?6 and agent is not null), ",
        "(select id from tokens where venture = ?1 and agent = ?2 and machine_id = ?3 and created_by = ?4 and revoked_at is null))"
    );
}

/// Fails the batch if the token is that of another agent or machine. A request may name no machine.
pub(crate) fn unless_of_token(token: &TokenId, agent: &Agent, machine: Option<&Uuid>) -> Statement {
    Statement::new(UNLESS_OF_TOKEN).bind(token).bind(agent).bind(machine).non_durable()
}

/// Fails the batch if the token is that of an agent, and the key that it was exchanged for is no longer valid.
/// `configured` are the actors of the configured keys.
pub(crate) fn unless_renewable(token: &TokenId, configured: &str, now: Timestamp) -> Statement {
    Statement::new(UNLESS_RENEWABLE).bind(token).bind(configured).bind(now).non_durable()
}

/// When a token expires that is created or renewed at `now`.
fn expires_at(now: Timestamp) -> Timestamp {
    now.plus_seconds(Token::OF_AGENT_SECONDS)
}

/// Creates or renews the token of an agent, unless the caller has the token of an agent.
pub(crate) fn exchange(
    request: &CreateAgentToken,
    new: &NewToken,
    owner: &str,
    caller_token: Option<&TokenId>,
) -> Statement {
    Statement::new(EXCHANGE)
        .bind(new.id)
        .bind(new.hash)
        .bind(cut::to_chars(request.agent.as_str(), TokenName::MAX_CHARS))
        .bind(&request.venture)
        .bind(Token::OF_AGENT_RATE)
        .bind(expires_at(new.now))
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(&request.agent)
        .bind(&request.machine_id)
        .bind(caller_token)
        .bind(owner)
}

/// Renews the caller's token, if it is that of an agent.
pub(crate) fn renew_own(token: &TokenId, now: Timestamp) -> Statement {
    Statement::new(RENEW_OWN).bind(token).bind(expires_at(now))
}

/// Deletes tokens of agents that expired before `before`.
pub(crate) fn forget(before: Timestamp) -> Statement {
    Statement::new(FORGET).bind(before)
}

/// Selects the token of the agent as the response.
pub(crate) fn select_exchanged(
    request: &CreateAgentToken,
    new: &NewToken,
    caller_token: Option<&TokenId>,
    seal: &str,
) -> SelectResponse {
    SELECT_EXCHANGED
        .select()
        .bind(&request.venture)
        .bind(&request.agent)
        .bind(&request.machine_id)
        .bind(new.actor)
        .bind(new.id)
        .bind(caller_token)
        .bind(seal)
}
