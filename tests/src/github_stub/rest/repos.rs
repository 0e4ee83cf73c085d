//! Repositories.

use serde_json::Value;

use super::Call;
use crate::github_stub::access;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::shapes;
use crate::github_stub::token::Level;

pub(super) fn get(call: &Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, &[("metadata", Level::Read)])?;
    Ok(Answer::ok(shapes::full_repository(call.world, &call.base, repo)))
}

pub(super) fn of_organization(call: &Call, org: &str) -> Answer {
    let owned = call.world.repos.iter().filter(|repo| repo.owner.eq_ignore_ascii_case(org));
    let seen = owned.filter(|repo| access::see(call.world, &call.caller, repo).is_ok());
    let all: Vec<Value> = seen.map(|repo| shapes::repository(call.world, &call.base, repo)).collect();
    call.list(all)
}
