//! Which findings are problems, and what to do about them.

use std::cmp::Ordering;

use deckwatch_fleet::host::health::{Build, GitState, Place, Reading, Updates};
use deckwatch_fleet::members::Member;
use deckwatch_machine::agent::OldServer;
use serde::Serialize;

use super::newest::age;
use super::report::{Report, Skew, percent};
use super::show::{bytes, line, seconds, shown_build};
use crate::fleet_settings::{HealthLimits, Limit};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warn,
    Bad,
}

/// Something to look after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) level: Level,
    /// The check that found it.
    pub(super) check: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) fix: String,
}

fn problem(level: Level, check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Problem {
    Problem { level, check, message: message.into(), fix: fix.into() }
}

/// The problems of a machine, the worst first.
pub(super) fn problems_of(member: &Member, report: &Report, newest: &Build, limits: &HealthLimits) -> Vec<Problem> {
    let name = member.hostname.as_str();
    let mut problems = Vec::new();
    let hostname = report.hostname.as_ref().and_then(Reading::value);
    if let Some(other) = hostname.filter(|own| !own.as_str().eq_ignore_ascii_case(name)) {
        let message = format!("the machine at this address is named {other}");
        problems.push(problem(Level::Warn, "hostname", message, "correct its registration, or its hostname"));
    }
    problems.extend(disk(report, limits));
    problems.extend(memory_and_load(report, limits));
    problems.extend(report.clock.and_then(|skew| clock(skew, limits.clock_skew_seconds)));
    problems.extend(report.tmux.as_ref().and_then(|tmux| program("tmux", tmux, INSTALL_TMUX)));
    problems.extend(report.mcp.as_ref().and_then(|mcp| server(mcp, newest, name)));
    problems.extend(agents(report));
    problems.extend(report.checkout.as_ref().and_then(|state| checkout(state, limits.commits_behind, name)));
    problems.extend(repositories(report));
    problems.extend(report.updates.iter().flat_map(|updates| waiting(updates, limits)));
    problems.extend(old_servers(report));
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.level));
    problems
}

const INSTALL_TMUX: &str = "install it: apt install tmux, or brew install tmux";

/// The level of a value that is worse the lower it is.
fn below(value: f64, limit: Limit) -> Level {
    match value {
        value if value < limit.bad => Level::Bad,
        value if value < limit.warn => Level::Warn,
        _ => Level::Ok,
    }
}

/// The level of a value that is worse the higher it is.
fn from(value: f64, limit: Limit) -> Level {
    match value {
        value if value >= limit.bad => Level::Bad,
        value if value >= limit.warn => Level::Warn,
        _ => Level::Ok,
    }
}

/// The problem of a check that gave no value. That a machine does not know something is none.
fn no_value<T>(check: &'static str, what: &str, reading: &Reading<T>, fix: &str) -> Option<Problem> {
    let message = match reading {
        Reading::Value(_) | Reading::Unknown(_) | Reading::Missing => return None,
        Reading::Failed(why) => format!("{what} can't be read: {}", line(why)),
        Reading::TimedOut(millis) => format!("{what} did not answer within {}", seconds(*millis)),
    };
    Some(problem(Level::Warn, check, message, fix))
}

fn program(check: &'static str, reading: &Reading<String>, install: &str) -> Option<Problem> {
    match reading {
        Reading::Missing => Some(problem(Level::Warn, check, format!("{check} is not installed"), install)),
        reading => no_value(check, check, reading, "run it there to see why"),
    }
}

fn disk(report: &Report, limits: &HealthLimits) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, reading) in &report.disks {
        let what = match place {
            Place::Home => "the file system of the home folder",
            Place::Data => "the file system of Deckwatch's data",
        };
        // Nothing works on a file system that hangs.
        let level = if matches!(reading, Reading::TimedOut(_)) { Level::Bad } else { Level::Warn };
        problems.extend(no_value("disk", what, reading, "check its mount").map(|found| Problem { level, ..found }));
    }
    let mut devices = Vec::new();
    for space in report.disks.values().filter_map(Reading::value) {
        let free = percent(space.free_bytes, space.total_bytes);
        let level = below(free, limits.disk_free_percent);
        if level > Level::Ok && !devices.contains(&space.device) {
            devices.push(space.device);
            let path = line(&space.path.to_string_lossy());
            let message = format!("{} ({free:.0} %) are free for {path}", bytes(space.free_bytes));
            problems.push(problem(level, "disk", message, "free some space there"));
        }
    }
    problems
}

