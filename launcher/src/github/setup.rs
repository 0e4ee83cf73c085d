//! `launcher github setup`: registers the App of a team, gives its secrets to the engine, and checks everything.
//!
//! 1. The destination of the secrets is checked, before an App exists.
//! 2. A page on this machine sends the browser to GitHub, where a person creates the App.
//! 3. GitHub sends the browser back with a code, which is exchanged for the secrets.
//! 4. The secrets go to their destination. They are only in the memory of this process.
//! 5. The person installs the App; then the checks run.

use std::process::Stdio;
use std::time::Duration;

use deckwatch_protocol::cut;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use url::Url;

use super::api::{Credential, GitHub};
use super::app_checks::{self, Expected};
use super::app_key::AppKey;
use super::destination::{AppSecrets, Destination};
use super::manifest::{MAX_NAME_CHARS, Manifest};
use super::registration::Registration;
use super::repositories::TeamRepos;
use super::site::is_this_machine;
use crate::check::Check;
use crate::error::LaunchError;
use crate::github_error::{GitHubError, clean};
use crate::output::{say, warn};
use crate::process_env::ProcessEnv;
use crate::secrets::Secret;

/// The pause between two looks at whether the App was installed.
const INSTALLATION_PAUSE: Duration = Duration::from_secs(5);

/// What to register, and where.
pub(super) struct Plan<'a> {
    pub(super) org: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) public: bool,
    pub(super) api_url: &'a str,
    pub(super) port: u16,
    pub(super) opens_browser: bool,
    pub(super) minutes: u64,
    pub(super) destination: Destination,
    pub(super) repos: &'a TeamRepos,
}

#[derive(Deserialize)]
struct Registered {
    id: u64,
    name: String,
    html_url: String,
    pem: Secret,
    webhook_secret: Option<Secret>,
}

impl Plan<'_> {
    /// Refuses what GitHub would refuse later, and warns about what works only in part.
    pub(super) fn check(&self) -> Result<(), GitHubError> {
        let url = Url::parse(self.api_url).map_err(|error| {
            GitHubError::Setup(format!(
                "the address of the Context API, {}, can't be used: {error}",
                clean(self.api_url)
            ))
        })?;
        if url.scheme() != "https" || is_this_machine(&url) {
            return Err(GitHubError::Setup(format!(
                "GitHub can't send events to {}: give the https address of the team's API, which the internet reaches, with \
                 --api-url",
                clean(self.api_url)
            )));
        }
        let owners = self.repos.owners();
        let others: Vec<&str> = owners
            .iter()
            .map(String::as_str)
            .filter(|owner| self.org.is_some_and(|org| !org.eq_ignore_ascii_case(owner)))
            .collect();
        if !self.public && !others.is_empty() {
            warn(&format!(
                "the ventures have repositories of {} too, and a private App can be installed only in its own account; with \
                 --public any account can install it",
                others.join(", ")
            ));
        }
        Ok(())
    }

    fn app_name(&self) -> String {
        let default = || format!("deckwatch-{}", self.org.unwrap_or("personal"));
        let name = self.name.map_or_else(default, str::to_owned);
        cut::to_chars(&name, MAX_NAME_CHARS).to_owned()
    }

    /// Registers the App, stores its secrets, waits for its installation and returns the checks.
    pub(super) async fn run(&self, github: &GitHub, env: &ProcessEnv) -> Result<Vec<Check>, LaunchError> {
        if let Some(warning) = self.destination.check().await? {
            warn(&warning);
        }
        let code = self.code(github, env).await?;
        say("GitHub has registered the App; fetching its secrets");
        let app = exchange(github, &code).await?;
        let settings = format!("the settings page of the App ({})", clean(&app.html_url));
        let lost = |cause: String| GitHubError::NotStored { name: clean(&app.name), settings: settings.clone(), cause };
        let webhook_secret = app.webhook_secret.ok_or_else(|| lost("GitHub made no webhook secret".to_owned()))?;
        let secrets = AppSecrets { id: app.id, private_key: app.pem, webhook_secret };
        self.destination.store(&secrets).await.map_err(lost)?;
        say(&format!("the secrets of {} (id {}) are {}", clean(&app.name), app.id, self.destination.describe()));
        let key = AppKey::read(&app.id.to_string(), &secrets.private_key)?;
        drop(secrets);
        say(&format!("install the App now: {}/installations/new", clean(&app.html_url)));
        self.wait_for_installation(github, &key).await;
        Ok(app_checks::check(github, &key, &Expected { api_url: Some(self.api_url), repos: self.repos }).await)
    }

    /// Shows the page, and waits for GitHub's code.
    async fn code(&self, github: &GitHub, env: &ProcessEnv) -> Result<String, LaunchError> {
        let page = Registration::listen(self.port).await?;
        let (name, redirect_url) = (self.app_name(), page.redirect_url());
        let manifest =
            Manifest { name: &name, api_url: self.api_url, redirect_url: &redirect_url, public: self.public };
        let form = match self.org {
            Some(org) => format!("{}/organizations/{org}/settings/apps/new", github.site.web),
            None => format!("{}/settings/apps/new", github.site.web),
        };
        say(&format!("open this page in a browser and press its button: {}", page.url()));
        if env.is_remote() {
            say(&format!(
                "from another machine, forward the port first: ssh -L {0}:127.0.0.1:{0} <this machine>",
                page.port()
            ));
        } else if self.opens_browser {
            open_browser(&page.url(), env);
        }
        let (minutes, manifest) = (self.minutes, manifest.json());
        say(&format!("waiting up to {minutes} minutes for you to create the App on GitHub; Ctrl-C ends this"));
        let waited = tokio::select! {
            waited = timeout(Duration::from_secs(minutes * 60), page.code(&form, &manifest)) => waited,
            _ = tokio::signal::ctrl_c() => return Err(LaunchError::Cancelled),
        };
        Ok(waited.map_err(|_| GitHubError::NotCreated { minutes })??)
    }

    /// Waits until the App is installed in an account, for a limited time. A person can end the wait.
    async fn wait_for_installation(&self, github: &GitHub, key: &AppKey) {
        let minutes = self.minutes;
        say(&format!(
            "waiting up to {minutes} minutes until the App is installed; Ctrl-C ends the wait, and `launcher github check` \
             checks it later"
        ));
        let installed = async {
            loop {
                match app_checks::list_installations(github, key).await {
                    Ok(installations) if installations.is_empty() => sleep(INSTALLATION_PAUSE).await,
                    // The checks report an error.
                    _ => break,
                }
            }
        };
        tokio::select! {
            _ = timeout(Duration::from_secs(minutes * 60), installed) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

/// Exchanges the code for the App. A code is valid once, so the request is sent once.
async fn exchange(github: &GitHub, code: &str) -> Result<Registered, GitHubError> {
    let path = format!("/app-manifests/{code}/conversions");
    let app = github.post(&path, &Credential::None, &json!({}), "App with this code").await;
    app.map_err(|error| {
        GitHubError::Setup(format!(
            "the App is registered, but its secrets could not be fetched: {error}. They can't be fetched again: delete the App \
             on its settings page ({}/settings/apps, or the settings of the organisation), then run this again",
            github.site.web
        ))
    })
}

/// Opens the page. If that fails, the person opens it.
fn open_browser(url: &str, env: &ProcessEnv) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let Some(program) = env.program(opener) else { return };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The address is on the terminal too.
    let _ = command.spawn();
}
