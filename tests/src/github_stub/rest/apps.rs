//! Apps and installations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Call, number};
use crate::github_stub::access;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::app::{App, Installation};
use crate::github_stub::caller::Caller;
use crate::github_stub::page;
use crate::github_stub::shapes;
use crate::github_stub::token::{Grant, Level, Permissions};

/// The App that calls. These operations take a JWT, not a token.
fn caller<'a>(call: &'a Call) -> Result<&'a App, Answer> {
    match &call.caller {
        Caller::App(id) => call.world.app(*id).ok_or_else(|| Answer::error(404, "Integration not found")),
        Caller::Nobody | Caller::Token(_) => Err(Answer::error(401, "A JSON web token could not be decoded")),
    }
}

pub(super) fn get(call: &Call) -> Handled {
    Ok(Answer::ok(shapes::app(call.world, &call.base, caller(call)?)))
}

pub(super) fn installations(call: &Call) -> Handled {
    let app = caller(call)?.id;
    let own = call.world.installations.iter().filter(|installation| installation.app_id == app);
    let all: Vec<Value> = own.map(|own| shapes::installation(call.world, &call.base, own)).collect();
    Ok(call.list(all))
}

fn own_installation(call: &Call, id: &str) -> Result<Installation, Answer> {
    let (app, id) = (caller(call)?.id, number(id)?);
    let own = call.world.installation(id).filter(|installation| installation.app_id == app);
    own.cloned().ok_or_else(Answer::not_found)
}

pub(super) fn installation(call: &Call, id: &str) -> Handled {
    Ok(Answer::ok(shapes::installation(call.world, &call.base, &own_installation(call, id)?)))
}

pub(super) fn of_repo(call: &Call, owner: &str, name: &str) -> Handled {
    let app = caller(call)?.id;
    let full = format!("{owner}/{name}");
    let repo = call.world.repos.iter().find(|repo| repo.full_name().eq_ignore_ascii_case(&full));
    let repo = repo.ok_or_else(Answer::not_found)?;
    let covers = |installation: &&Installation| {
        installation.app_id == app
            && installation.account.eq_ignore_ascii_case(owner)
            && installation.repos.as_ref().is_none_or(|repos| repos.contains(&repo.id))
    };
    let found = call.world.installations.iter().find(covers).ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(shapes::installation(call.world, &call.base, found)))
}

pub(super) fn create_token(call: &mut Call, id: &str) -> Handled {
    let installation = own_installation(call, id)?;
    if installation.suspended_at.is_some() {
        return Err(Answer::error(403, "This installation has been suspended"));
    }
    let permissions = wanted_permissions(&call.body["permissions"], &installation.permissions)?;
    let repos = wanted_repos(call, &installation)?;
    let (token, expires_at) = call.world.installation_token(&installation, permissions.clone(), repos.clone());
    let mut body = json!({
        "token": token, "expires_at": shapes::time(expires_at), "permissions": shapes::permissions(&permissions),
        "repository_selection": if installation.repos.is_some() || repos.is_some() { "selected" } else { "all" },
    });
    if let Some(repos) = repos.or(installation.repos) {
        let known = repos.iter().filter_map(|id| call.world.repo_by_id(*id));
        body["repositories"] = known.map(|repo| shapes::repository(call.world, &call.base, repo)).collect();
    }
    Ok(Answer { status: 201, ..Answer::ok(body) })
}

/// A token gets no more than the installation has.
fn wanted_permissions(wanted: &Value, granted: &Permissions) -> Result<Permissions, Answer> {
    let Some(wanted) = wanted.as_object() else { return Ok(granted.clone()) };
    let refused = || Answer::error(422, "The permissions requested are not granted to this installation.");
    let level = |(name, level): (&String, &Value)| {
        let level = level.as_str().and_then(Level::parse).ok_or_else(refused)?;
        if granted.get(name) >= Some(&level) { Ok((name.clone(), level)) } else { Err(refused()) }
    };
    wanted.iter().map(level).collect()
}

fn wanted_repos(call: &Call, installation: &Installation) -> Result<Option<BTreeSet<u64>>, Answer> {
    let refused = || {
        let message =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        Answer::error(422, message)
    };
    let of_account = |id: u64| {
        let repo = call.world.repo_by_id(id)?;
        let selected = installation.repos.as_ref().is_none_or(|repos| repos.contains(&id));
        (selected && repo.owner.eq_ignore_ascii_case(&installation.account)).then_some(id)
    };
    let by_name = |name: &Value| {
        let name = format!("{}/{}", installation.account, name.as_str()?);
        call.world.repos.iter().find(|repo| repo.full_name().eq_ignore_ascii_case(&name)).map(|repo| repo.id)
    };
    let (names, ids) = (call.body["repositories"].as_array(), call.body["repository_ids"].as_array());
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let names = names.into_iter().flatten().map(by_name);
    let ids = ids.into_iter().flatten().map(Value::as_u64);
    names.chain(ids).map(|id| id.and_then(of_account).ok_or_else(refused)).collect::<Result<_, _>>().map(Some)
}

/// The repositories that a token of an installation covers.
pub(super) fn repositories(call: &Call) -> Handled {
    let Caller::Token(token) = &call.caller else { return Err(Answer::error(401, "Requires authentication")) };
    if !matches!(token.grant, Grant::Installation { .. }) {
        return Err(Answer::error(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    }
    let covered = call.world.repos.iter().filter(|repo| access::covers(call.world, token, repo));
    let all: Vec<Value> = covered.map(|repo| shapes::repository(call.world, &call.base, repo)).collect();
    let total = all.len();
    let (shown, link) = page::page(all, &call.url(), &call.query);
    let answer = Answer::ok(json!({ "total_count": total, "repositories": shown }));
    Ok(link.into_iter().fold(answer, |answer, link| answer.with("link", link)))
}

fn hook_json(app: &App) -> Value {
    json!({ "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": app.hook_url.as_deref().unwrap_or("") })
}

pub(super) fn hook(call: &Call) -> Handled {
    Ok(Answer::ok(hook_json(caller(call)?)))
}

pub(super) fn update_hook(call: &mut Call) -> Handled {
    let id = caller(call)?.id;
    let text = |name: &str| call.body[name].as_str().map(str::to_owned);
    let (url, secret) = (text("url"), text("secret"));
    let app = call.world.apps.iter_mut().find(|app| app.id == id).ok_or_else(Answer::not_found)?;
    app.hook_url = url.or(app.hook_url.take());
    app.hook_secret = secret.unwrap_or_else(|| app.hook_secret.clone());
    Ok(Answer::ok(hook_json(app)))
}

/// Turns a manifest into an App. A code is valid once.
pub(super) fn convert_manifest(call: &mut Call, code: &str) -> Handled {
    let id = call.world.manifests.remove(code).ok_or_else(Answer::not_found)?;
    let app = call.world.app(id).ok_or_else(Answer::not_found)?;
    let mut body = shapes::app(call.world, &call.base, app);
    body["client_secret"] = json!(format!("client-{id}"));
    body["webhook_secret"] = json!(app.hook_secret);
    body["pem"] = json!(app.private_key);
    Ok(Answer { status: 201, ..Answer::ok(body) })
}