fn memory_and_load(report: &Report, limits: &HealthLimits) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems
        .extend(report.memory.as_ref().and_then(|found| no_value("memory", "the memory", found, "run `free` there")));
    problems.extend(report.load.as_ref().and_then(|found| no_value("load", "the load", found, "run `uptime` there")));
    if let Some(memory) = report.memory.as_ref().and_then(Reading::value) {
        let free = percent(memory.available_bytes, memory.total_bytes);
        let level = below(free, limits.memory_available_percent);
        let message = format!("{} ({free:.0} %) of memory are available", bytes(memory.available_bytes));
        problems.push(problem(level, "memory", message, "end processes that use much of it; `top -o %MEM` shows them"));
    }
    if let Some(load) = report.load.as_ref().and_then(Reading::value) {
        #[expect(clippy::cast_precision_loss, reason = "a machine has fewer processors than 2^52")]
        let level = from(load.one_minute / load.cpus.max(1) as f64, limits.load_per_cpu);
        let message = format!("the load is {:.1} on {} processors", load.one_minute, load.cpus);
        problems.push(problem(level, "load", message, "start no more agents there; `top` shows what runs"));
    }
    problems.retain(|problem| problem.level > Level::Ok);
    problems
}

fn clock(skew: Skew, limit: Limit) -> Option<Problem> {
    // Only the part that the round trip does not explain is certain.
    let certain = skew.millis.saturating_abs().saturating_sub(skew.uncertainty_millis).max(0);
    #[expect(clippy::cast_precision_loss, reason = "limits are much smaller than 2^52 milliseconds")]
    let level = from(certain as f64 / 1000.0, limit);
    let direction = if skew.millis < 0 { "behind" } else { "ahead of" };
    let by = seconds(skew.millis.unsigned_abs());
    let message = format!("its clock is {by} {direction} this machine's");
    let fix = "turn on time synchronisation: `timedatectl set-ntp true`, or `sudo sntp -sS time.apple.com` on macOS";
    (level > Level::Ok).then(|| problem(level, "clock", message, fix))
}

fn server(reading: &Reading<Build>, newest: &Build, name: &str) -> Option<Problem> {
    const CHECK: &str = "mcp";
    let build = match reading {
        Reading::Value(build) => build,
        Reading::Missing => {
            let fix = "run scripts/bootstrap-machine.sh on it";
            return Some(problem(Level::Bad, CHECK, "deckwatch-mcp is not installed", fix));
        }
        reading => return no_value(CHECK, "deckwatch-mcp", reading, "run `deckwatch-mcp --version` there"),
    };
    let (ours, newest_build) = (shown_build(build), shown_build(newest));
    let fix = format!("run `launcher fleet deploy {name}`");
    match age(build, newest) {
        Some(Ordering::Less) => {
            let message = format!("deckwatch-mcp {ours} is older than {newest_build}");
            Some(problem(Level::Warn, CHECK, message, fix))
        }
        Some(_) => None,
        None => {
            let message = format!("deckwatch-mcp {ours} is not {newest_build}; which one is newer is not known");
            Some(problem(Level::Warn, CHECK, message, fix))
        }
    }
}

fn agents(report: &Report) -> Vec<Problem> {
    let broken = |(name, reading): (&String, &Reading<String>)| {
        no_value("agents", &format!("{name} --version"), reading, "run it there to see why")
    };
    let mut problems: Vec<Problem> = report.agents.iter().filter_map(broken).collect();
    if !report.agents.is_empty() && report.agents.values().all(|reading| matches!(reading, Reading::Missing)) {
        let fix = "install one, for example: npm install -g @anthropic-ai/claude-code";
        problems.push(problem(Level::Warn, "agents", "no agent CLI is on the PATH of SSH", fix));
    }
    problems
}

fn checkout(reading: &Reading<GitState>, limit: Limit, name: &str) -> Option<Problem> {
    const CHECK: &str = "checkout";
    let state = match reading {
        Reading::Value(state) => state,
        reading => return no_value(CHECK, "Deckwatch's checkout", reading, "run `git status` there"),
    };
    let warn = |message: String, fix: &str| Some(problem(Level::Warn, CHECK, message, fix));
    if let Some(what) = &state.unfinished {
        return warn(format!("{} is unfinished in Deckwatch's checkout", line(what)), "complete or abort it");
    }
    if state.changed > 0 {
        let message = format!("Deckwatch's checkout has {} files with changes, so a deploy skips it", state.changed);
        return warn(message, "commit or stash them");
    }
    let Some(branch) = &state.branch else {
        return warn(
            "Deckwatch's checkout is on no branch, so a deploy skips it".to_owned(),
            "run `git switch main` there",
        );
    };
    let (ahead, behind) = state.ahead_behind.unwrap_or_default();
    let branch = line(branch);
    if ahead > 0 && behind > 0 {
        let message =
            format!("{branch} has {ahead} commits that its upstream lacks, and lacks {behind} of its commits");
        return warn(message, "rebase or merge it there");
    }
    #[expect(clippy::cast_precision_loss, reason = "a repository has fewer commits than 2^52")]
    let level = from(behind as f64, limit);
    let message = format!("{branch} of Deckwatch lacks {behind} fetched commits");
    (level > Level::Ok).then(|| problem(level, CHECK, message, format!("run `launcher fleet deploy {name}`")))
}

