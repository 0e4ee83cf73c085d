//! Tokens: create, list and revoke the keys of single agents.

use deckwatch_protocol::{CreateToken, ListTokens, TokenId, Violations};

use crate::call::Call;
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::middleware::token::Seal;
use crate::plan::Plan;
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
    let token = seal.open(&id, call.caller.key()).ok_or_else(|| {
        ApiError::internal(
            "a seal that has a seal that is \
                                                                                    not valid",
        )
    })?;
    let new = NewToken {
        id: &id,
        hash: &hex(&sha256(token.as_bytes())),
        now: call.now,
        actor: &call.caller.actor,
        correlation_id: call.correlation_id.as_str(),
    };
    let mut steps: Vec<_> = request.venture.as_ref().map(store::refusal::unless_venture).into_iter().collect();
    steps.push(store::token::insert(&request, &new));
    Ok(Plan::write(steps, store::token::select_minted(&id, seal.as_str())))
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
