//! An issue or a pull request as GitHub has it now.

use deckwatch_protocol::cut;
use form_urlencoded::byte_serialize;
use serde::Deserialize;

use super::access::Access;
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
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) state_reason: Option<String>,
    #[serde(default)]
    pub(super) pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

impl Item {
    /// The body, at most as long as GitHub allows.
    pub(super) fn body(&self) -> &str {
        cut::to_chars(self.body.as_deref().unwrap_or_default(), MAX_BODY_CHARS)
    }

    /// The labels in lower case, because GitHub ignores the case of their names.
    pub(super) fn labels(&self) -> Vec<String> {
        self.labels.iter().map(|label| cut::to_chars(&label.name.to_lowercase(), 100).to_owned()).collect()
    }
}

/// What only a pull request has.
#[derive(Deserialize)]
pub(super) struct Pull {
    #[serde(default)]
    pub(super) merged: bool,
    #[serde(default)]
    requested_reviewers: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    requested_teams: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    changed_files: usize,
}

impl Pull {
    /// Whether a review is requested.
    pub(super) fn waits_for_review(&self) -> bool {
        !self.requested_reviewers.is_empty() || !self.requested_teams.is_empty()
    }
}

/// The changed files of a pull request.
#[derive(Default)]
pub(super) struct ChangedFiles {
    pub(super) paths: Vec<String>,
    /// Why these are not all; `None` if they are.
    pub(super) incomplete: Option<String>,
}

#[derive(Deserialize)]
struct ChangedFile {
    filename: String,
    #[serde(default)]
    previous_filename: Option<String>,
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
        self.send(Request::get(format!("/repos/{}/issues/{}", self.repo, self.number))).await?.json()
    }

    /// Reads the pull request.
    pub(super) async fn pull(&self) -> Result<Pull, GithubError> {
        self.send(Request::get(format!("/repos/{}/pulls/{}", self.repo, self.number))).await?.json()
    }

    /// Reads the names of the changed files, at most 300.
    pub(super) async fn files(&self, pull: &Pull) -> Result<ChangedFiles, GithubError> {
        let mut files = ChangedFiles::default();
        let mut count = 0;
        for page in 1..=MAX_FILE_PAGES {
            let path =
                format!("/repos/{}/pulls/{}/files?per_page={FILES_PER_PAGE}&page={page}", self.repo, self.number);
            let listed: Vec<ChangedFile> = match self.send(Request::get(path)).await {
                Ok(response) => response.json()?,
                Err(GithubError::TooLarge) => {
                    files.incomplete = Some("the list of changed files is too large to read".to_owned());
                    return Ok(files);
                }
                Err(error) => return Err(error),
            };
            let is_last = listed.len() < FILES_PER_PAGE;
            count += listed.len();
            files
                .paths
                .extend(listed.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten());
            if is_last {
                break;
            }
        }
        if count < pull.changed_files {
            files.incomplete = Some(format!("only {count} of {} changed files were read", pull.changed_files));
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
