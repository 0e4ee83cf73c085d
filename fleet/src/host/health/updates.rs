//! Updates of the system that wait, as far as the package manager knows without the network.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::Reading;
use crate::host::program::{self, Ended, first_line};

/// The lists of packages that apt has downloaded.
const APT_LISTS: &str = "/var/lib/apt/lists";
/// What Debian writes when a restart completes an update.
const REBOOT_REQUIRED: &str = "/var/run/reboot-required";
const MAX_MESSAGE: usize = 200;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    /// Debian's.
    Apt,
    /// Homebrew.
    Brew,
}

/// Updates that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updates {
    /// The package manager that was asked.
    pub manager: PackageManager,
    /// The number of packages with an update.
    pub pending: u64,
    /// How many of them are security updates. `None` if the package manager does not tell.
    pub security: Option<u64>,
    /// When the package manager last got its lists. `None` if it does not tell.
    pub known_since: Option<Timestamp>,
    /// Whether the system must be restarted to complete an update.
    pub reboot_required: bool,
}

/// The updates that wait: apt's, on a machine without apt Homebrew's.
pub(super) async fn pending(limit: Duration) -> Reading<Updates> {
    match lists(Path::new(APT_LISTS)) {
        Ok(lists) => apt(apt_command(), lists, limit).await,
        Err(error) if error.kind() == io::ErrorKind::NotFound => brew(brew_command(), limit).await,
        Err(error) => Reading::Failed(format!("{APT_LISTS}: {error}")),
    }
}

/// When apt got its lists. `None` if it has none.
fn lists(folder: &Path) -> io::Result<Option<SystemTime>> {
    let has_lists = std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().as_encoded_bytes().ends_with(b"Release"));
    Ok(if has_lists { Some(folder.metadata()?.modified()?) } else { None })
}

/// Only computes what an upgrade would do. It runs behind other work of the machine, because it reads all lists.
fn apt_command() -> Command {
    let args = ["-n", "10", "apt-get", "--simulate", "--quiet", "--option", "Debug::NoLocking=true", "upgrade"];
    program::command("nice", &args)
}

fn brew_command() -> Command {
    let mut brew = program::command("brew", &["outdated", "--quiet"]);
    brew.env("HOMEBREW_NO_AUTO_UPDATE", "1").env("HOMEBREW_NO_ANALYTICS", "1").env("HOMEBREW_NO_ENV_HINTS", "1");
    brew
}

async fn apt(command: Command, lists: Option<SystemTime>, limit: Duration) -> Reading<Updates> {
    let Some(lists) = lists else {
        return Reading::Unknown("apt has no lists of packages; run `sudo apt-get update`".to_owned());
    };
    printed(command, limit).await.and_then(|text| {
        let installs: Vec<&str> = text.lines().filter(|line| line.starts_with("Inst ")).collect();
        let is_security = |line: &&&str| line.to_ascii_lowercase().contains("-security");
        let since = lists.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Reading::Value(Updates {
            manager: PackageManager::Apt,
            pending: count(installs.len()),
            security: Some(count(installs.iter().filter(is_security).count())),
            known_since: i64::try_from(since).ok().map(Timestamp::from_millis),
            reboot_required: Path::new(REBOOT_REQUIRED).exists(),
        })
    })
}

async fn brew(command: Command, limit: Duration) -> Reading<Updates> {
    match printed(command, limit).await {
        Reading::Missing => Reading::Unknown("the machine has neither apt nor brew".to_owned()),
        printed => printed.and_then(|text| {
            Reading::Value(Updates {
                manager: PackageManager::Brew,
                pending: count(text.lines().filter(|line| !line.trim().is_empty()).count()),
                security: None,
                known_since: None,
                reboot_required: false,
            })
        }),
    }
}

async fn printed(command: Command, limit: Duration) -> Reading<String> {
    match program::run(command, limit).await {
        Ended::NotFound => Reading::Missing,
        Ended::NotStarted(error) => Reading::Failed(error),
        Ended::TimedOut(limit) => Reading::timed_out(limit),
        Ended::Exited { success: true, stdout, .. } => Reading::Value(stdout),
        Ended::Exited { stderr, .. } => {
            Reading::Failed(first_line(&stderr, MAX_MESSAGE).unwrap_or_else(|| "it gives no reason".to_owned()))
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn updates_of_apt_are_counted() {
        let text = "Reading package lists...\nInst libc6 [2.36-9] (2.36-9+deb12u1 Debian-Security:12/stable-security [amd64])\n\
                    Inst curl [7] (8 Debian:12.5/stable [amd64])\nConf curl (8 Debian:12.5/stable [amd64])\n";
        let lists = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let updates = apt(program::command("printf", &["%s", text]), Some(lists), LIMIT).await;
        let updates = updates.value().unwrap().clone();
        assert_eq!((updates.pending, updates.security), (2, Some(1)));
        assert_eq!(updates.known_since, Some(Timestamp::from_millis(1_000_000)));
        let without_lists = apt(program::command("true", &[]), None, LIMIT).await;
        assert!(matches!(without_lists, Reading::Unknown(why) if why.contains("apt-get update")));
    }

    #[tokio::test]
    async fn updates_of_brew_are_counted_and_a_machine_with_neither_says_so() {
        let updates = brew(program::command("printf", &["ripgrep\ngit\n"]), LIMIT).await;
        let updates = updates.value().unwrap().clone();
        assert_eq!((updates.manager, updates.pending, updates.security), (PackageManager::Brew, 2, None));
        assert!(matches!(brew(program::command("no-such-program", &[]), LIMIT).await, Reading::Unknown(_)));
        assert!(matches!(brew(program::command("false", &[]), LIMIT).await, Reading::Failed(_)));
    }

    #[test]
    fn a_folder_without_lists_is_told_from_one_with_lists() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lock"), "").unwrap();
        assert_eq!(lists(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join("deb.example_dists_stable_InRelease"), "").unwrap();
        assert!(lists(folder.path()).unwrap().is_some());
        assert_eq!(lists(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
