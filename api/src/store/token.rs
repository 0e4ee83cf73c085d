//! Tokens: create, list and revoke them, and check the token of a request.

use std::collections::BTreeSet;

use deckwatch_protocol::{
    CreateToken, Cursor, HandoffId, Limit, NoteId, Operation, RequirementId, Scope, SessionId, Timestamp, TokenId,
    VentureCode,
};

use super::forms::every_form;
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The token `t` as JSON.
macro_rules! token_json {
    () => {
        "json_object('id', t.id, 'name', t.name, 'scopes', json(t.scopes_json), 'venture', t.venture, \
         'rate_limit_per_minute', t.rate_limit_per_minute, 'expires_at', t.expires_at, 'created_at', t.created_at, \
         'last_used_at', t.last_used_at, 'revoked_at', t.revoked_at, 'actor_key_id', t.actor_key_id, \
         'created_by', t.created_by, 'agent', t.agent, 'machine_id', t.machine_id)"
    };
}

/// Why the token `?1` with the hash `?2` is not valid at `?3`; no row if it is valid.
macro_rules! refusal {
    () => {
        "select case when t.id is null then 'unknown' when t.revoked_at is not null then 'revoked' else 'expired' end \
         as reason from (select 1) left join tokens t on t.id = ?1 and t.token_hash = ?2 \
         where t.id is null or t.revoked_at is not null or t.expires_at <= ?3"
    };
}

pub(super) use token_json;

macro_rules! out_of_scope {
    () => {
        "select 'scope' as reason from tokens t where t.id = ?1 and not exists ( \
         select 1 from json_each(t.scopes_json) has join json_each(?2) grants on grants.value = has.value)"
    };
}

/// Fails the batch unless the token `?1` has one of the scopes `?2`, which grant the operation, and has access to the data:
/// `$case` is another case of its refusal. One statement, because each one takes time.
macro_rules! authorize {
    ($case:literal) => {
        concat!(
            "insert into token_refusals (reason) select reason from (select case when not exists (",
            "select 1 from json_each(t.scopes_json) has join json_each(?2) grants on grants.value = has.value) then 'scope' ",
            $case,
            " end as reason from tokens t where t.id = ?1) where reason is not null"
        )
    };
}

statements! {
    /// Fails the batch unless the token is valid.
    ADMIT = concat!("insert into token_refusals (reason) ", refusal!());

    /// Any access.
    AUTHORIZE_FOR_SHARED = authorize!("");

    /// A token that is for one venture has no access.
    AUTHORIZE_FOR_ALL = authorize!("when t.venture is not null then 'venture'");

    /// `?3` is the venture.
    AUTHORIZE_FOR_VENTURE = authorize!("when t.venture <> ?3 then 'venture'");

    /// `?3` is the session.
    AUTHORIZE_FOR_SESSION = authorize!(
        "when t.venture is not null and not exists (select 1 from sessions s where s.id = ?3 and s.venture = t.venture) then 'session'");

    /// `?3` is the handoff.
    AUTHORIZE_FOR_HANDOFF = authorize!(
        "when t.venture is not null and not exists (select 1 from handoffs h where h.id = ?3 and h.venture = t.venture) then 'handoff'");

    /// `?3` is the note. With `?4`, a global note is allowed as well.
    AUTHORIZE_FOR_NOTE = authorize!("when t.venture is not null and not exists (
        select 1 from notes n where n.id = ?3 and (n.venture = t.venture or ?4 and n.venture is null)) then 'note'");

    WHY_REFUSED = refusal!();

    WHY_OUT_OF_SCOPE = out_of_scope!();

    /// The token of an agent changes no session of another agent.
    UNLESS_OWN_SESSION = "
        insert into agent_refusals (reason)
        select 'not_of_token' from tokens t join sessions s on s.id = ?2 where t.id = ?1 and t.agent <> s.agent";

    /// A token for one venture can't change a requirement of another venture, or of all ventures. For it, such a
    /// requirement does not exist.
    UNLESS_REQUIREMENT = "
        insert into refusals (reason)
        select 'requirement_not_found' from tokens t where t.id = ?1 and t.venture is not null
          and not exists (select 1 from doc_requirements r where r.id = ?2 and r.venture = t.venture)";

    /// At most once a minute: `?3` is a minute ago.
    TOUCH = "
        update tokens set last_used_at = ?2 where id = ?1 and (last_used_at is null or last_used_at <= ?3)";

    SELECT_VENTURE = "select json_object('venture', t.venture) as body from tokens t where t.id = ?1";

    /// Those of the tokens `?1`, a JSON array, that are not valid at `?2`.
    INVALID_OF = "
        select j.value as id from json_each(?1) j left join tokens t on t.id = j.value
        where t.id is null or t.revoked_at is not null or t.expires_at <= ?2";

    INSERT = "
        insert into tokens (id, token_hash, actor_key_id, name, scopes_json, venture, rate_limit_per_minute, expires_at,
          created_at, created_by, creation_correlation_id)
        values (?1, ?2, substr(?2, 1, 16), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

    UNLESS_TOKEN = "
        insert into token_refusals (reason) select 'missing' where not exists (select 1 from tokens where id = ?1)";

    /// A second revocation changes nothing.
    REVOKE = "update tokens set revoked_at = ?2 where id = ?1 and revoked_at is null";
}

responses! {
    /// The stored response has the seal `?2` in place of the token.
    SELECT_MINTED = concat!(
        "select 201, json_set(", token_json!(), ", '$.token', ?2), null, null from tokens t where t.id = ?1"
    );

    SELECT_RESPONSE = concat!("select 200, ", token_json!(), ", null, null from tokens t where t.id = ?1");
}

/// Fails the batch unless the token is valid.
pub(crate) fn admit(id: &TokenId, hash: &str, now: Timestamp) -> Statement {
    Statement::new(ADMIT).non_durable().bind(id).bind(hash).bind(now)
}

/// Statements that fail the batch unless the token has the scope and has access to the data.
pub(crate) struct Authorize<'a> {
    pub(crate) token: &'a TokenId,
    pub(crate) operation: Operation,
}

