//! Webhook deliveries as GitHub sends them: the payload of an event, signed with the secret of the hook.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha2::Sha256;

use super::shapes;
use super::world::{AccountKind, Issue, Repo, World};

/// A delivery that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event, such as `issues`.
    pub event: String,
    /// The id of the delivery: a UUID. A redelivery has the same.
    pub id: String,
    /// The id of the hook.
    pub hook_id: u64,
    /// The id of the App or repository that has the hook, and which of both it is.
    pub target: (u64, &'static str),
    /// The payload.
    pub payload: Value,
    /// The secret of the hook.
    pub secret: String,
}

/// The value of `X-Hub-Signature-256` for any body.
///
/// # Panics
///
/// Never: the code takes keys of every length.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let code = mac.finalize().into_bytes();
    code.iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

impl Delivery {
    /// The body, byte for byte as it is signed.
    pub fn body(&self) -> Bytes {
        Bytes::from(self.payload.to_string())
    }

    /// The value of `X-Hub-Signature-256`.
    pub fn signature(&self) -> String {
        signature(&self.secret, &self.body())
    }

    /// All headers of the delivery.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("accept", "*/*".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("user-agent", "GitHub-Hookshot/stub".to_owned()),
            ("x-github-delivery", self.id.clone()),
            ("x-github-event", self.event.clone()),
            ("x-github-hook-id", self.hook_id.to_string()),
            ("x-github-hook-installation-target-id", self.target.0.to_string()),
            ("x-github-hook-installation-target-type", self.target.1.to_owned()),
            ("x-hub-signature-256", self.signature()),
        ]
    }

    /// Sends it, and returns the status and the body of the answer.
    pub async fn send(&self, url: &str) -> (u16, String) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request = Request::post(url);
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let request = request.header(header::CONTENT_LENGTH, self.body().len()).body(Full::from(self.body())).unwrap();
        let response = client.request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

impl World {
    /// The delivery of an event about an issue: `opened`, `edited`, `labeled`, `unlabeled`, `closed`, `reopened`.
    /// `extra` has the fields that depend on the action: `label` (a name), `changes`.
    pub fn issue_event(&mut self, action: &str, repo: &str, number: u64, extra: &Value) -> Delivery {
        let mut payload = self.event_of(
            repo,
            number,
            |world, base, repo, issue| json!({ "issue": shapes::issue(world, base, repo, issue) }),
        );
        self.complete(&mut payload, action, repo, extra);
        self.delivery("issues", repo, payload)
    }

    /// The same about a pull request: `opened`, `edited`, `labeled`, `synchronize`, `review_requested`, `closed`,
    /// `reopened`, `ready_for_review`. `extra` may have `label`, `changes`, `before`, `after`, `requested_reviewer` (a login).
    pub fn pull_event(&mut self, action: &str, repo: &str, number: u64, extra: &Value) -> Delivery {
        let mut payload = self.event_of(repo, number, |world, base, repo, issue| {
            let pull = issue.pull.as_ref().expect("a pull request");
            json!({ "number": issue.number, "pull_request": shapes::pull(world, base, repo, issue, pull) })
        });
        self.complete(&mut payload, action, repo, extra);
        if action == "edited" && payload.get("changes").is_none() {
            payload["changes"] = json!({});
        }
        self.delivery("pull_request", repo, payload)
    }

    /// The delivery about the checks of the newest commit of a pull request, which have ended with `conclusion`: `success`,
    /// `failure`, `timed_out`. GitHub names no pull request if the branch is in a fork.
    pub fn check_suite_event(&mut self, conclusion: &str, repo: &str, number: u64) -> Delivery {
        let (suite, now) = (self.next_id(), shapes::time(self.now()));
        let mut payload = self.event_of(repo, number, |_, base, repo, issue| {
            let pull = issue.pull.as_ref().expect("a pull request");
            let url = format!("{base}/repos/{}", repo.full_name());
            let side = |branch: &str, sha: &str| {
                json!({ "ref": branch, "sha": sha, "repo": { "id": repo.id, "url": url, "name": repo.name } })
            };
            json!({ "check_suite": {
                "id": suite, "node_id": shapes::node_id("CS", suite), "head_branch": pull.head, "head_sha": pull.head_sha,
                "status": "completed", "conclusion": conclusion, "before": "0".repeat(40), "after": pull.head_sha,
                "url": format!("{url}/check-suites/{suite}"), "latest_check_runs_count": 1,
                "check_runs_url": format!("{url}/check-suites/{suite}/check-runs"),
                "created_at": now, "updated_at": now,
                "pull_requests": [{
                    "id": issue.id + 1_000_000, "number": issue.number, "url": format!("{url}/pulls/{}", issue.number),
                    "head": side(&pull.head, &pull.head_sha), "base": side(&pull.base, &"0".repeat(40)),
                }],
            } })
        });
        self.complete(&mut payload, "completed", repo, &json!({}));
        self.delivery("check_suite", repo, payload)
    }

