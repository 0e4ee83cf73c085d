//! Processes in namespaces of their own.
//!
//! The first process of the namespaces ends when its standard input is closed, and the kernel then ends every other
//! process in them. So nothing stays behind, also when the test is killed.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Namespaces of network, hostname, mounts, processes and IPC, with their first process.
pub(super) struct Namespaces {
    /// The program that made the namespaces. It ends when their first process has ended.
    parent: Child,
    first_process: Pid,
    _stdin: ChildStdin,
}

/// Namespaces whose first process is still starting.
pub(super) struct Starting {
    what: String,
    parent: Child,
    stdin: ChildStdin,
}

impl Starting {
    /// Runs `script` in bash as the first process of new namespaces. `what` names it in messages.
    pub(super) fn spawn(what: &str, script: &str, args: &[&OsStr], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "--uts", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--"]);
        command.args(["bash", "-c", script, what]).args(args);
        command.env_clear().env("PATH", SYSTEM_PATH).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut parent = command.spawn().expect("unshare of util-linux runs");
        let stdin = parent.stdin.take().unwrap();
        Self { what: what.to_owned(), parent, stdin }
    }

    /// Waits until the first process has printed `ready` and its process id.
    pub(super) fn ready(mut self) -> Namespaces {
        let mut line = String::new();
        BufReader::new(self.parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let id = line.strip_prefix("ready ").and_then(|id| id.trim().parse().ok()).and_then(Pid::from_raw);
        let Some(first_process) = id else {
            drop(self.stdin);
            let mut errors = String::new();
            self.parent.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            let _ = self.parent.wait();
            panic!("{} did not start. It needs root and namespaces of Linux. It printed: {line}{errors}", self.what);
        };
        Namespaces { parent: self.parent, first_process, _stdin: self.stdin }
    }
}

/// The folders of programs on a host. sshd gives its sessions a similar value.
pub(super) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Namespaces {
    /// A file of the kernel about the first process, such as `ns/net`.
    pub(super) fn proc_file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.first_process.as_raw_nonzero().to_string()).join(name)
    }

    /// A command that runs in the namespaces, with this user and group id and an empty environment. Add `NAME=VALUE`
    /// arguments, the program and its arguments.
    pub(super) fn command(&self, id: u32, folder: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.first_process.as_raw_nonzero()));
        command.args(["--net", "--uts", "--mount", "--pid", "--ipc"]);
        command.arg(format!("--setuid={id}")).arg(format!("--setgid={id}"));
        // A search on PATH would find links of the test machine that do not exist on the host.
        command.args(["--", "/usr/bin/env", "--ignore-environment", "--chdir", folder]);
        command
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let _ = kill_process(self.first_process, Signal::KILL);
        let _ = self.parent.wait();
    }
}
