//! An issue or a pull request as GitHub has it now.

use deckwatch_protocol::cut;
use form_urlencoded::byte_serialize;
use serde_json::Value;

use super::access::Access;
use super::change;
use super::client::{GithubError, Request, Response, send};
use super::settings::GithubSettings;
use crate::outbound::Outbound;
use crate::platform::Clock;

/// The most characters of a body that are read. GitHub allows 65,536.
const MAX_BODY_CHARS: usize = 65_536;
/// Files of a page, and the most pages that are read. GitHub lists at most 3,000 files.
const FILES_PER_PAGE: usize = 100;
const MAX_FILE_PAGES: usize = 3;

/// What the classifier reads of an issue. A pull request is an issue too.
pub(super) struct Item(Value);

impl Item {
    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The title.
    pub(super) fn title(&self) -> &str {
        self.text("title")
    }

    /// The body, at most as long as GitHub allows.
    pub(super) fn body(&self) -> &str {
        cut::to_chars(self.text("body"), MAX_BODY_CHARS)
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.text("state") == "open"
    }

    /// Whether it was closed because nobody will do it.
    pub(super) fn is_not_planned(&self) -> bool {
        self.text("state_reason") == "not_planned"
    }

    /// Whether it is a pull request.
    pub(super) fn is_pull(&self) -> bool {
        self.0.get("pull_request").is_some_and(|pull| !pull.is_null())
    }

    /// The labels in lower case, because GitHub ignores the case of their names.
    pub(super) fn labels(&self) -> Vec<String> {
        let labels = self.0.get("labels").and_then(Value::as_array).into_iter().flatten();
        let names = labels.filter_map(|label| label.get("name")?.as_str());
        names.map(|name| cut::to_chars(&name.to_lowercase(), 100).to_owned()).collect()
    }
}

/// What only a pull request has.
pub(super) struct Pull(Value);

impl Pull {
    /// Whether it was merged.
    pub(super) fn is_merged(&self) -> bool {
        self.0.get("merged").and_then(Value::as_bool).unwrap_or_default()
    }

    /// The branch with the change, if an event may show its name.
    pub(super) fn branch(&self) -> Option<&str> {
        change::branch(self.0.pointer("/head/ref").and_then(Value::as_str))
    }

    /// Whether a review is requested.
    pub(super) fn waits_for_review(&self) -> bool {
        let has_any = |list: &&str| self.0.get(list).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        ["requested_reviewers", "requested_teams"].iter().any(has_any)
    }

    fn changed_files(&self) -> usize {
        let count = self.0.get("changed_files").and_then(Value::as_u64).unwrap_or_default();
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

/// The changed files of a pull request.
#[derive(Default)]
pub(super) struct ChangedFiles {
    pub(super) paths: Vec<String>,
    /// Why these are not all; `None` if they are.
    pub(super) incomplete: Option<String>,
}

/// Requests about one issue.
pub(super) struct ItemClient<'a> {
    pub(super) settings: &'a GithubSettings,
    pub(super) outbound: &'a dyn Outbound,
    pub(super) clock: &'a dyn Clock,
    pub(super) access: &'a Access,
    pub(super) installation: Option<u64>,
    pub(super) repo: &'a str,
    pub(super) number: u32,
}

impl ItemClient<'_> {
    async fn send(&self, request: Request) -> Result<Response, GithubError> {
        let services = (self.outbound, self.clock);
        let token = self.access.token(self.settings, services, self.installation, self.repo).await?;
        let sent = send(self.settings, self.outbound, &token, request).await;
        if matches!(&sent, Err(GithubError::Denied(_))) {
            // It may have been revoked, or have the rights of an earlier time: the next attempt gets a new one.
            self.access.forget(&token);
        }
        sent
    }

    /// Reads the issue.
    pub(super) async fn item(&self) -> Result<Item, GithubError> {
        self.send(Request::get(format!("/repos/{}/issues/{}", self.repo, self.number))).await?.json().map(Item)
    }

    /// Reads the pull request.
    pub(super) async fn pull(&self) -> Result<Pull, GithubError> {
        self.send(Request::get(format!("/repos/{}/pulls/{}", self.repo, self.number))).await?.json().map(Pull)
    }

    /// Reads the names of the changed files, at most 300.
    pub(super) async fn files(&self, pull: &Pull) -> Result<ChangedFiles, GithubError> {
        let mut files = ChangedFiles::default();
        let mut count = 0;
        for page in 1..=MAX_FILE_PAGES {
            let path =
                format!("/repos/{}/pulls/{}/files?per_page={FILES_PER_PAGE}&page={page}", self.repo, self.number);
            let listed = match self.send(Request::get(path)).await {
                Ok(response) => response.json()?,
                Err(GithubError::TooLarge) => {
                    files.incomplete = Some("the list of changed files is too large to read".to_owned());
                    return Ok(files);
                }
                Err(error) => return Err(error),
            };
            let listed = listed.as_array().map(Vec::as_slice).unwrap_or_default();
            let is_last = listed.len() < FILES_PER_PAGE;
            count += listed.len();
            let names = listed.iter().flat_map(|file| [file.get("filename"), file.get("previous_filename")]);
            files.paths.extend(names.flatten().filter_map(Value::as_str).map(str::to_owned));
            if is_last {
                break;
            }
        }
        if count < pull.changed_files() {
            files.incomplete = Some(format!("only {count} of {} changed files were read", pull.changed_files()));
        }
        Ok(files)
    }

    /// Adds labels. GitHub creates those that the repository does not have.
    pub(super) async fn add_labels(&self, labels: &[String]) -> Result<(), GithubError> {
        let body = serde_json::json!({ "labels": labels }).to_string();
        let path = format!("/repos/{}/issues/{}/labels", self.repo, self.number);
        self.send(Request::post(path, body)).await.map(drop)
    }

    /// Removes a label. It may be gone already: GitHub answers 404 then, also for an issue that was just read.
    pub(super) async fn remove_label(&self, label: &str) -> Result<(), GithubError> {
        let label: String = byte_serialize(label.as_bytes()).collect();
        let path = format!("/repos/{}/issues/{}/labels/{label}", self.repo, self.number);
        match self.send(Request::delete(path)).await {
            Err(GithubError::Denied(text)) if text.starts_with("404") => Ok(()),
            sent => sent.map(drop),
        }
    }
}
