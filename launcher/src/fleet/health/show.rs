//! Shows the health of the machines, for people and for programs.

use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::health::{Build, GitState, Reading, Updates};
use deckwatch_fleet::members::Member;
use deckwatch_machine::clock;
use deckwatch_protocol::cut;
use serde_json::{Value, json};

use super::examination::Examination;
use super::last::LastReport;
use super::problems::{Level, Problem};
use super::report::{Report, Skew, percent};
use crate::table;

/// The longest text of a machine that is shown, in characters.
const MAX_TEXT: usize = 200;
/// The longest value in a cell.
const MAX_CELL: usize = 40;
/// The number of characters of a commit that are shown.
const COMMIT: usize = 7;

/// A machine with what is known about it.
pub(super) struct Shown {
    pub(super) member: Member,
    pub(super) examination: Examination,
    pub(super) problems: Vec<Problem>,
    /// Its last complete report, if it failed now.
    pub(super) last: Option<LastReport>,
}

impl Shown {
    /// The level of its worst problem.
    pub(super) fn level(&self) -> Level {
        self.problems.iter().map(|problem| problem.level).max().unwrap_or(Level::Ok)
    }

    /// The last report, for a machine that has reported nothing now.
    fn stale(&self) -> Option<&LastReport> {
        self.last.as_ref().filter(|_| self.examination.report.clock.is_none())
    }

    /// One word: the kind of failure, or the level of the worst problem.
    fn state(&self) -> &'static str {
        match (&self.examination.failure, self.level()) {
            (Some(failure), _) => failure.kind(),
            (None, Level::Ok) => "ok",
            (None, Level::Warn) => "warn",
            (None, Level::Bad) => "bad",
        }
    }
}

/// A text of another machine in one line, without characters that control a terminal, and not too long.
pub(super) fn line(text: &str) -> String {
    shortened(text, MAX_TEXT)
}

fn shortened(text: &str, max: usize) -> String {
    cut::with_ellipsis(&clean_line(text), max).into_owned()
}

/// A number of bytes in the unit that people read.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB")];
    let unit = UNITS.into_iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(|| format!("{bytes} bytes"), |(size, unit)| format!("{} {unit}", bytes / size))
}

/// Milliseconds as seconds.
pub(super) fn seconds(millis: u64) -> String {
    if millis < 100_000 {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    } else {
        format!("{} s", millis / 1000)
    }
}

/// A build, for people.
pub(super) fn shown_build(build: &Build) -> String {
    let commit = cut::to_chars(&build.commit, COMMIT);
    shortened(&format!("{} ({commit})", build.version), MAX_CELL)
}

/// A table of all machines, and below it their failures and problems with what to do.
pub(super) fn drawn(machines: &[Shown]) -> String {
    const HEADS: [&str; 11] =
        ["MACHINE", "STATE", "DISK", "MEMORY", "LOAD", "CLOCK", "TMUX", "MCP", "GIT", "UPDATES", "AGENTS"];
    let rows: Vec<_> = machines.iter().map(row).collect();
    let mut text = table::draw(HEADS, &rows, HEADS.len() - 1, table::terminal_width());
    let mut remarks = Vec::new();
    for machine in machines {
        let name = machine.member.hostname.to_string();
        if let Some(failure) = &machine.examination.failure {
            let stale = machine.stale().map_or(String::new(), |last| {
                format!("; stale: its values above are of {}", clock::ago(last.at, clock::now()))
            });
            let text = line(&failure.to_string()) + &stale;
            remarks.push([name.clone(), failure.kind().to_owned(), "reach".to_owned(), text]);
        }
        remarks.extend(machine.problems.iter().map(|problem| {
            let level = if problem.level == Level::Bad { "bad" } else { "warn" };
            let text = format!("{}; {}", problem.message, problem.fix);
            [name.clone(), level.to_owned(), problem.check.to_owned(), text]
        }));
    }
    if !remarks.is_empty() {
        text.push('\n');
        text.push_str(&table::draw(["MACHINE", "LEVEL", "CHECK", "WHAT TO DO"], &remarks, 3, table::terminal_width()));
    }
    text
}

