//! The two files that `init` writes: what they will say, and writing them whole.

use std::path::PathBuf;

use deckwatch_client::ventures::VentureEntry;
use serde_json::json;
use toml_edit::{DocumentMut, Item, Table, value};

use super::answers::Answers;
use crate::error::LaunchError;
use crate::registration::settings_file::{Backup, Change, SettingsFile};
use crate::surroundings::Surroundings;

/// A file as it will be.
pub(super) struct File {
    pub(super) path: PathBuf,
    text: String,
    is_new: bool,
    change: Option<Change>,
}

/// `config.toml`, and `ventures.json` when ventures are wanted.
pub(super) fn planned(answers: &Answers, surroundings: &Surroundings) -> Result<Vec<File>, LaunchError> {
    let folder = &surroundings.dirs.config;
    let mut texts = vec![(folder.join("config.toml"), settings(answers, surroundings))];
    texts.extend(answers.ventures.as_ref().map(|ventures| (folder.join("ventures.json"), ventures_text(ventures))));
    texts.into_iter().map(|(path, text)| File::new(path, text)).collect()
}

fn settings(answers: &Answers, surroundings: &Surroundings) -> String {
    let mut document = DocumentMut::new();
    document.insert("dev_root", value(surroundings.shown(&answers.dev_root)));
    if let Some(agent) = answers.agent {
        document.insert("default_agent", value(agent.program()));
    }
    if let Some(api) = &answers.api {
        let mut table = Table::new();
        table.insert("url", value(&api.url));
        table.insert("key_env", value(&api.key_env));
        document.insert("api", Item::Table(table));
    }
    format!("# Settings of Deckwatch's launcher; `launcher --help` says what there is.\n{document}")
}

fn ventures_text(ventures: &[VentureEntry]) -> String {
    let entry = |venture: &VentureEntry| {
        let mut entry = json!({"code": venture.code, "name": venture.name, "repos": venture.repos});
        if let (Some(org), Some(fields)) = (&venture.github_org, entry.as_object_mut()) {
            fields.insert("github_org".to_owned(), json!(org));
        }
        entry
    };
    let ventures: Vec<_> = ventures.iter().map(entry).collect();
    format!("{:#}\n", json!({ "ventures": ventures }))
}

impl File {
    fn new(path: PathBuf, text: String) -> Result<Self, LaunchError> {
        let before = SettingsFile::read(path.clone()).map_err(LaunchError::of_writing)?;
        let is_new = before.text().is_empty();
        let change = before.into_change(text.clone(), Backup::Once);
        Ok(Self { path, text, is_new, change })
    }

    /// Whether there is anything to write.
    pub(super) fn differs(&self) -> bool {
        self.change.is_some()
    }

    /// Whether nothing is lost by writing it.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The whole of it, for a person to agree to.
    pub(super) fn describe(&self, overwrite: bool, surroundings: &Surroundings) -> String {
        let path = surroundings.shown(&self.path);
        let state = match (&self.change, self.is_new, overwrite) {
            (None, _, _) => return format!("{path} says that already.\n"),
            (Some(_), true, _) => "new",
            (Some(_), false, true) => "replaces the one that is there",
            (Some(_), false, false) => "differs from the one that is there",
        };
        let text = self.text.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
        format!("{path} ({state}):\n{text}")
    }

    pub(super) fn write(&self) -> Result<(), LaunchError> {
        self.change.as_ref().map_or(Ok(()), Change::apply).map_err(LaunchError::of_writing)
    }
}
