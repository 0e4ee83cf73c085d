//! The workflows of continuous integration, by name.

use std::collections::BTreeSet;

use super::Files;
use crate::document::{Document, code, plain};
use crate::places;

/// Rows of the table.
const WORKFLOWS: usize = 40;

/// Whether a file configures continuous integration.
pub(super) fn is_workflow(path: &str) -> bool {
    let is_yaml = matches!(places::ending(path), "yml" | "yaml");
    is_yaml && matches!(places::folder(path), ".github/workflows" | ".forgejo/workflows" | ".gitea/workflows")
        || matches!(
            path,
            ".gitlab-ci.yml" | ".circleci/config.yml" | "azure-pipelines.yml" | ".travis.yml" | "Jenkinsfile"
        )
}

/// Writes the table, and names the workflows.
pub(super) fn write(document: &mut Document, files: &Files) -> BTreeSet<String> {
    let workflows = || files.iter().filter(|(path, _)| is_workflow(path)).take(WORKFLOWS);
    let rows: Vec<Vec<String>> = workflows().map(|(path, text)| vec![plain(&name(text)), code(path)]).collect();
    if !rows.is_empty() {
        document.table("workflows", "## Continuous integration", &["workflow", "file"], &rows);
    }
    workflows().map(|(path, _)| path.clone()).collect()
}

fn name(text: &str) -> String {
    let name = text.lines().find_map(|line| line.strip_prefix("name:"));
    name.map_or("-", |name| name.trim().trim_matches(['"', '\''])).to_owned()
}
