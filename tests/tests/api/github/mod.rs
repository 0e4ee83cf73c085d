//! The GitHub classifier, against a GitHub on loopback.

mod access;
mod deliveries;
mod events;
mod grades;
mod model;
mod signatures;
mod status_flow;

use std::time::{Duration, Instant};

use deckwatch_protocol::{Classification, Operation, Page};
use deckwatch_tests::github_stub::{Delivery, GitHubStub, Label, Level, World, permissions};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::{Value, json};

/// The repository of the tests.
pub(crate) const REPO: &str = "example-org/alpha";
/// The secret of the webhook.
pub(crate) const SECRET: &str = "a-webhook-secret-of-a-test";

/// A GitHub with one repository and an App, and an engine that the App's webhook calls.
pub(crate) struct Lab {
    pub(crate) api: Api,
    pub(crate) github: GitHubStub,
    variables: Vec<(&'static str, String)>,
}

/// The settings of an engine that works as the App of this GitHub.
pub(crate) fn variables_of(github: &GitHubStub) -> Vec<(&'static str, String)> {
    let (id, key) = github.edit(|world| {
        world.add_repo(REPO);
        let rights =
            permissions(&[("issues", Level::Write), ("pull_requests", Level::Write), ("metadata", Level::Read)]);
        let app = world.add_app("deckwatch", rights, &["issues", "pull_request"]);
        SECRET.clone_into(&mut app.hook_secret);
        let facts = (app.id, app.private_key.clone());
        world.install("deckwatch", "example-org", None);
        facts
    });
    vec![
        ("GITHUB_WEBHOOK_SECRET", SECRET.to_owned()),
        ("GITHUB_APP_ID", id.to_string()),
        ("GITHUB_APP_PRIVATE_KEY", key),
        ("GITHUB_API_URL", github.url().to_owned()),
    ]
}

/// A GitHub, and the settings of an engine that works for it. A setting in `more` replaces the usual one.
fn settings(
    more: impl FnOnce(&GitHubStub) -> Vec<(&'static str, String)>,
) -> (GitHubStub, Vec<(&'static str, String)>) {
    let github = GitHubStub::start();
    let mut variables = variables_of(&github);
    let more = more(&github);
    variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    variables.extend(more);
    variables.retain(|(_, value)| !value.is_empty());
    (github, variables)
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(|_| Vec::new()).await
    }

    /// A lab whose engine has more settings.
    pub(crate) async fn with(more: impl FnOnce(&GitHubStub) -> Vec<(&'static str, String)>) -> Self {
        let (github, variables) = settings(more);
        Self { api: Api::start_with(&variables).await, github, variables }
    }

    /// Like [`Lab::with`], on a Worker with a binding of Workers AI. `None` if the embedded engine is under test.
    pub(crate) async fn with_workers_ai(more: Vec<(&'static str, String)>) -> Option<Self> {
        let (github, variables) = settings(|_| more);
        Some(Self { api: Api::start_with_workers_ai(&variables).await?, github, variables })
    }

    /// Creates an issue with this text and labels. Returns its number.
    pub(crate) fn issue(&self, title: &str, body: &str, labels: &[&str]) -> u64 {
        self.github.edit(|world| {
            let issue = world.add_issue(REPO, title, labels);
            issue.body = Some(body.to_owned());
            issue.number
        })
    }

    /// Creates a pull request that changes these files. Returns its number.
    pub(crate) fn pull(&self, title: &str, body: &str, files: &[&str]) -> u64 {
        self.github.edit(|world| {
            let issue = world.add_pull(REPO, title, &[]);
            issue.body = Some(body.to_owned());
            let pull = issue.pull.as_mut().unwrap();
            pull.files = files.iter().map(|file| ((*file).to_owned(), "modified")).collect();
            issue.number
        })
    }

    /// The labels of an issue, in order.
    pub(crate) fn labels(&self, number: u64) -> Vec<String> {
        let mut labels = self.github.edit(|world| world.repo(REPO).issue(number).labels.clone());
        labels.sort();
        labels
    }

    /// Sends the delivery of an event, and waits until its work has ended.
    pub(crate) async fn event(&self, make: impl FnOnce(&mut World) -> Delivery) -> Delivery {
        let delivery = self.send(make).await;
        self.ended(&delivery.id).await;
        delivery
    }

    /// Sends the delivery of an event, which is accepted.
    pub(crate) async fn send(&self, make: impl FnOnce(&mut World) -> Delivery) -> Delivery {
        let delivery = self.github.edit(make);
        assert_eq!(self.deliver(&delivery).await, "accepted");
        delivery
    }

    /// Sends a delivery. Returns what the engine does with it.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> String {
        let (status, body) = delivery.send(&self.hook()).await;
        assert_eq!(status, 202, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["delivery"], delivery.id);
        body["outcome"].as_str().unwrap().to_owned()
    }

    /// The address of the webhook.
    pub(crate) fn hook(&self) -> String {
        format!("{}/webhooks/github", self.api.url())
    }

    /// Waits until the work on a delivery, and on the issues that it closes, has ended. Returns its state.
    pub(crate) async fn ended(&self, id: &str) -> String {
        ended(&self.api, id).await
    }

    pub(crate) async fn issue_event(&self, action: &str, number: u64, extra: Value) -> Delivery {
        self.event(|world| world.issue_event(action, REPO, number, &extra)).await
    }

    pub(crate) async fn pull_event(&self, action: &str, number: u64, extra: Value) -> Delivery {
        self.event(|world| world.pull_event(action, REPO, number, &extra)).await
    }

    /// A person adds a label, and GitHub tells so.
    pub(crate) async fn person_adds(&self, number: u64, label: &str) {
        self.github.edit(|world| {
            world.advance(Duration::from_secs(2));
            let now = world.now();
            let repo = world.repo(REPO);
            if !repo.labels.iter().any(|known| known.name == label) {
                let id = 1_000_000 + repo.labels.len() as u64;
                repo.labels.push(Label { id, name: label.to_owned(), color: "ededed".to_owned(), description: None });
            }
            let issue = repo.issue(number);
            issue.labels.push(label.to_owned());
            issue.updated_at = now;
        });
        self.issue_event("labeled", number, json!({ "label": label })).await;
    }

    /// A person removes a label, and GitHub tells so.
    pub(crate) async fn person_removes(&self, number: u64, label: &str) {
        self.github.edit(|world| {
            world.advance(Duration::from_secs(2));
            let now = world.now();
            let issue = world.repo(REPO).issue(number);
            issue.labels.retain(|known| known != label);
            issue.updated_at = now;
        });
        self.issue_event("unlabeled", number, json!({ "label": label })).await;
    }

    /// Runs the sweep, after the time of the next attempt on each delivery has come.
    pub(crate) async fn sweep_when_due(&self) {
        let due =
            "update github_deliveries set due_at = '2026-01-01T00:00:00.000Z' where state in ('waiting', 'working')";
        self.api.db_execute(due, json!([])).await;
        self.api.sweep_with(&self.variables).await;
    }

    /// Waits until an attempt on a delivery has failed. Returns the state, the number of attempts and the error.
    pub(crate) async fn failed(&self, id: &str) -> (String, u64, String) {
        let since = Instant::now();
        loop {
            let sql = "select state, attempts, last_error from github_deliveries where id = ?1";
            let row = self.api.db_query(sql, json!([id])).await.remove(0);
            if let Some(error) = row["last_error"].as_str().filter(|_| row["state"] != "working") {
                return (
                    row["state"].as_str().unwrap().to_owned(),
                    row["attempts"].as_u64().unwrap(),
                    error.to_owned(),
                );
            }
            assert!(since.elapsed() < Duration::from_secs(20), "no attempt on {id} has failed: {row:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was decided about an issue, newest first.
    pub(crate) async fn decisions(&self, number: u64) -> Vec<Classification> {
        decisions(&self.api, number).await
    }
}

/// What was decided about an issue, newest first.
pub(crate) async fn decisions(api: &Api, number: u64) -> Vec<Classification> {
    let ask = TestRequest::of(Operation::ListClassifications).query(format!("repo={REPO}&number={number}"));
    api.admin().send(ask).await.of::<Page<Classification>>(200).items
}

/// Waits until the work on a delivery has ended.
pub(crate) async fn ended(api: &Api, id: &str) -> String {
    let since = Instant::now();
    loop {
        let sql = "select id, state, last_error from github_deliveries where id = ?1 or id like ?1 || '/%' order by id";
        let rows = api.db_query(sql, json!([id])).await;
        let state = |row: &deckwatch_api::Row| row["state"].as_str().unwrap_or_default().to_owned();
        if !rows.is_empty() && rows.iter().all(|row| ["done", "set_aside"].contains(&state(row).as_str())) {
            return state(&rows[0]);
        }
        assert!(since.elapsed() < Duration::from_secs(20), "the work on {id} has not ended: {rows:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The names as labels.
pub(crate) fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}
