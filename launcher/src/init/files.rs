//! The content of the two files that `init` writes, and writing them atomically.

use std::path::PathBuf;

use deckwatch_machine::ventures::VentureEntry;
use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item, Table, value};

use super::answers::{Answers, Records};
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, Change, SettingsFile};

/// A file that will be written.
pub(super) struct File {
    pub(super) path: PathBuf,
    text: String,
    is_new: bool,
    change: Option<Change>,
}

/// `config.toml`, and also `ventures.json` if there are ventures to write.
pub(super) fn planned(answers: &Answers, env: &ProcessEnv) -> Result<Vec<File>, LaunchError> {
    let folder = &env.dirs.config;
    let mut files =
        vec![File::new(folder.join("config.toml"), |before| Ok(settings(before, before.toml()?, answers, env)))?];
    if let Some(ventures) = &answers.ventures {
        files.push(File::new(folder.join("ventures.json"), |before| ventures_text(before, ventures))?);
    }
    Ok(files)
}

/// The existing settings with the answers set. Other entries of the user are kept.
fn settings(before: &SettingsFile, mut document: DocumentMut, answers: &Answers, env: &ProcessEnv) -> String {
    let dev_root = answers.dev_root.to_str();
    let says_so = document.get("dev_root").is_some_and(|said| said.as_str().is_some() && said.as_str() == dev_root);
    if !says_so {
        set(document.as_table_mut(), "dev_root", &env.shown(&answers.dev_root));
    }
    if let Some(agent) = answers.agent {
        set(document.as_table_mut(), "default_agent", agent.program());
    }
    match &answers.records {
        Records::AsConfigured => {}
        Records::Here => drop(document.remove("api")),
        Records::Team { url, key_env } => {
            let mut table = Table::new();
            set(&mut table, "url", url);
            set(&mut table, "key_env", key_env);
            document.insert("api", Item::Table(table));
        }
    }
    let head = "# Settings of Deckwatch's launcher; `launcher --help` says what there is.\n";
    if before.text().is_empty() { format!("{head}{document}") } else { document.to_string() }
}

/// Sets a text if it differs. A comment beside it is kept.
fn set(table: &mut Table, name: &str, text: &str) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(said) if said.as_str() == Some(text) => {}
        Some(said) => {
            let decor = said.decor().clone();
            *said = text.into();
            *said.decor_mut() = decor;
        }
        None => drop(table.insert(name, value(text))),
    }
}

/// Adds the ventures that the file lacks. Its existing ventures keep all their fields.
fn ventures_text(before: &SettingsFile, ventures: &[VentureEntry]) -> Result<String, LaunchError> {
    if before.text().is_empty() {
        return Ok(format!("{:#}\n", json!({ "ventures": ventures.iter().map(entry).collect::<Vec<_>>() })));
    }
    let malformed = |error: serde_json::Error| before.malformed(error.line(), &error.to_string());
    let mut document: Value = serde_json::from_str(before.text()).map_err(malformed)?;
    let Some(entries) = document.get_mut("ventures").and_then(Value::as_array_mut) else {
        return Err(before.unusable("it has no list `ventures`; correct it first, nothing was changed"));
    };
    let mut known: Vec<VentureEntry> =
        entries.iter().filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect();
    let mut added = Vec::new();
    for repo in ventures.iter().flat_map(|venture| &venture.repos) {
        let is_known = known.iter().any(|venture| venture.owns(repo));
        // The new code is one that no venture of the file has.
        if let Some(venture) = VentureEntry::of_repo_among(repo, &known).filter(|_| !is_known) {
            added.push(entry(&venture));
            known.push(venture);
        }
    }
    if added.is_empty() {
        return Ok(before.text().to_owned());
    }
    entries.extend(added);
    Ok(format!("{document:#}\n"))
}

fn entry(venture: &VentureEntry) -> Value {
    let mut entry = json!({"code": venture.code, "name": venture.name, "repos": venture.repos});
    if let (Some(org), Some(fields)) = (&venture.github_org, entry.as_object_mut()) {
        fields.insert("github_org".to_owned(), json!(org));
    }
    entry
}

impl File {
    fn new(
        path: PathBuf,
        text: impl FnOnce(&SettingsFile) -> Result<String, LaunchError>,
    ) -> Result<Self, LaunchError> {
        let before = SettingsFile::read(path.clone()).map_err(LaunchError::into_write_error)?;
        let text = text(&before).map_err(LaunchError::into_write_error)?;
        let is_new = before.text().is_empty();
        let change = before.into_change(&text, Backup::Once);
        Ok(Self { path, text, is_new, change })
    }

    /// Whether the file has to be written.
    pub(super) fn differs(&self) -> bool {
        self.change.is_some()
    }

    /// Whether the file does not exist yet, so that writing it replaces nothing.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The complete content, which the user confirms.
    pub(super) fn describe(&self, overwrite: bool, env: &ProcessEnv) -> String {
        let path = env.shown(&self.path);
        let state = match (&self.change, self.is_new, overwrite) {
            (None, _, _) => return format!("{path} is already up to date.\n"),
            (Some(_), true, _) => "new",
            (Some(_), false, true) => "changes the existing file",
            (Some(_), false, false) => "differs from the existing file",
        };
        let text = self.text.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
        format!("{path} ({state}):\n{text}")
    }

    pub(super) fn write(&self) -> Result<(), LaunchError> {
        self.change.as_ref().map_or(Ok(()), Change::apply).map_err(LaunchError::into_write_error)
    }
}
