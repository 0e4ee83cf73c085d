//! What a caller may do with a repository. GitHub hides what a token may not see: 404.

use super::answer::Answer;
use super::caller::Caller;
use super::token::{Grant, Level, Permissions, Token};
use super::world::{Repo, Role, World};

/// A permission of which one is enough.
pub(super) type AnyOf = &'static [(&'static str, Level)];

/// Checks that the caller may see the repository.
pub(super) fn see(world: &World, caller: &Caller, repo: &Repo) -> Result<(), Answer> {
    let visible = match caller {
        Caller::Nobody | Caller::App(_) => !repo.private,
        Caller::Token(token) => !repo.private || sees_private(world, token, repo),
    };
    if visible { Ok(()) } else { Err(Answer::not_found()) }
}

fn sees_private(world: &World, token: &Token, repo: &Repo) -> bool {
    match &token.grant {
        Grant::Classic { .. } => token.grant.has_scope("repo") && repo.role(&token.login).is_some(),
        Grant::FineGrained { repos, .. } => repos.contains(&repo.id) && repo.role(&token.login).is_some(),
        Grant::Installation { .. } => covers(world, token, repo),
    }
}

/// Whether the token of an installation covers the repository now.
pub(super) fn covers(world: &World, token: &Token, repo: &Repo) -> bool {
    let Grant::Installation { installation, repos, .. } = &token.grant else { return false };
    let Some(installation) = world.installation(*installation) else { return false };
    let selected = [repos, &installation.repos].into_iter().flatten().all(|repos| repos.contains(&repo.id));
    installation.account.eq_ignore_ascii_case(&repo.owner) && selected
}

/// Checks one of the permissions on a repository that the caller sees.
pub(super) fn need(world: &World, caller: &Caller, repo: &Repo, any_of: AnyOf) -> Result<(), Answer> {
    see(world, caller, repo)?;
    let writes = any_of.iter().any(|(_, level)| *level > Level::Read);
    let Caller::Token(token) = caller else {
        return if writes { Err(Answer::error(401, "Requires authentication")) } else { Ok(()) };
    };
    match &token.grant {
        Grant::Classic { .. } => {
            let scope = token.grant.has_scope("repo") || (!repo.private && token.grant.has_scope("public_repo"));
            if writes && !(scope && can_push(token, repo)) { Err(Answer::not_found()) } else { Ok(()) }
        }
        Grant::FineGrained { permissions, repos } => {
            let granted = repos.contains(&repo.id) && holds(permissions, any_of) && (!writes || can_push(token, repo));
            let open = !repo.private && !writes;
            refuse_unless(granted || open, "Resource not accessible by personal access token", any_of)
        }
        Grant::Installation { permissions, .. } => {
            let granted = covers(world, token, repo) && holds(permissions, any_of);
            let open = !repo.private && !writes;
            refuse_unless(granted || open, "Resource not accessible by integration", any_of)
        }
    }?;
    if writes && repo.archived {
        return Err(Answer::error(403, "Repository was archived so is read-only."));
    }
    Ok(())
}

fn can_push(token: &Token, repo: &Repo) -> bool {
    repo.role(&token.login) >= Some(Role::Write)
}

fn holds(permissions: &Permissions, any_of: AnyOf) -> bool {
    any_of.iter().any(|(name, level)| permissions.get(*name) >= Some(level))
}

fn refuse_unless(granted: bool, message: &str, any_of: AnyOf) -> Result<(), Answer> {
    if granted {
        return Ok(());
    }
    let accepted: Vec<String> = any_of.iter().map(|(name, level)| format!("{name}={}", level.name())).collect();
    Err(Answer::error(403, message).with("x-accepted-github-permissions", accepted.join("; ")))
}
