//! The checks of an App: its permissions and events, its webhook, its installations, and the repositories that they cover.
//! They only read.

use std::collections::BTreeMap;

use deckwatch_protocol::RepoName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{installation_token, jwt};
use super::api::{Credential, GitHub};
use super::app_key::AppKey;
use super::manifest::{EVENTS, PERMISSIONS, is_enough, webhook_url};
use super::repo_check::{self, Repository};
use super::repositories::{TeamRepos, owner_of};
use crate::check::Check;
use crate::github_error::{GitHubError, clean};

/// How many of the newest deliveries are looked at.
const DELIVERIES: usize = 20;

/// What the checks compare with.
pub(super) struct Expected<'a> {
    /// The address of the Context API. `None` if it is not known on this machine.
    pub(super) api_url: Option<&'a str>,
    pub(super) repos: &'a TeamRepos,
}

type Levels = BTreeMap<String, String>;

#[derive(Deserialize)]
struct App {
    id: u64,
    #[serde(default)]
    slug: String,
    #[serde(default)]
    name: String,
    owner: Option<Account>,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    permissions: Levels,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// An installation of the App in an account.
#[derive(Deserialize)]
pub(super) struct Installation {
    id: u64,
    account: Option<Account>,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    permissions: Levels,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Hook {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
    insecure_ssl: Option<Value>,
}

#[derive(Deserialize)]
struct Delivery {
    status_code: u16,
    #[serde(default)]
    event: String,
    #[serde(default)]
    delivered_at: String,
}

impl Installation {
    fn owner(&self) -> &str {
        self.account.as_ref().map_or("", |account| account.login.as_str())
    }
}

/// All checks. If GitHub does not accept the App, the first is the only one.
pub(super) async fn check(github: &GitHub, key: &AppKey, expected: &Expected<'_>) -> Vec<Check> {
    let app: App = match jwt(key) {
        Err(error) => return vec![failed("app", &error)],
        Ok(jwt) => match github.get("/app", &jwt, "App of this key").await {
            Err(error) => return vec![failed("app", &error)],
            Ok(app) => app,
        },
    };
    let owner = app.owner.as_ref().map_or("an account", |owner| owner.login.as_str());
    let mut checks = vec![Check::ok("app", clean(&format!("{} (id {}) of {owner}", app.name, app.id)))];
    let settings = settings_page(github, &app);
    checks.extend(permissions(&app, &settings));
    checks.push(events(&app, &settings));
    checks.push(webhook(github, key, expected, &settings).await);
    checks.push(deliveries(github, key, &settings).await);
    checks.extend(installations(github, key, &app, expected.repos).await);
    checks
}

/// The installations of the App, newest first.
pub(super) async fn list_installations(github: &GitHub, key: &AppKey) -> Result<Vec<Installation>, GitHubError> {
    let listed = github.list("/app/installations", &jwt(key)?, "installation of the App", |page| page).await?;
    Ok(listed.items)
}

/// A check that an error of GitHub failed.
pub(super) fn failed(name: impl Into<std::borrow::Cow<'static, str>>, error: &GitHubError) -> Check {
    Check::fail(name, error.to_string(), error.hint().unwrap_or_else(|| "try again in a minute".to_owned()))
}

fn settings_page(github: &GitHub, app: &App) -> String {
    let web = &github.site.web;
    match &app.owner {
        Some(owner) if owner.kind == "Organization" => {
            clean(&format!("{web}/organizations/{}/settings/apps/{}", owner.login, app.slug))
        }
        _ => clean(&format!("{web}/settings/apps/{}", app.slug)),
    }
}

fn permissions(app: &App, settings: &str) -> Vec<Check> {
    let needed = PERMISSIONS.map(|(name, level, purpose)| {
        let granted = app.permissions.get(name).map(String::as_str);
        if is_enough(granted, level) {
            return Check::ok(format!("permission {name}"), clean(granted.unwrap_or(level)));
        }
        let detail = format!("is {}, and {level} is needed {purpose}", clean(granted.unwrap_or("none")));
        let fix =
            format!("set it on {settings}/permissions; each account that has installed the App must then accept it");
        Check::fail(format!("permission {name}"), detail, fix)
    });
    let is_needed = |name: &str| PERMISSIONS.iter().any(|(known, ..)| *known == name);
    let more: Vec<String> = app
        .permissions
        .iter()
        .filter(|(name, _)| !is_needed(name))
        .map(|(name, level)| clean(&format!("{name} {level}")))
        .collect();
    let more = (!more.is_empty()).then(|| {
        let fix = format!("remove what nothing else needs on {settings}/permissions");
        Check::warn("more permissions", format!("the App has more than it needs: {}", more.join(", ")), fix)
    });
    needed.into_iter().chain(more).collect()
}

fn events(app: &App, settings: &str) -> Check {
    let missing: Vec<&str> =
        EVENTS.into_iter().filter(|event| !app.events.iter().any(|subscribed| subscribed == event)).collect();
    if missing.is_empty() {
        return Check::ok("events", EVENTS.join(", "));
    }
    let fix = format!("subscribe to them on {settings}/permissions");
    Check::fail("events", format!("the App does not get {}", missing.join(", ")), fix)
}

async fn webhook(github: &GitHub, key: &AppKey, expected: &Expected<'_>, settings: &str) -> Check {
    const NAME: &str = "webhook";
    let hook: Hook = match read_with_jwt(github, key, "/app/hook/config", "webhook of the App").await {
        Err(error) => return failed(NAME, &error),
        Ok(hook) => hook,
    };
    let url = clean(hook.url.as_deref().unwrap_or("no address"));
    let wanted = expected.api_url.map(webhook_url);
    let is_insecure = |value: &Value| value != "0" && *value != json!(0);
    let problem = if hook.url.as_deref().unwrap_or_default().is_empty() {
        Some("GitHub sends events nowhere".to_owned())
    } else if let Some(wanted) = wanted.as_deref().filter(|wanted| Some(*wanted) != hook.url.as_deref()) {
        Some(format!("GitHub sends events to {url}, and the Context API takes them at {wanted}"))
    } else if hook.content_type.as_deref() != Some("json") {
        Some("GitHub sends events as a form, and the Context API takes JSON".to_owned())
    } else if hook.secret.as_deref().unwrap_or_default().is_empty() {
        Some("it has no secret, so the Context API refuses every event".to_owned())
    } else if hook.insecure_ssl.as_ref().is_some_and(is_insecure) {
        Some("GitHub does not verify the certificate of the Context API".to_owned())
    } else {
        None
    };
    match problem {
        Some(problem) => Check::fail(NAME, problem, format!("correct it on {settings}")),
        None if wanted.is_none() => {
            Check::ok(NAME, format!("{url}; it was not compared, because no API is configured on this machine"))
        }
        None => Check::ok(NAME, url),
    }
}

async fn deliveries(github: &GitHub, key: &AppKey, settings: &str) -> Check {
    const NAME: &str = "deliveries";
    let path = format!("/app/hook/deliveries?per_page={DELIVERIES}");
    let all: Vec<Delivery> = match read_with_jwt(github, key, &path, "deliveries of the App").await {
        Err(error) => return failed(NAME, &error),
        Ok(all) => all,
    };
    let is_bad = |delivery: &Delivery| !(200..300).contains(&delivery.status_code);
    let bad = all.iter().filter(|delivery| is_bad(delivery)).count();
    let of = all.len();
    let Some(newest) = all.first() else {
        return Check::absent(
            NAME,
            "GitHub has sent no event yet",
            "install the App, or change an issue, then check again",
        );
    };
    let newest_text =
        clean(&format!("the newest ({}, {}) got {}", newest.event, newest.delivered_at, answer_of(newest.status_code)));
    if is_bad(newest) {
        let why = match newest.status_code {
            401 | 403 => "the engine has another GITHUB_WEBHOOK_SECRET than the App",
            404 => "no engine of Deckwatch is at this address",
            0 => "the engine can't be reached from the internet, or did not answer in time",
            _ => "the log of the engine says why",
        };
        let fix = format!("{why}; then redeliver it on {settings}/advanced");
        return Check::fail(NAME, format!("{bad} of {of} failed; {newest_text}"), fix);
    }
    if bad > 0 {
        let fix = format!("the engine takes failed ones again by itself; {settings}/advanced shows them");
        return Check::warn(NAME, format!("{bad} of {of} failed; {newest_text}"), fix);
    }
    Check::ok(NAME, format!("none of {of} failed; {newest_text}"))
}

fn answer_of(status: u16) -> String {
    if status == 0 { "no answer".to_owned() } else { status.to_string() }
}

async fn read_with_jwt<T: serde::de::DeserializeOwned>(
    github: &GitHub,
    key: &AppKey,
    path: &str,
    what: &str,
) -> Result<T, GitHubError> {
    github.get(path, &jwt(key)?, what).await
}

async fn installations(github: &GitHub, key: &AppKey, app: &App, repos: &TeamRepos) -> Vec<Check> {
    let all = match list_installations(github, key).await {
        Err(error) => return vec![failed("installations", &error)],
        Ok(all) => all,
    };
    let mut checks = Vec::new();
    if all.is_empty() && repos.on_github.is_empty() {
        let fix = format!("install it: {}/installations/new", clean(&app.html_url));
        return vec![Check::fail("installations", "the App is installed nowhere", fix)];
    }
    for owner in repos.owners() {
        if !all.iter().any(|installation| installation.owner().eq_ignore_ascii_case(&owner)) {
            let fix = format!(
                "install it: {}/installations/new (an App that is not public can be installed only by its owner)",
                clean(&app.html_url)
            );
            checks.push(Check::fail(format!("installation {owner}"), "the App is not installed there", fix));
        }
    }
    for installation in &all {
        checks.push(of_installation(installation, repos));
        let own: Vec<&RepoName> = repos
            .on_github
            .iter()
            .filter(|repo| {
                installation.suspended_at.is_none() && installation.owner().eq_ignore_ascii_case(&owner_of(repo))
            })
            .collect();
        if !own.is_empty() {
            checks.extend(covered(github, key, installation, &own).await);
        }
    }
    checks
}

fn of_installation(installation: &Installation, repos: &TeamRepos) -> Check {
    let name = format!("installation {}", clean(installation.owner()));
    let page = clean(&installation.html_url);
    if installation.suspended_at.is_some() {
        return Check::fail(
            name,
            "is suspended, so the App gets no events and may do nothing",
            format!("unsuspend it on {page}"),
        );
    }
    let lacking: Vec<String> = PERMISSIONS
        .iter()
        .filter(|(permission, level, _)| {
            !is_enough(installation.permissions.get(*permission).map(String::as_str), level)
        })
        .map(|(permission, level, _)| format!("{permission} {level}"))
        .collect();
    if !lacking.is_empty() {
        let fix = format!("an owner of the account accepts the new permissions on {page}");
        return Check::fail(name, format!("has not granted {}", lacking.join(", ")), fix);
    }
    if !repos.owners().iter().any(|owner| owner.eq_ignore_ascii_case(installation.owner())) {
        let fix = format!("add its repositories to a venture, or uninstall the App on {page}");
        return Check::warn(name, "no repository of the ventures belongs to this account", fix);
    }
    Check::ok(name, "all permissions are granted")
}

/// Which of the repositories the installation covers.
async fn covered(github: &GitHub, key: &AppKey, installation: &Installation, repos: &[&RepoName]) -> Vec<Check> {
    let token = match installation_token(github, key, installation.id, &json!({ "metadata": "read" })).await {
        Err(error) => return vec![failed(format!("repositories of {}", clean(installation.owner())), &error)],
        Ok(token) => token,
    };
    let items = |mut page: Value| page.get_mut("repositories").map(Value::take).unwrap_or_default();
    let listed =
        github.list::<Repository>("/installation/repositories", &token, "repositories of the App", items).await;
    let listed = match listed {
        Err(error) => return vec![failed(format!("repositories of {}", clean(installation.owner())), &error)],
        Ok(listed) => listed,
    };
    let mut checks = Vec::new();
    for repo in repos {
        let known = listed.items.iter().find(|known| known.full_name.eq_ignore_ascii_case(repo.as_str()));
        checks.push(match known {
            Some(known) => {
                known.problem(repo).unwrap_or_else(|| Check::ok(repo_check::name(repo), "the App may label its issues"))
            }
            None => not_listed(github, &token, installation, repo, listed.is_cut).await,
        });
    }
    checks
}

/// A repository that is not in the list was renamed, is not selected, does not exist, or is beyond the end of the list.
async fn not_listed(
    github: &GitHub,
    token: &Credential,
    installation: &Installation,
    repo: &RepoName,
    is_cut: bool,
) -> Check {
    let found: Result<Repository, _> = github.get(&format!("/repos/{repo}"), token, "such repository").await;
    if let Ok(found) = &found
        && let Some(problem) = found.problem(repo)
    {
        return problem;
    }
    if is_cut && found.is_ok() {
        return Check::ok(repo_check::name(repo), "the App sees it; only the first 1,000 repositories were listed");
    }
    Check::fail(
        repo_check::name(repo),
        "the App does not cover it: it is not selected, has another name or owner now, or does not exist",
        format!("select it on {}, or correct `repos` of its venture", clean(&installation.html_url)),
    )
}
