//! Users.

use serde_json::Value;

use super::Call;
use crate::github_stub::access;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::caller::Caller;
use crate::github_stub::shapes;
use crate::github_stub::token::Grant;

/// The login of the user. The token of an installation is no user's.
fn login(call: &Call) -> Result<String, Answer> {
    match &call.caller {
        Caller::Nobody => Err(Answer::error(401, "Requires authentication")),
        Caller::Token(token) if !matches!(token.grant, Grant::Installation { .. }) => Ok(token.login.clone()),
        Caller::App(_) | Caller::Token(_) => Err(Answer::error(403, "Resource not accessible by integration")),
    }
}

pub(super) fn current(call: &Call) -> Handled {
    get(call, &login(call)?)
}

pub(super) fn get(call: &Call, login: &str) -> Handled {
    let account = call.world.find_account(login).ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(shapes::public(call.world, &call.base, account)))
}

pub(super) fn repos(call: &Call) -> Handled {
    let login = login(call)?;
    let own = call.world.repos.iter().filter(|repo| repo.collaborators.keys().any(|name| *name == login));
    let seen = own.filter(|repo| access::see(call.world, &call.caller, repo).is_ok());
    let all: Vec<Value> = seen.map(|repo| shapes::repository(call.world, &call.base, repo)).collect();
    Ok(call.list(all))
}
