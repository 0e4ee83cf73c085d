//! The line of the user's tmux configuration that includes the settings.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::durable;

use crate::wire::Refusal;

/// The mode of a configuration that did not exist.
const MODE: u32 = 0o644;

/// The user's configuration, which keeps every line it has.
pub(super) struct Include {
    /// The file itself, if the configuration is a symbolic link.
    file: PathBuf,
    /// `None` if the file does not exist.
    text: Option<String>,
    line: String,
}

impl Include {
    /// The configuration that tmux reads: `~/.tmux.conf`, or else the one in `~/.config/tmux`.
    pub(super) fn find(home: &Path, settings: &Path) -> Result<Self, Refusal> {
        let (first, second) = (home.join(".tmux.conf"), home.join(".config/tmux/tmux.conf"));
        let path = if !first.exists() && second.exists() { second } else { first };
        let unusable = |error: io::Error| Refusal::machine(format!("{} can't be read: {error}", path.display()));
        let file = match path.canonicalize() {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.clone(),
            Err(error) => return Err(unusable(error)),
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(error)),
        };
        Ok(Self { file, text, line: line(settings) })
    }

    /// The change for people. `None` if the line is there.
    pub(super) fn change(&self) -> Option<String> {
        match &self.text {
            Some(text) if text.lines().any(|line| line.trim() == self.line) => None,
            Some(_) => Some(format!("include it in {}, before your settings", self.file.display())),
            None => Some(format!("write {}, which includes it", self.file.display())),
        }
    }

    /// Adds the line before all others, so that the user's settings win.
    pub(super) fn write(&self) -> Result<(), Refusal> {
        let text = format!("{}\n{}", self.line, self.text.as_deref().unwrap_or_default());
        let mode = self.file.metadata().map_or(MODE, |file| file.permissions().mode() & 0o777);
        let written = durable::write_with_mode(&self.file, text.as_bytes(), mode);
        written.map_err(|error| Refusal::machine(format!("{} can't be written: {error}", self.file.display())))
    }
}

/// tmux reads the path in single quotes as it is, except a single quote.
fn line(settings: &Path) -> String {
    format!("source-file -q '{}'", settings.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn include(home: &Path) -> Include {
        Include::find(home, Path::new("/home/ann/.config/deckwatch/tmux.conf")).unwrap()
    }

    #[test]
    fn the_users_lines_stay_and_the_line_is_added_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".tmux.conf");
        std::fs::write(&path, "set -g mouse off").unwrap();
        include(home.path()).write().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "source-file -q '/home/ann/.config/deckwatch/tmux.conf'\nset -g mouse off");
        assert_eq!(include(home.path()).change(), None);
    }

    #[test]
    fn a_symbolic_link_stays_one_and_the_mode_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("dotfiles.conf");
        std::fs::write(&file, "set -g base-index 1\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&file, home.path().join(".tmux.conf")).unwrap();
        include(home.path()).write().unwrap();
        assert!(home.path().join(".tmux.conf").is_symlink());
        assert!(std::fs::read_to_string(&file).unwrap().ends_with("tmux.conf'\nset -g base-index 1\n"));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_configuration_in_the_config_folder_is_used_if_it_is_the_only_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".config/tmux/tmux.conf");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(include(home.path()).file, path.canonicalize().unwrap());
        assert_eq!(line(Path::new("/home/o'neil/x")), r"source-file -q '/home/o'\''neil/x'");
    }
}
