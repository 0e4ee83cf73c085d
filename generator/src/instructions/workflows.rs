//! Lists the workflows of continuous integration.

use std::collections::BTreeSet;

use super::Files;
use crate::document::{Document, code, plain};
use crate::paths;

/// The maximum number of rows of the table.
const MAX_WORKFLOWS: usize = 40;

/// Whether a file configures continuous integration.
pub(super) fn is_workflow(path: &str) -> bool {
    let is_yaml = matches!(paths::extension(path), "yml" | "yaml");
    is_yaml && matches!(paths::folder(path), ".github/workflows" | ".forgejo/workflows" | ".gitea/workflows")
        || matches!(
            path,
            ".gitlab-ci.yml" | ".circleci/config.yml" | "azure-pipelines.yml" | ".travis.yml" | "Jenkinsfile"
        )
}

/// Writes the table and returns the files of the workflows.
pub(super) fn write(document: &mut Document, files: &Files) -> BTreeSet<String> {
    let workflows = || files.iter().filter(|(path, _)| is_workflow(path)).take(MAX_WORKFLOWS);
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
