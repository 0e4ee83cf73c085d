//! Servers of Deckwatch that still run a program whose file was replaced.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::{command_line, lineage};
use crate::variables;

/// The programs that run for a long time.
const SERVERS: [&str; 2] = ["deckwatch-mcp", "deckwatch-server"];
/// How many ancestors of a server may be between it and its agent.
const MAX_ANCESTORS: usize = 6;
/// The agent CLIs, by the names of their programs.
const CLIENTS: [&str; 3] = ["claude", "codex", "gemini"];

/// A server that runs an old build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldServer {
    /// The name of its program.
    pub program: String,
    /// The process id.
    pub pid: u32,
    /// The name of the agent that it serves, if the agent was started by the launcher.
    pub agent: Option<String>,
    /// How to restart it.
    pub restart: String,
}

/// The servers of this user that run an old build. Processes of other users can't be read, so they are left out.
pub fn old_servers() -> Vec<OldServer> {
    let mut servers: Vec<OldServer> =
        running().into_iter().filter(Running::is_replaced).map(Running::into_old).collect();
    servers.sort_by_key(|server| server.pid);
    servers
}

/// How to restart the MCP server of an agent CLI.
pub fn how_to_restart(client: &str) -> &'static str {
    match client {
        "claude" => "type /mcp in Claude Code, select deckwatch, and choose Reconnect.",
        "codex" => "end this session of Codex CLI and continue it with `codex resume`.",
        "gemini" => "type /mcp refresh in Gemini CLI.",
        _ => "restart the MCP server `deckwatch`, or the agent.",
    }
}

/// A running server.
struct Running {
    pid: u32,
    program: &'static str,
    /// The path that it was started from.
    path: PathBuf,
    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "the kernel knows which file a process runs"))]
    started_at: u64,
}

impl Running {
    fn into_old(self) -> OldServer {
        let variables = environment(self.pid);
        let variable = |name: &str| {
            variables.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let client = || variable(variables::CLIENT).or_else(|| client_of(self.pid)).unwrap_or_default();
        let restart = match self.program {
            "deckwatch-mcp" => how_to_restart(&client()).to_owned(),
            _ => restart_of_service(self.pid),
        };
        OldServer { program: self.program.to_owned(), pid: self.pid, agent: variable(variables::AGENT), restart }
    }

    /// Whether the process runs another file than the one that is at its path now. A path without a file is not a new
    /// build.
    #[cfg(target_os = "linux")]
    fn is_replaced(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
        let runs = identity(Path::new(&format!("/proc/{}/exe", self.pid)));
        let installed = identity(&self.path);
        runs.is_some() && installed.is_some() && runs != installed
    }

    /// Whether the file at the path of the process is newer than the process.
    #[cfg(not(target_os = "linux"))]
    fn is_replaced(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let written = self.path.metadata().ok().and_then(|file| u64::try_from(file.ctime()).ok());
        written.is_some_and(|written| written > self.started_at)
    }
}

/// The servers whose program this user may see.
fn running() -> Vec<Running> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, false, kind);
    let server = |process: &sysinfo::Process| {
        let path = process.exe()?.to_str()?;
        // Linux adds this to the path of a file that was deleted.
        let path = Path::new(path.strip_suffix(" (deleted)").unwrap_or(path));
        let program = SERVERS.into_iter().find(|name| path.file_name().is_some_and(|file| file == *name))?;
        Some(Running { pid: process.pid().as_u32(), program, path: path.to_owned(), started_at: process.start_time() })
    };
    system.processes().values().filter_map(server).collect()
}

fn environment(pid: u32) -> Vec<String> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
    let entries = system.process(pid).map(sysinfo::Process::environ).unwrap_or_default();
    entries.iter().map(|entry| entry.to_string_lossy().into_owned()).collect()
}

/// The agent CLI that started a process, by the names of the programs above it.
fn client_of(pid: u32) -> Option<String> {
    lineage(pid).skip(1).take(MAX_ANCESTORS).find_map(|ancestor| {
        let words = command_line(ancestor);
        // Scripts have their interpreter as the first word.
        let mut names = words.iter().take(2).filter_map(|word| Path::new(word).file_name()?.to_str());
        names.find_map(|name| CLIENTS.into_iter().find(|client| name.starts_with(client))).map(str::to_owned)
    })
}

/// How to restart a server of the Context API: by its unit of systemd, if it has one.
fn restart_of_service(pid: u32) -> String {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    match unit_of(&groups) {
        Some((unit, true)) => format!("run `systemctl --user restart {unit}`."),
        Some((unit, false)) => format!("run `sudo systemctl restart {unit}`."),
        None => format!("end process {pid} and start it again as it was started."),
    }
}

/// The unit of Deckwatch that the control groups of a process name, and whether it is the unit of a user. A server that
/// was started by hand is in the unit of another service, such as sshd.
fn unit_of(groups: &str) -> Option<(&str, bool)> {
    let path = groups.lines().find_map(|line| line.splitn(3, ':').nth(2))?;
    let unit = path.rsplit('/').find(|part| part.ends_with(".service"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    (unit.contains("deckwatch") && unit.chars().all(plain)).then_some((unit, path.contains("/user@")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_server_is_old_once_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deckwatch-mcp");
        let install = || {
            let new = folder.path().join("new");
            std::fs::copy("/bin/sleep", &new).unwrap();
            std::fs::rename(&new, &program).unwrap();
        };
        install();
        let mut server = Command::new(&program).arg("60").env(variables::AGENT, "mac1-codex-2").spawn().unwrap();
        let of_test = || old_servers().into_iter().find(|old| old.pid == server.id());
        // The process runs the test's program until it has started its own.
        while !running().iter().any(|running| running.pid == server.id()) {
            std::thread::yield_now();
        }
        assert_eq!(of_test(), None);
        std::fs::remove_file(&program).unwrap();
        assert_eq!(of_test(), None, "without a file there is no new build");
        if cfg!(not(target_os = "linux")) {
            // Only the times of the file and of the process are compared there, in seconds.
            std::thread::sleep(std::time::Duration::from_millis(1_100));
        }
        install();
        let old = of_test().unwrap();
        assert_eq!((old.program.as_str(), old.agent.as_deref()), ("deckwatch-mcp", Some("mac1-codex-2")));
        server.kill().unwrap();
        server.wait().unwrap();
    }

    #[test]
    fn the_unit_of_a_service_is_found_in_its_control_groups() {
        for (groups, expected) in [
            ("0::/system.slice/deckwatch.service\n", Some(("deckwatch.service", false))),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/deckwatch.service\n",
                Some(("deckwatch.service", true)),
            ),
            ("0::/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope\n", None),
            ("0::/system.slice/ssh.service\n", None),
            ("0::/system.slice/deckwatch$(reboot).service\n", None),
            ("0::/\n", None),
            ("", None),
        ] {
            assert_eq!(unit_of(groups), expected, "{groups}");
        }
    }
}
