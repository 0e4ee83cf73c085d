//! The environment, current directory and terminal of the launcher. They are read once and then passed as an argument.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;

use crate::agent_cli::AgentCli;
use crate::error::LaunchError;

/// The state of the launcher's process at its start.
pub(crate) struct ProcessEnv {
    vars: BTreeMap<OsString, OsString>,
    /// The current directory.
    pub(crate) cwd: PathBuf,
    /// Deckwatch's folders.
    pub(crate) dirs: Dirs,
    /// Whether a user can answer questions on the terminal.
    pub(crate) interactive: bool,
    own_program: Option<PathBuf>,
}

impl ProcessEnv {
    /// Reads the state of this process.
    pub(crate) fn of_this_process() -> Result<Self, LaunchError> {
        let vars: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        Ok(Self {
            dirs: Dirs::from_vars(|name| vars.get(OsStr::new(name)).cloned())?,
            cwd: std::env::current_dir().map_err(LaunchError::NoCurrentDirectory)?,
            interactive: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            own_program: std::env::current_exe().ok(),
            vars,
        })
    }

    /// The value of a variable. A value that is empty or not Unicode counts as unset.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        let value = self.vars.get(OsStr::new(name))?.to_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Whether the user is connected over SSH.
    pub(crate) fn is_remote(&self) -> bool {
        self.var("SSH_CONNECTION").is_some() || self.var("SSH_TTY").is_some()
    }

    /// All variables.
    pub(crate) fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsString)> {
        self.vars.iter().map(|(name, value)| (name.as_os_str(), value))
    }

    /// The path in a variable. An empty value counts as unset. A relative path is resolved in the current directory.
    pub(crate) fn path_var(&self, name: &str) -> Option<PathBuf> {
        let value = self.vars.get(OsStr::new(name)).filter(|value| !value.is_empty())?;
        Some(self.cwd.join(value))
    }

    /// The database file of the embedded engine.
    pub(crate) fn database(&self) -> PathBuf {
        self.dirs.data.join("context.db")
    }

    /// The first program with this name on `PATH`. Relative entries are ignored: after the launcher has changed to the
    /// repository, they would mean another folder.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.vars.get(OsStr::new("PATH"))?;
        std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(|file| runs(file))
    }

    /// The program of an agent CLI: the first on `PATH`, otherwise the one in the folder of its own installer.
    pub(crate) fn agent_program(&self, cli: AgentCli) -> Option<PathBuf> {
        let own = (cli == AgentCli::Claude).then(|| self.dirs.home.join(".claude/local/claude"));
        self.program(cli.program()).or_else(|| own.filter(|file| runs(file)))
    }

    /// The launcher's own program.
    pub(crate) fn own_program(&self) -> Option<PathBuf> {
        self.own_program.clone()
    }

    /// The folder of the launcher's program.
    pub(crate) fn program_folder(&self) -> Option<PathBuf> {
        self.own_program.as_deref()?.parent()?.canonicalize().ok()
    }

    /// The program in the folder of the launcher, otherwise the first on `PATH`.
    pub(crate) fn sibling(&self, name: &str) -> Option<PathBuf> {
        let beside = self.own_program.as_ref().and_then(|own| own.parent()).map(|dir| dir.join(name));
        beside.filter(|file| runs(file)).or_else(|| self.program(name))
    }

    /// A path for messages, with `~` for the home folder.
    pub(crate) fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.dirs.home) {
            Ok(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Ok(rest) => format!("~/{}", rest.display()),
            Err(_) => path.display().to_string(),
        }
    }
}

fn runs(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