fn row(machine: &Shown) -> [String; 11] {
    let report = machine.stale().map_or(&machine.examination.report, |last| &last.report);
    let disk = report.fullest_disk().map(|(space, free)| format!("{} {free:.0} %", bytes(space.free_bytes)));
    let disk = disk.unwrap_or_else(|| {
        report.disks.values().next().map_or("-".to_owned(), |reading| cell(reading, |_| String::new()))
    });
    [
        machine.member.hostname.to_string(),
        machine.state().to_owned(),
        disk,
        optional(report.memory.as_ref(), |memory| {
            format!("{:.0} %", percent(memory.available_bytes, memory.total_bytes))
        }),
        optional(report.load.as_ref(), |load| format!("{:.1}/{}", load.one_minute, load.cpus)),
        report.clock.map_or("-".to_owned(), shown_skew),
        optional(report.tmux.as_ref(), |version| shortened(version, MAX_CELL)),
        optional(report.mcp.as_ref(), shown_build),
        git(report),
        optional(report.updates.as_ref(), updates),
        agents(report),
    ]
}

fn optional<T>(reading: Option<&Reading<T>>, value: impl Fn(&T) -> String) -> String {
    reading.map_or("-".to_owned(), |reading| cell(reading, value))
}

fn cell<T>(reading: &Reading<T>, value: impl Fn(&T) -> String) -> String {
    match reading {
        Reading::Value(found) => value(found),
        Reading::Missing => "missing".to_owned(),
        Reading::Unknown(_) => "unknown".to_owned(),
        Reading::Failed(_) => "failed".to_owned(),
        Reading::TimedOut(_) => "timed out".to_owned(),
    }
}

fn shown_skew(skew: Skew) -> String {
    let sign = if skew.millis < 0 { '-' } else { '+' };
    format!("{sign}{}", seconds(skew.millis.unsigned_abs()))
}

/// The state of Deckwatch's checkout, and how many of the ventures' repositories have changes.
fn git(report: &Report) -> String {
    let checkout = optional(report.checkout.as_ref(), branch);
    let Some(repositories) = report.repositories.as_ref().and_then(Reading::value) else { return checkout };
    let states = repositories.iter().filter_map(|repository| repository.state.value());
    let changed = states.filter(|state| state.changed + state.untracked > 0).count();
    match (repositories.len(), changed) {
        (0, _) => checkout,
        (all, 0) => format!("{checkout}; {all} repos"),
        (all, changed) => format!("{checkout}; {changed} of {all} repos changed"),
    }
}

fn branch(state: &GitState) -> String {
    let branch = shortened(state.branch.as_deref().unwrap_or("detached"), MAX_CELL);
    let distance = match state.ahead_behind {
        Some((0, 0)) => String::new(),
        Some((0, behind)) => format!(" -{behind}"),
        Some((ahead, 0)) => format!(" +{ahead}"),
        Some((ahead, behind)) => format!(" +{ahead} -{behind}"),
        None => " no upstream".to_owned(),
    };
    let changed = if state.changed > 0 { format!(", {} changed", state.changed) } else { String::new() };
    format!("{branch}{distance}{changed}")
}

fn updates(updates: &Updates) -> String {
    updates.pending.to_string()
}

fn agents(report: &Report) -> String {
    if report.agents.is_empty() {
        return "-".to_owned();
    }
    let installed = report.agents.iter().filter(|(_, reading)| !matches!(reading, Reading::Missing));
    let shown =
        installed.map(|(name, reading)| format!("{name} {}", cell(reading, |version| shortened(version, MAX_CELL))));
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// The same as JSON, with all that the machines reported.
pub(super) fn as_json(machines: &[Shown], newest: &Build) -> Value {
    let machines = machines.iter().map(|machine| {
        let Examination { report, failure } = &machine.examination;
        json!({
            "hostname": machine.member.hostname,
            "tailscale_ip": machine.member.tailscale_ip,
            "state": machine.state(),
            "failure": failure.as_ref().map(|failure| json!({ "kind": failure.kind(), "message": failure.to_string() })),
            "problems": machine.problems,
            "report": report,
            "stale": machine.last.as_ref().map(|last| {
                json!({ "at": last.at, "age_seconds": last.age_seconds(), "report": last.report })
            }),
        })
    });
    json!({ "newest_mcp": newest, "machines": machines.collect::<Vec<_>>() })
}
