//! Apps and installations.

use serde_json::{Value, json};

use super::{WEB, account, node_id, time};
use crate::github_stub::app::{App, Installation};
use crate::github_stub::token::Permissions;
use crate::github_stub::world::World;

pub(in crate::github_stub) fn permissions(all: &Permissions) -> Value {
    all.iter().map(|(name, level)| (name.clone(), json!(level.name()))).collect()
}

pub(in crate::github_stub) fn app(world: &World, base: &str, app: &App) -> Value {
    let installed = world.installations.iter().filter(|installation| installation.app_id == app.id).count();
    let created = time(app.created_at);
    json!({
        "id": app.id, "slug": app.slug, "client_id": app.client_id, "node_id": node_id("A", app.id),
        "owner": account(world, base, &app.owner), "name": app.slug, "description": "", "external_url": WEB,
        "html_url": format!("{WEB}/apps/{}", app.slug), "created_at": created, "updated_at": created,
        "permissions": permissions(&app.permissions), "events": app.events, "installations_count": installed,
    })
}

pub(in crate::github_stub) fn installation(world: &World, base: &str, installation: &Installation) -> Value {
    let (id, app) = (installation.id, world.app(installation.app_id));
    let account = account(world, base, &installation.account);
    let created = time(installation.created_at);
    let suspended_by = if installation.suspended_at.is_some() { account.clone() } else { Value::Null };
    json!({
        "id": id, "target_id": account["id"], "target_type": account["type"], "account": account,
        "repository_selection": if installation.repos.is_some() { "selected" } else { "all" },
        "access_tokens_url": format!("{base}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{base}/installation/repositories"),
        "html_url": format!("{WEB}/organizations/{}/settings/installations/{id}", installation.account),
        "app_id": installation.app_id, "app_slug": app.map(|app| &app.slug),
        "permissions": permissions(&installation.permissions), "events": app.map(|app| &app.events),
        "created_at": created, "updated_at": created, "single_file_name": null, "has_multiple_single_files": false,
        "single_file_paths": [], "suspended_at": installation.suspended_at.map(time), "suspended_by": suspended_by,
    })
}

/// The form in webhooks.
pub(in crate::github_stub) fn installation_lite(id: u64) -> Value {
    json!({ "id": id, "node_id": node_id("IN", id) })
}
