//! The folders of Deckwatch on this machine, from the XDG base directories.
//!
//! This module names folders and creates them. Other modules write the files.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

const FOLDER: &str = "deckwatch";

/// The folders of one user on this machine. They may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// The user's home directory.
    pub home: PathBuf,
    /// Files that a person writes: `config.toml`, `ventures.json`.
    pub config: PathBuf,
    /// Files that must not be lost: the embedded database.
    pub data: PathBuf,
    /// Files that are needed after a restart, but only on this machine: slots, logs, generated registrations.
    pub state: PathBuf,
    /// Files that can be downloaded again.
    pub cache: PathBuf,
}

/// `HOME` is unset or is not an absolute path.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("HOME is not set to an absolute path; set it, for example: export HOME=/home/you")]
pub struct NoHome;

impl Dirs {
    /// Reads `HOME` and the `XDG_*_HOME` variables of this process.
    pub fn from_env() -> Result<Self, NoHome> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// Reads `HOME` and the `XDG_*_HOME` variables through `var`. A relative path counts as unset, as the XDG
    /// specification requires.
    pub fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME").ok_or(NoHome)?;
        let base = |name: &str, default: &str| absolute(name).unwrap_or_else(|| home.join(default)).join(FOLDER);
        Ok(Self {
            config: base("XDG_CONFIG_HOME", ".config"),
            data: base("XDG_DATA_HOME", ".local/share"),
            state: base("XDG_STATE_HOME", ".local/state"),
            cache: base("XDG_CACHE_HOME", ".cache"),
            home,
        })
    }

    /// Creates `dir` and its missing parents with mode 0700. An existing folder keeps its mode.
    pub fn create(dir: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn dirs(vars: &[(&str, &str)]) -> Result<Dirs, NoHome> {
        Dirs::from_vars(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn xdg_variables_override_the_defaults_in_home() {
        let found = dirs(&[("HOME", "/home/ann"), ("XDG_DATA_HOME", "/data"), ("XDG_CACHE_HOME", "")]).unwrap();
        assert_eq!(found.data, Path::new("/data/deckwatch"));
        assert_eq!(found.config, Path::new("/home/ann/.config/deckwatch"));
        assert_eq!(found.state, Path::new("/home/ann/.local/state/deckwatch"));
        assert_eq!(found.cache, Path::new("/home/ann/.cache/deckwatch"));
    }

    #[test]
    fn relative_paths_count_as_unset() {
        let found = dirs(&[("HOME", "/home/ann"), ("XDG_STATE_HOME", "state")]).unwrap();
        assert_eq!(found.state, Path::new("/home/ann/.local/state/deckwatch"));
        assert_eq!(dirs(&[("HOME", "ann")]), Err(NoHome));
        assert_eq!(dirs(&[]), Err(NoHome));
    }

    #[test]
    fn only_the_user_can_read_new_folders() {
        let temp = tempfile::tempdir().unwrap();
        let inner = temp.path().join("a/deckwatch");
        Dirs::create(&inner).unwrap();
        Dirs::create(&inner).unwrap();
        assert_eq!(inner.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
