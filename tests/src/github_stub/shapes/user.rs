//! Accounts.

use serde_json::{Value, json};

use super::{WEB, node_id, time};
use crate::github_stub::world::{Account, AccountKind, World};

/// The account of this login. A login without an account gets the form of a deleted one, `null`.
pub(in crate::github_stub) fn account(world: &World, base: &str, login: &str) -> Value {
    world.find_account(login).map_or(Value::Null, |account| user(base, account))
}

fn user(base: &str, account: &Account) -> Value {
    let (id, login) = (account.id, account.login.as_str());
    let url = format!("{base}/users/{login}");
    let kind = match account.kind {
        AccountKind::User => "User",
        AccountKind::Organization => "Organization",
        AccountKind::Bot => "Bot",
    };
    json!({
        "login": login, "id": id, "node_id": node_id("U", id), "gravatar_id": "", "type": kind, "site_admin": false,
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}"), "html_url": format!("{WEB}/{login}"),
        "url": url, "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
    })
}

/// The answer of `GET /user`: the public form.
pub(in crate::github_stub) fn public(world: &World, base: &str, account: &Account) -> Value {
    let mut user = user(base, account);
    for name in ["name", "company", "blog", "location", "email", "hireable", "bio"] {
        user[name] = Value::Null;
    }
    for name in ["public_repos", "public_gists", "followers", "following"] {
        user[name] = json!(0);
    }
    let now = time(world.now());
    user["created_at"] = json!(now);
    user["updated_at"] = json!(now);
    user["user_view_type"] = json!("public");
    user
}

pub(in crate::github_stub) fn organization(base: &str, account: &Account) -> Value {
    let (id, login) = (account.id, account.login.as_str());
    let url = format!("{base}/orgs/{login}");
    json!({
        "login": login, "id": id, "node_id": node_id("O", id), "url": url, "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"), "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
        "members_url": format!("{url}/members{{/member}}"), "public_members_url": format!("{url}/public_members{{/member}}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}"), "description": "",
    })
}
