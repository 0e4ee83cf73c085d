//! The settings of this machine that matter to the far side, from `config.toml`. The launcher reads the whole file and
//! reports its errors.

use std::path::PathBuf;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::discovery::default_dev_root;
use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Document {
    dev_root: Option<PathBuf>,
}

/// The folder with the repositories of this machine.
pub(super) fn dev_root(dirs: &Dirs) -> PathBuf {
    let text = std::fs::read_to_string(dirs.config.join("config.toml")).unwrap_or_default();
    let named = toml_edit::de::from_str::<Document>(&text).unwrap_or_default().dev_root;
    let named = named.map(|path| path.strip_prefix("~").map_or_else(|_| path.clone(), |rest| dirs.home.join(rest)));
    named.filter(|path| path.is_absolute()).unwrap_or_else(|| default_dev_root(dirs))
}