impl Authorize<'_> {
    fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql).non_durable().bind(self.token).bind(granting_scopes(self.operation))
    }

    pub(crate) fn for_shared(&self) -> Statement {
        self.bind(AUTHORIZE_FOR_SHARED)
    }

    pub(crate) fn for_all(&self) -> Statement {
        self.bind(AUTHORIZE_FOR_ALL)
    }

    pub(crate) fn for_venture(&self, venture: &VentureCode) -> Statement {
        self.bind(AUTHORIZE_FOR_VENTURE).bind(venture)
    }

    pub(crate) fn for_session(&self, session: &SessionId) -> Statement {
        self.bind(AUTHORIZE_FOR_SESSION).bind(session)
    }

    pub(crate) fn for_handoff(&self, handoff: &HandoffId) -> Statement {
        self.bind(AUTHORIZE_FOR_HANDOFF).bind(handoff)
    }

    pub(crate) fn for_note(&self, note: &NoteId, or_global: bool) -> Statement {
        self.bind(AUTHORIZE_FOR_NOTE).bind(note).bind(or_global)
    }
}

/// Selects the reason why a token is not valid; no row if it is valid.
pub(crate) fn why_refused(id: &TokenId, hash: &str, now: Timestamp) -> Statement {
    Statement::new(WHY_REFUSED).bind(id).bind(hash).bind(now)
}

/// Selects the reason if no scope of a token grants `operation`; no row if one does.
pub(crate) fn why_out_of_scope(id: &TokenId, operation: Operation) -> Statement {
    Statement::new(WHY_OUT_OF_SCOPE).bind(id).bind(granting_scopes(operation))
}

/// The scopes that grant `operation`, as a JSON array.
fn granting_scopes(operation: Operation) -> String {
    scopes_json(Scope::ALL.iter().filter(|scope| scope.grants(operation)))
}

/// Scopes as a JSON array.
fn scopes_json<'a>(scopes: impl Iterator<Item = &'a Scope>) -> String {
    scopes.map(|scope| scope.as_str()).collect::<serde_json::Value>().to_string()
}

pub(crate) fn unless_own_session(id: &TokenId, session: &SessionId) -> Statement {
    Statement::new(UNLESS_OWN_SESSION).non_durable().bind(id).bind(session)
}

pub(crate) fn unless_requirement(id: &TokenId, requirement: &RequirementId) -> Statement {
    Statement::new(UNLESS_REQUIREMENT).bind(id).bind(requirement)
}

/// Selects the venture of a token as `body`.
pub(crate) fn select_venture(id: &TokenId) -> Statement {
    Statement::new(SELECT_VENTURE).bind(id)
}

/// Selects those of `tokens` that are not valid at `now`.
pub(crate) fn invalid_of(tokens: &BTreeSet<TokenId>, now: Timestamp) -> Statement {
    let ids: serde_json::Value = tokens.iter().map(TokenId::as_str).collect();
    Statement::new(INVALID_OF).bind(ids.to_string()).bind(now)
}

pub(crate) fn touch(id: &TokenId, now: Timestamp, a_minute_ago: Timestamp) -> Statement {
    Statement::new(TOUCH).non_durable().bind(id).bind(now).bind(a_minute_ago)
}

/// A token to insert.
pub(crate) struct NewToken<'a> {
    pub(crate) id: &'a TokenId,
    /// The SHA-256 of the token in hexadecimal.
    pub(crate) hash: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

pub(crate) fn insert(request: &CreateToken, new: &NewToken) -> Statement {
    Statement::new(INSERT)
        .bind(new.id)
        .bind(new.hash)
        .bind(&request.name)
        .bind(scopes_json(request.scopes.iter()))
        .bind(request.venture.as_ref())
        .bind(request.rate_limit_per_minute.get())
        .bind(request.expires_at)
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
}

pub(crate) fn select_minted(id: &TokenId, seal: &str) -> SelectResponse {
    SELECT_MINTED.select().bind(id).bind(seal)
}

pub(crate) fn unless_token(id: &TokenId) -> Statement {
    Statement::new(UNLESS_TOKEN).bind(id)
}

pub(crate) fn revoke(id: &TokenId, now: Timestamp) -> Statement {
    Statement::new(REVOKE).bind(id).bind(now)
}

pub(crate) fn select_response(id: &TokenId) -> SelectResponse {
    SELECT_RESPONSE.select().bind(id)
}

const LIST: List = List { from: "tokens t", item: token_json!(), key: "t.id", order: Order::Descending };

/// The page and the total of `list_tokens`.
pub(crate) fn list(limit: Limit, cursor: Option<&Cursor>) -> [Statement; 2] {
    page(cursor.map(Param::from).as_ref(), limit)
}

fn page(cursor: Option<&Param>, limit: Limit) -> [Statement; 2] {
    LIST.page(&Conditions::none(), cursor, limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("token::list", |cursor: &Option<Param>| page(cursor.as_ref(), Limit::default()))
}