fn repositories(report: &Report) -> Vec<Problem> {
    const CHECK: &str = "repositories";
    let Some(reading) = &report.repositories else { return Vec::new() };
    let Reading::Value(repositories) = reading else {
        return no_value(CHECK, "the list of repositories", reading, "run `launcher --list` there")
            .into_iter()
            .collect();
    };
    let broken = repositories.iter().filter_map(|repository| {
        let what = format!("{} of {}", line(&repository.path.to_string_lossy()), line(&repository.venture));
        no_value(CHECK, &what, &repository.state, "run `git status` there")
    });
    broken.collect()
}

fn waiting(reading: &Reading<Updates>, limits: &HealthLimits) -> Vec<Problem> {
    const CHECK: &str = "updates";
    let Reading::Value(updates) = reading else {
        let fix = "run `apt-get --simulate upgrade` or `brew outdated` there";
        return no_value(CHECK, "the package manager", reading, fix).into_iter().collect();
    };
    let mut problems = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "a system has fewer packages than 2^52")]
    let (of_all, of_security) = (
        from(updates.pending as f64, limits.pending_updates),
        from(updates.security.unwrap_or_default() as f64, limits.security_updates),
    );
    let level = if updates.security.is_some() { of_all.max(of_security) } else { of_all };
    if level > Level::Ok {
        let security = updates.security.filter(|count| *count > 0);
        let security = security.map_or(String::new(), |count| format!(", {count} of them for security"));
        let packages = if updates.pending == 1 {
            "1 package has an update".to_owned()
        } else {
            format!("{} packages have updates", updates.pending)
        };
        let message = format!("{packages}{security}");
        problems.push(problem(level, CHECK, message, "update it: sudo apt upgrade, or brew upgrade"));
    }
    if updates.reboot_required {
        problems.push(problem(
            Level::Warn,
            CHECK,
            "an update needs a restart",
            "restart the machine when no agent works",
        ));
    }
    problems
}

fn old_servers(report: &Report) -> Vec<Problem> {
    const CHECK: &str = "old_servers";
    let Some(reading) = &report.old_servers else { return Vec::new() };
    let Reading::Value(servers) = reading else {
        return no_value(CHECK, "the list of processes", reading, "run `ps` there").into_iter().collect();
    };
    servers.iter().map(|server| problem(Level::Warn, CHECK, describe(server), line(&server.restart))).collect()
}

/// A server of an old build, for people.
pub(in crate::fleet) fn describe(server: &OldServer) -> String {
    let of = server.agent.as_deref().map_or(String::new(), |agent| format!(" of {}", line(agent)));
    format!("{}{of} (process {}) runs an old build", line(&server.program), server.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_turn_a_value_into_a_warning_or_a_bad_value() {
        let limits = HealthLimits::default();
        let disk = |free| below(free, limits.disk_free_percent);
        assert_eq!([disk(15.0), disk(14.9), disk(5.0), disk(4.9)], [Level::Ok, Level::Warn, Level::Warn, Level::Bad]);
        let load = |load| from(load, limits.load_per_cpu);
        assert_eq!([load(1.9), load(2.0), load(8.0)], [Level::Ok, Level::Warn, Level::Bad]);
    }

    #[test]
    fn a_difference_that_the_round_trip_can_explain_is_no_problem() {
        let limit = HealthLimits::default().clock_skew_seconds;
        let level = |millis, uncertainty_millis| {
            clock(Skew { millis, uncertainty_millis }, limit).map_or(Level::Ok, |problem| problem.level)
        };
        assert_eq!(level(2_500, 100), Level::Warn);
        assert_eq!(level(-2_500, 600), Level::Ok);
        assert_eq!(level(-70_000, 600), Level::Bad);
        assert_eq!(level(i64::MIN, 0), Level::Bad);
    }

    #[test]
    fn what_is_not_known_is_no_problem_and_what_hangs_is() {
        let what = |reading: Reading<()>| no_value("disk", "it", &reading, "look").map(|problem| problem.message);
        assert_eq!(what(Reading::Unknown("x".to_owned())), None);
        assert_eq!(what(Reading::TimedOut(3_300)).as_deref(), Some("it did not answer within 3.3 s"));
        assert_eq!(what(Reading::Failed("a\n\x1b[31mb".to_owned())).as_deref(), Some("it can't be read: a b"));
        let report = Report { disks: [(Place::Home, Reading::TimedOut(3_000))].into(), ..Report::default() };
        assert_eq!(disk(&report, &HealthLimits::default())[0].level, Level::Bad);
    }
}
