//! Identifies a process even if its id is reused later.

use serde::{Deserialize, Serialize};

/// A process, identified by its id and start time. `exec` does not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningProcess {
    /// The process id.
    pub pid: u32,
    /// The start time, in a form that is only compared for equality.
    started: String,
}

impl RunningProcess {
    /// The running process with this id, if any.
    pub fn find(pid: u32) -> Option<Self> {
        start_of(pid).map(|started| Self { pid, started })
    }

    /// Whether this process still runs.
    pub fn is_running(&self) -> bool {
        Self::find(self.pid).as_ref() == Some(self)
    }

    /// Whether it was started since the last boot. If so, it may still run in another process namespace.
    pub(super) fn is_of_this_boot(&self) -> bool {
        boot_id().is_some_and(|boot| self.started.split('+').next() == Some(&boot))
    }

    /// A unique id of this process, as one word.
    pub(super) fn id(&self) -> String {
        format!("{}@{}", self.pid, self.started)
    }
}

/// The maximum number of ancestors to follow. A longer chain is a loop.
const MAX_ANCESTORS: usize = 256;

/// A process and its ancestors, nearest first, as far as this user can see them.
pub(super) fn lineage(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid), |pid| parent_of(*pid).filter(|parent| *parent != 0)).take(MAX_ANCESTORS)
}

/// The command line of a process. Empty if it can't be read. A hook reads those of all its ancestors, so it must be cheap.
#[cfg(target_os = "linux")]
pub(super) fn command_line(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|byte| *byte == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The command line of a process. Empty if it can't be read.
#[cfg(not(target_os = "linux"))]
pub(super) fn command_line(pid: u32) -> Vec<String> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
    let words = system.process(pid).map(|process| process.cmd().iter().map(|word| word.to_string_lossy().into_owned()));
    words.into_iter().flatten().collect()
}

/// The process namespace of this process. A container has its own.
pub(super) fn namespace() -> Option<String> {
    Some(std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

/// The fields of `/proc/<pid>/stat` from the state on.
#[cfg(target_os = "linux")]
fn stat_of(pid: u32) -> Option<String> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The command name is in parentheses and can contain any character.
    let after_name = stat.get(stat.iter().rposition(|byte| *byte == b')')? + 1..)?;
    std::str::from_utf8(after_name).ok().map(str::to_owned)
}

#[cfg(target_os = "linux")]
fn parent_of(pid: u32) -> Option<u32> {
    stat_of(pid)?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn parent_of(pid: u32) -> Option<u32> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing());
    system.process(pid)?.parent().map(Pid::as_u32)
}

/// The id of the current boot. `None` on systems without one.
fn boot_id() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

/// The boot id and the clock ticks since boot. Unlike a time of day, they do not change when the clock is set.
#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<String> {
    let boot = boot_id()?;
    let stat = stat_of(pid)?;
    let mut fields = stat.split_ascii_whitespace();
    let state = fields.next()?;
    let ticks = fields.nth(18)?;
    // An ended process keeps its id until its parent reads its exit status.
    (!matches!(state, "Z" | "X" | "x")).then(|| format!("{boot}+{ticks}"))
}

#[cfg(not(target_os = "linux"))]
fn start_of(pid: u32) -> Option<String> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing());
    let process = system.process(pid)?;
    let ended = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    (!ended).then(|| process.start_time().to_string())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_running_until_it_ends_even_before_it_is_reaped() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = RunningProcess::find(child.id()).unwrap();
        assert!(process.is_running());

        child.kill().unwrap();
        while process.is_running() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!process.is_running());
    }

    #[test]
    fn the_command_line_of_a_process_is_read() {
        let mut child = Command::new("sleep").args(["60", "0"]).spawn().unwrap();
        while command_line(child.id()).first().is_none_or(|program| !program.ends_with("sleep")) {
            std::thread::yield_now();
        }
        assert_eq!(command_line(child.id()).get(1..), Some(&["60".to_owned(), "0".to_owned()][..]));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(command_line(u32::MAX).concat().is_empty());
    }

    #[test]
    fn the_same_id_with_another_start_time_is_another_process() {
        let mut process = RunningProcess::find(std::process::id()).unwrap();
        assert!(process.is_running());
        process.started.push('0');
        assert!(!process.is_running());
    }
}