    /// The delivery that GitHub sends for a new hook of a repository.
    pub fn ping(&mut self, repo: &str) -> Delivery {
        let mut payload = self.event_of(repo, 0, |_, _, _, _| json!({}));
        let (hook_id, now) = (self.next_id(), shapes::time(self.now()));
        let url = format!("{BASE}/repos/{repo}/hooks/{hook_id}");
        payload["zen"] = json!("Keep it logically awesome.");
        payload["hook_id"] = json!(hook_id);
        payload["hook"] = json!({
            "type": "Repository", "id": hook_id, "name": "web", "active": true, "events": ["issues", "pull_request"],
            "config": { "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": "https://example.com" },
            "updated_at": now, "created_at": now, "url": url, "test_url": format!("{url}/test"),
            "ping_url": format!("{url}/pings"), "deliveries_url": format!("{url}/deliveries"),
            "last_response": { "code": null, "status": "unused", "message": null },
        });
        payload.as_object_mut().unwrap().remove("installation");
        let delivery = self.delivery("ping", repo, payload);
        Delivery { hook_id, ..delivery }
    }

    /// The delivery about an installation: `created`, `deleted`, `suspend`, `unsuspend`.
    pub fn installation_event(&mut self, action: &str, id: u64) -> Delivery {
        let installation = self.installation(id).expect("an installation");
        let repos: Vec<Value> = self.covered(id).map(short).collect();
        let payload = json!({
            "action": action, "installation": shapes::installation(self, BASE, installation), "repositories": repos,
            "sender": shapes::account(self, BASE, "ann"),
        });
        self.delivery_of_app("installation", Some(id), payload)
    }

    /// The delivery about repositories that were added to an installation.
    pub fn repositories_added_event(&mut self, id: u64, added: &[&str]) -> Delivery {
        let added = self.repos_named(added);
        let added: Vec<Value> = self.repos.iter().filter(|repo| added.contains(&repo.id)).map(short).collect();
        let installation = self.installation(id).expect("an installation");
        let payload = json!({
            "action": "added", "installation": shapes::installation(self, BASE, installation),
            "repository_selection": if installation.repos.is_some() { "selected" } else { "all" },
            "repositories_added": added, "repositories_removed": [], "requester": null,
            "sender": shapes::account(self, BASE, "ann"),
        });
        self.delivery_of_app("installation_repositories", Some(id), payload)
    }

    fn covered(&self, installation: u64) -> impl Iterator<Item = &Repo> {
        let found = self.installation(installation);
        self.repos.iter().filter(move |repo| {
            found.is_some_and(|found| {
                found.account.eq_ignore_ascii_case(&repo.owner)
                    && found.repos.as_ref().is_none_or(|repos| repos.contains(&repo.id))
            })
        })
    }

    /// The parts of a payload that every event of a repository has, with those of `subject`.
    fn event_of(&mut self, repo: &str, number: u64, subject: impl Fn(&Self, &str, &Repo, &Issue) -> Value) -> Value {
        let id = self.repo(repo).id;
        let repo = self.repo_by_id(id).expect("a repository");
        let issue = repo.issues.iter().find(|issue| issue.number == number);
        let mut payload = issue.map_or_else(|| json!({}), |issue| subject(self, BASE, repo, issue));
        payload["repository"] = shapes::repository(self, BASE, repo);
        payload["sender"] = shapes::account(self, BASE, "ann");
        let owner = self.find_account(&repo.owner).filter(|owner| owner.kind == AccountKind::Organization);
        if let Some(owner) = owner {
            payload["organization"] = shapes::organization(BASE, owner);
        }
        payload
    }

    fn complete(&mut self, payload: &mut Value, action: &str, repo: &str, extra: &Value) {
        payload["action"] = json!(action);
        for (name, value) in extra.as_object().into_iter().flatten() {
            payload[name] = match name.as_str() {
                "label" => {
                    let repo = self.repo(repo).clone();
                    let label =
                        value.as_str().and_then(|name| repo.find_label(name)).expect("a label of the repository");
                    shapes::label(BASE, &repo, label)
                }
                "requested_reviewer" | "sender" => shapes::account(self, BASE, value.as_str().expect("a login")),
                _ => value.clone(),
            };
        }
    }

    /// The delivery to the App that is installed for the repository, or to a hook of the repository.
    fn delivery(&mut self, event: &str, repo: &str, mut payload: Value) -> Delivery {
        let id = self.repo(repo).id;
        let installed = self.installations.iter().map(|installation| installation.id);
        let installed =
            installed.collect::<Vec<_>>().into_iter().find(|found| self.covered(*found).any(|repo| repo.id == id));
        if event == "ping" || installed.is_none() {
            let target = (id, "repository");
            let id = self.delivery_id();
            let secret = "hook-of-repository".to_owned();
            return Delivery { event: event.to_owned(), id, hook_id: 1, target, payload, secret };
        }
        payload["installation"] = shapes::installation_lite(installed.unwrap_or_default());
        self.delivery_of_app(event, installed, payload)
    }

    fn delivery_of_app(&mut self, event: &str, installation: Option<u64>, payload: Value) -> Delivery {
        let app = installation.and_then(|id| self.installation(id)).and_then(|found| self.app(found.app_id));
        let app = app.expect("an App").clone();
        let (id, target) = (self.delivery_id(), (app.id, "integration"));
        Delivery { event: event.to_owned(), id, hook_id: app.hook_id, target, payload, secret: app.hook_secret }
    }

    fn delivery_id(&mut self) -> String {
        format!("00000000-0000-1000-8000-{:012x}", self.next_id())
    }
}

/// The address of the API in payloads.
const BASE: &str = "https://api.github.com";

/// The short form of a repository in events of installations.
fn short(repo: &Repo) -> Value {
    json!({
        "id": repo.id, "node_id": shapes::node_id("R", repo.id), "name": repo.name, "full_name": repo.full_name(),
        "private": repo.private,
    })
}
