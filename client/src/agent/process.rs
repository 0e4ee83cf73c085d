//! Telling one process from a later one that was given the same number.

use serde::{Deserialize, Serialize};

/// One process for as long as it runs, also across `exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunningProcess {
    pub(super) pid: u32,
    /// When it started, in a form that only equality is asked of.
    started: String,
}

impl RunningProcess {
    /// The process that has this number now; `None` when there is none or it has already ended.
    pub(super) fn find(pid: u32) -> Option<Self> {
        start_of(pid).map(|started| Self { pid, started })
    }

    pub(super) fn is_running(&self) -> bool {
        Self::find(self.pid).as_ref() == Some(self)
    }

    /// Whether it was started since this machine was, so that it may run in another space of process numbers.
    pub(super) fn is_of_this_boot(&self) -> bool {
        boot_id().is_some_and(|boot| self.started.split('+').next() == Some(&boot))
    }

    /// One word that stands for this process and no later one.
    pub(super) fn id(&self) -> String {
        format!("{}@{}", self.pid, self.started)
    }
}

/// How far up the processes are followed; a chain that is longer has no end.
const MOST_ANCESTORS: usize = 256;

/// A process and those above it, nearest first, as far as this user may see them.
pub(super) fn lineage(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid), |pid| parent_of(*pid).filter(|parent| *parent != 0)).take(MOST_ANCESTORS)
}

/// The words that a process was started with; none where they can't be read.
pub(super) fn command_line(pid: u32) -> Vec<String> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    let wanted = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
    let words = system.process(pid).map(|process| process.cmd().iter().map(|word| word.to_string_lossy().into_owned()));
    words.into_iter().flatten().collect()
}

/// The space that process numbers of this process are counted in: a container has its own.
pub(super) fn namespace() -> Option<String> {
    Some(std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

/// What Linux says of a process, from its state on.
#[cfg(target_os = "linux")]
fn stat_of(pid: u32) -> Option<String> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may itself hold any character.
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

/// Which start of the machine this is; `None` where the system does not say it.
fn boot_id() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

/// Ticks since boot, with the boot's id: unlike a time of day they don't move when the clock is set.
#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<String> {
    let boot = boot_id()?;
    let stat = stat_of(pid)?;
    let mut fields = stat.split_ascii_whitespace();
    let state = fields.next()?;
    let ticks = fields.nth(18)?;
    // An ended process keeps its number until its parent asks for its result.
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
    fn a_process_is_itself_until_it_ends_even_before_it_is_reaped() {
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
    fn the_same_number_started_at_another_time_is_another_process() {
        let mut process = RunningProcess::find(std::process::id()).unwrap();
        assert!(process.is_running());
        process.started.push('0');
        assert!(!process.is_running());
    }
}
