//! The content of the demo's handoff, read from git.

use std::path::Path;
use std::process::Command;

use deckwatch_protocol::{HandoffItem, cut};
use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// The number of commits that the handoff names.
const COMMITS: usize = 5;

/// The work in a repository.
pub(super) struct Work {
    branch: String,
    /// Newest first, as `<hash> <subject>`.
    commits: Vec<String>,
    /// Files changed and not committed.
    changed: Vec<String>,
}

impl Work {
    pub(super) fn read(root: &Path) -> Self {
        let branch = git(root, &["branch", "--show-current"]).pop().unwrap_or_else(|| "a detached HEAD".to_owned());
        let commits = git(root, &["log", &format!("-{COMMITS}"), "--format=%h %s"]);
        let status = git(root, &["status", "--porcelain", "--untracked-files=normal"]);
        let changed = status.iter().filter_map(|line| line.get(3..)).map(str::to_owned).collect();
        Self { branch, commits, changed }
    }

    /// A short description of the work.
    pub(super) fn description(&self) -> String {
        format!("{} on {}, {}", counted(self.commits.len(), "commit"), self.branch, uncommitted(self.changed.len()))
    }

    /// The arguments of `handoff`.
    pub(super) fn handoff(&self) -> JsonObject {
        let next = match (self.changed.first(), self.commits.first()) {
            (Some(file), _) => format!("Finish what is begun in {file}"),
            (None, Some(commit)) => format!("Continue from {commit}"),
            (None, None) => "Make the first commit".to_owned(),
        };
        object(json!({
            "summary": format!("Read from git: {}.", self.description()),
            "status": if self.changed.is_empty() { "ready" } else { "in_progress" },
            "accomplished": items(&self.commits),
            "in_progress": items(&self.changed),
            "next_steps": items(&[next]),
        }))
    }
}

/// The arguments of a tool that needs none.
pub(super) fn no_arguments() -> JsonObject {
    JsonObject::new()
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// The texts, limited to the number and length of items that a handoff accepts.
fn items(texts: &[String]) -> Vec<String> {
    texts.iter().take(20).map(|text| cut::with_ellipsis(text, HandoffItem::MAX_CHARS).into_owned()).collect()
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn uncommitted(count: usize) -> String {
    if count == 0 { "nothing uncommitted".to_owned() } else { format!("{} uncommitted", counted(count, "file")) }
}

/// The lines that git prints. Empty if git fails, as it does before the first commit.
fn git(root: &Path, args: &[&str]) -> Vec<String> {
    let output = Command::new("git").arg("-C").arg(root).args(args).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
