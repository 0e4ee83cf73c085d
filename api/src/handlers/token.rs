//! Tokens: create, list and revoke the keys of single agents.

use deckwatch_protocol::{CreateAgentToken, CreateToken, ListTokens, TokenId, Violations};

use crate::call::Call;
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::middleware::token::Seal;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;
use crate::store::token::NewToken;

/// Creates a token. Its secret is computed from the caller's key and a random seal. Only the seal is stored with the
/// response. A client that repeats the request sends the key again (see `middleware::token`).
pub(crate) fn create_token(call: &Call, request: CreateToken) -> Result<Plan, ApiError> {
    if request.expires_at.is_some_and(|at| at <= call.now) {
        return Err(Violations::at("/expires_at", "must be in the future").into());
    }
    let id = TokenId::mint(call.now, random_bits(call.entropy));
    let seal = Seal::random(call.entropy);
    let hash = hash_of_sealed(call, &seal, &id)?;
    let new = new_token(call, &id, &hash);
    let mut steps: Vec<_> = request.venture.as_ref().map(store::refusal::unless_venture).into_iter().collect();
    steps.push(store::token::insert(&request, &new));
    Ok(Plan::write(steps, store::token::select_minted(&id, seal.as_str())))
}

/// Exchanges the caller's key for the token of an agent. A token of an agent renews itself. Its secret is computed from the
/// caller's key alone, so the same key always gets the same token.
pub(crate) fn create_agent_token(call: &Call, request: CreateAgentToken) -> Result<Plan, ApiError> {
    let id = TokenId::mint(call.now, random_bits(call.entropy));
    let seal = Seal::of_agents();
    let hash = hash_of_sealed(call, &seal, &id)?;
    let new = new_token(call, &id, &hash);
    let mut steps = vec![store::refusal::unless_venture(&request.venture)];
    let token = call.caller.token_id();
    if let Some(token) = token {
        steps.push(store::agent_token::unless_of_token(token, &request.agent, Some(&request.machine_id)));
        steps.push(store::agent_token::unless_renewable(token, call.caller.configured_actors(), call.now));
        steps.push(store::agent_token::renew_own(token, call.now));
    }
    steps.push(store::agent_token::exchange(&request, &new, call.caller.owner(), token));
    let answer = store::agent_token::select_exchanged(&request, &new, token, seal.as_str());
    Ok(Plan::write(steps, answer).with_access(DataAccess::Venture(request.venture)))
}

/// The hash of the token that the seal stands for.
fn hash_of_sealed(call: &Call, seal: &Seal, id: &TokenId) -> Result<String, ApiError> {
    let token =
        seal.open(id, call.caller.key()).ok_or_else(|| ApiError::internal("the seal of a new token is not valid"))?;
    Ok(hex(&sha256(token.as_bytes())))
}

fn new_token<'a>(call: &'a Call, id: &'a TokenId, hash: &'a str) -> NewToken<'a> {
    let correlation_id = call.correlation_id.as_str();
    NewToken { id, hash, now: call.now, actor: &call.caller.actor, correlation_id }
}

/// Lists tokens, newest first.
pub(crate) fn list_tokens(_: &Call, filter: ListTokens) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::token::list(limit, filter.cursor.as_ref());
    Ok(Plan::page(items, total, limit))
}

/// Revokes a token. A second call returns the time of the first one.
pub(crate) fn revoke_token(call: &Call, id: TokenId) -> Result<Plan, ApiError> {
    let steps = vec![store::token::unless_token(&id), store::token::revoke(&id, call.now)];
    Ok(Plan::write(steps, store::token::select_response(&id)))
}
