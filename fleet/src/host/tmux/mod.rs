//! tmux on this machine: one configuration for all machines, beside the user's own, and the descriptions of modern
//! terminals.

mod include;
mod terminfo;

use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use self::include::Include;
pub use self::terminfo::{Description, MAX_DESCRIPTION, TERMINALS, description};
use super::{Answers, Connection};
use crate::wire::{Refusal, RefusalKind, Request};

/// The settings for coding agents.
pub const SETTINGS: &str = include_str!("deckwatch.conf");
/// The file with the settings, in the folder of the configuration.
const FILE: &str = "tmux.conf";

/// Asks a member to set up tmux.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUpTmux {
    /// Only find out what would change.
    pub dry_run: bool,
    /// The settings. They come from the machine that asks, so that all members get the same.
    pub settings: String,
    /// Descriptions of terminals, which are added where they are missing.
    pub terminals: Vec<Description>,
}

/// What was done, or would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TmuxSetUp {
    /// The version that `tmux -V` prints.
    pub version: String,
    /// The changes, each for people. Empty if everything was there.
    pub changes: Vec<String>,
    /// What does not work yet, with what to do.
    pub warnings: Vec<String>,
}

impl Request for SetUpTmux {
    const NAME: &'static str = "set_up_tmux";
    type Item = ();
    type Answer = TmuxSetUp;
}

impl Answers for SetUpTmux {
    async fn answer(self, _: &mut Connection) -> Result<TmuxSetUp, Refusal> {
        let dirs = Dirs::from_env().map_err(|error| Refusal::machine(error.to_string()))?;
        let version = version().await?;
        check(&self.settings).await?;
        let mut set_up = TmuxSetUp { version, changes: Vec::new(), warnings: Vec::new() };
        let settings = dirs.config.join(FILE);
        self.write_settings(&settings, &mut set_up)?;
        self.include(&dirs, &settings, &mut set_up)?;
        for terminal in &self.terminals {
            terminfo::add(terminal, self.dry_run, &mut set_up).await;
        }
        if !self.dry_run && !set_up.changes.is_empty() {
            reload(&settings, &mut set_up).await;
        }
        if !is_on_path("dev-session") {
            let text = "dev-session is not installed; run ./scripts/start --install-only in Deckwatch's checkout";
            set_up.warnings.push(text.to_owned());
        }
        Ok(set_up)
    }
}

impl SetUpTmux {
    fn write_settings(&self, path: &Path, set_up: &mut TmuxSetUp) -> Result<(), Refusal> {
        if std::fs::read_to_string(path).is_ok_and(|text| text == self.settings) {
            return Ok(());
        }
        set_up.changes.push(format!("write {}", path.display()));
        if self.dry_run {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let written = Dirs::create(folder).and_then(|()| durable::write(path, self.settings.as_bytes()));
        written.map_err(|error| Refusal::machine(format!("{} can't be written: {error}", path.display())))
    }

    fn include(&self, dirs: &Dirs, settings: &Path, set_up: &mut TmuxSetUp) -> Result<(), Refusal> {
        let include = Include::find(&dirs.home, settings)?;
        if let Some(change) = include.change() {
            set_up.changes.push(change);
            if !self.dry_run {
                include.write()?;
            }
        }
        Ok(())
    }
}

/// A tmux on a socket and without a configuration of its own.
fn separate_tmux(socket: &Path) -> Command {
    let mut command = Command::new("tmux");
    command.arg("-S").arg(socket).args(["-f", "/dev/null"]).env_remove("TMUX").kill_on_drop(true);
    command
}

async fn version() -> Result<String, Refusal> {
    match Command::new("tmux").arg("-V").output().await {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Refusal::machine("tmux is not installed; install it: apt install tmux, or brew install tmux"))
        }
        Err(error) => Err(Refusal::machine(format!("tmux can't be started: {error}"))),
    }
}

/// Refuses settings that this machine's tmux does not accept. Only a running server reads them completely.
async fn check(settings: &str) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal::machine(format!("the settings can't be checked: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    let (socket, file) = (folder.path().join("s"), folder.path().join("tmux.conf"));
    std::fs::write(&file, settings).map_err(failed)?;
    let started = separate_tmux(&socket).args(["new-session", "-d", "sleep 20"]).output().await.map_err(failed)?;
    let read = separate_tmux(&socket).arg("source-file").arg(&file).output().await;
    // The session ends by itself if the server can't be ended.
    let _ = separate_tmux(&socket).arg("kill-server").output().await;
    let read = read.map_err(failed)?;
    if started.status.success() && !read.status.success() {
        let reason = String::from_utf8_lossy(&read.stderr).trim().to_owned();
        let message = format!("this machine's tmux does not accept the settings: {reason}");
        return Err(Refusal::new(RefusalKind::BadRequest, message));
    }
    Ok(())
}

/// Gives the settings to the server that runs, so that open sessions have them too.
async fn reload(settings: &Path, set_up: &mut TmuxSetUp) {
    let is_running = Command::new("tmux").args(["list-sessions"]).output().await.is_ok_and(|out| out.status.success());
    if !is_running {
        return;
    }
    let read = Command::new("tmux").arg("source-file").arg(settings).output().await;
    if read.is_ok_and(|output| output.status.success()) {
        set_up.changes.push("reload the running tmux".to_owned());
    } else {
        let text = "the running tmux did not read the new settings; it reads them when it starts again";
        set_up.warnings.push(text.to_owned());
    }
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder: PathBuf| folder.join(program)).any(|file| file.is_file())
}
