//! `launcher github labels`: creates the labels of docs/workflow.md where they are missing. A label that exists stays as it is,
//! with the colour and description that a person gave it.

use deckwatch_protocol::RepoName;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::api::GitHub;
use super::repositories::TeamRepos;
use crate::github_error::GitHubError;

/// The labels: name, colour and description.
const LABELS: [(&str, &str, &str); 16] = [
    ("status:triage", "ededed", "New; somebody must decide what to do with it"),
    ("status:ready", "c2e0c6", "Described well enough to begin"),
    ("status:in-progress", "fbca04", "An agent or a person works on it"),
    ("status:qa", "d4c5f9", "Done, waits for verification"),
    ("status:verified", "0e8a16", "Verified by the method of its grade"),
    ("status:done", "5319e7", "Merged and closed"),
    ("needs:pm", "bfd4f2", "The product manager acts next"),
    ("needs:dev", "bfd4f2", "A developer acts next"),
    ("needs:qa", "bfd4f2", "A tester acts next"),
    ("qa:0", "f9d0c4", "CI verifies it"),
    ("qa:1", "f9d0c4", "A check with the CLI or the API verifies it"),
    ("qa:2", "f9d0c4", "A short look verifies it"),
    ("qa:3", "f9d0c4", "A full walk through the feature verifies it"),
    ("qa:4", "f9d0c4", "A security review verifies it"),
    ("priority:P0", "b60205", "Drop everything else"),
    ("test:required", "e99695", "The pull request must have a new or changed test"),
];

/// What was done, for people and scripts.
#[derive(Serialize)]
pub(super) struct LabelReport {
    dry_run: bool,
    repositories: Vec<LabelsOfRepo>,
}

#[derive(Serialize)]
struct LabelsOfRepo {
    repository: RepoName,
    /// Created, or in a dry run those that would be.
    created: Vec<&'static str>,
    existing: usize,
    failed: Vec<FailedLabel>,
}

#[derive(Serialize)]
struct FailedLabel {
    /// `null`: the labels of the repository can't be read.
    label: Option<&'static str>,
    reason: String,
    fix: Option<String>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

/// Creates the missing labels of each repository. A repository fails alone.
pub(super) async fn create(github: &GitHub, access: &Access, repos: &TeamRepos, dry_run: bool) -> LabelReport {
    let mut report = LabelReport { dry_run, repositories: Vec::new() };
    for repo in &repos.on_github {
        let mut row = LabelsOfRepo { repository: repo.clone(), created: Vec::new(), existing: 0, failed: Vec::new() };
        if let Err(error) = create_in(github, access, &mut row, dry_run).await {
            row.failed.push(FailedLabel::of(None, &error));
        }
        report.repositories.push(row);
    }
    report
}

async fn create_in(github: &GitHub, access: &Access, row: &mut LabelsOfRepo, dry_run: bool) -> Result<(), GitHubError> {
    let level = if dry_run { "read" } else { "write" };
    let token = access.for_repo(github, &row.repository, ("issues", level)).await?;
    let path = format!("/repos/{}/labels", row.repository);
    let listed = github.list::<Label>(&path, &token, "such repository", |page| page).await?.items;
    for (name, color, description) in LABELS {
        if listed.iter().any(|label| label.name.eq_ignore_ascii_case(name)) {
            row.existing += 1;
            continue;
        }
        if dry_run {
            row.created.push(name);
            continue;
        }
        let body = json!({ "name": name, "color": color, "description": description });
        let answer = github.send(Method::POST, &path, &token, Some(&body)).await?;
        if answer.is_success() {
            row.created.push(name);
            continue;
        }
        let error = answer.error("such repository", &token);
        match error {
            // Every other label would fail in the same way.
            GitHubError::Refused { .. } => row.failed.push(FailedLabel::of(Some(name), &error)),
            _ => return Err(error),
        }
    }
    Ok(())
}

impl FailedLabel {
    fn of(label: Option<&'static str>, error: &GitHubError) -> Self {
        Self { label, reason: error.to_string(), fix: error.hint() }
    }
}

impl LabelReport {
    /// The report as text, one line for each repository.
    pub(super) fn text(&self) -> String {
        let verb = if self.dry_run { "would be created" } else { "created" };
        let mut text = String::new();
        for row in &self.repositories {
            let created = match row.created.as_slice() {
                [] => format!("nothing {verb}"),
                names => format!("{} {verb}: {}", names.len(), names.join(", ")),
            };
            let repo = &row.repository;
            text.extend([format!("{repo}: {created}; {} exist already\n", row.existing)]);
            for FailedLabel { label, reason, fix } in &row.failed {
                let label = label.map_or_else(String::new, |label| format!("{label}: "));
                text.extend([format!("  FAIL  {label}{reason}\n")]);
                text.extend(fix.iter().map(|fix| format!("        fix: {fix}\n")));
            }
        }
        text
    }

    /// An error if a label could not be created.
    pub(super) fn into_result(self) -> Result<(), GitHubError> {
        let failed = self.repositories.iter().filter(|row| !row.failed.is_empty()).count();
        if failed == 0 { Ok(()) } else { Err(GitHubError::Labels { failed, of: self.repositories.len() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_are_those_of_the_document() {
        let page = include_str!("../../../docs/workflow.md");
        let (_, table) = page.split_once("| label | meaning |").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let names = table.lines().filter_map(|row| row.strip_prefix("| `")?.split(" |").next());
        let documented = names.flat_map(|names| names.split('`').filter(|name| name.contains(':')));
        // There is one label for each track that a team uses.
        let documented: Vec<&str> = documented.filter(|name| *name != "track:N").collect();
        assert_eq!(documented, LABELS.map(|(name, ..)| name));
        for (name, color, description) in LABELS {
            assert!(name.len() <= 50 && description.len() <= 100 && color.len() == 6, "{name}");
        }
    }
}
