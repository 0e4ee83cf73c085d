//! Background servers of agents' tools. One process serves many sessions. It passes the environment of the session that
//! started it to the MCP servers, hooks and shells of all sessions.

use std::ffi::OsString;

use super::process::command_line;
use crate::variables;

/// A tool's background server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedServer {
    /// `codex app-server --managed-daemon`, or one that listens for other programs.
    Codex,
    /// `claude daemon run`, and the background sessions that it starts.
    Claude,
}

/// A running background server for this user's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningServer {
    /// The process id.
    pub pid: u32,
    /// The agent whose environment it has. `None` if it was not started by a launch.
    pub agent: Option<String>,
}

impl SharedServer {
    /// The background server that a process is, if any.
    pub fn of_process(pid: u32) -> Option<Self> {
        Self::of(&command_line(pid))
    }

    fn of(words: &[String]) -> Option<Self> {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        let pair = |first: &str, second: &dyn Fn(&str) -> bool| {
            words.windows(2).any(|pair| matches!(pair, [one, two] if one == first && second(two)))
        };
        let listens = || {
            let elsewhere = |address: &str| address.starts_with("unix:") || address.starts_with("ws:");
            pair("--listen", &elsewhere)
                || words.iter().any(|word| word.strip_prefix("--listen=").is_some_and(elsewhere))
        };
        let is_claude = || words.first().is_some_and(|program| program.contains("claude"));
        if has("app-server") && (has("--managed-daemon") || listens()) {
            Some(Self::Codex)
        } else if has("--bg-pty-host") || has("--bg-spare") || is_claude() && pair("daemon", &|word| word == "run") {
            Some(Self::Claude)
        } else {
            None
        }
    }

    /// The name in messages.
    pub fn title(self) -> &'static str {
        match self {
            Self::Codex => "Codex's background server",
            Self::Claude => "Claude Code's background service",
        }
    }

    /// The command that stops it.
    pub fn stop_command(self) -> &'static str {
        match self {
            Self::Codex => "codex app-server daemon stop",
            Self::Claude => "claude daemon stop --any",
        }
    }

    /// The running server for the settings that `var` selects. It reads every process of this user.
    pub fn running(self, var: impl Fn(&str) -> Option<OsString>) -> Option<RunningServer> {
        use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
        let mut system = System::new();
        let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, false, kind);
        let words =
            |words: &[OsString]| words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let servers = system.processes().values().filter(|process| Self::of(&words(process.cmd())) == Some(self));
        let pids: Vec<_> = servers.map(sysinfo::Process::pid).collect();
        let kind = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), false, kind);
        pids.into_iter().find_map(|pid| {
            let environment = system.process(pid)?.environ();
            let its = |name: &str| {
                let value =
                    |entry: &OsString| entry.to_str()?.strip_prefix(name)?.strip_prefix('=').map(OsString::from);
                environment.iter().find_map(value).filter(|value| !value.is_empty())
            };
            let same = self.home(its)? == self.home(&var)?;
            let agent = || its(variables::AGENT)?.into_string().ok();
            same.then(|| RunningServer { pid: pid.as_u32(), agent: agent() })
        })
    }

    /// The settings folder: from the tool's own variable, or else in the home.
    fn home(self, var: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
        let (own, below) = match self {
            Self::Codex => ("CODEX_HOME", ".codex"),
            Self::Claude => ("CLAUDE_CONFIG_DIR", ".claude"),
        };
        let set = |name| var(name).filter(|value| !value.is_empty());
        set(own).or_else(|| Some(std::path::Path::new(&set("HOME")?).join(below).into_os_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn background_servers_differ_from_servers_of_one_session() {
        let cases = [
            (
                "/x/codex app-server --listen unix:// --analytics-default-enabled --managed-daemon",
                Some(SharedServer::Codex),
            ),
            ("codex app-server --listen=ws://127.0.0.1:1", Some(SharedServer::Codex)),
            ("codex app-server", None),
            ("codex app-server --listen stdio://", None),
            ("codex --no-daemon", None),
            ("/x/claude.exe daemon run --origin transient", Some(SharedServer::Claude)),
            ("claude bg-spare --bg-spare /tmp/x.sock", Some(SharedServer::Claude)),
            ("claude -p run the daemon", None),
            ("/usr/bin/daemon run", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(SharedServer::of(&words), expected, "{line}");
        }
    }
}
