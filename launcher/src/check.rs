//! Checks with their results, for people and scripts: `launcher doctor`, `launcher mcp doctor`,
//! `launcher fleet bootstrap` and `launcher github check`.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use deckwatch_client::clean::clean_line;
use serde::Serialize;

use crate::error::LaunchError;

/// The result of one check.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    name: Cow<'static, str>,
    status: Status,
    detail: String,
    /// What to do; `null` if nothing needs to be done.
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Something is missing that is not needed.
    Absent,
    /// It works, but something should be done.
    Warn,
    /// It does not work, or would lose data.
    Fail,
    /// It was not tried, because another check failed.
    Skipped,
}

impl Check {
    pub(crate) fn ok(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None }
    }

    pub(crate) fn absent(
        name: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), status: Status::Absent, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn warn(name: impl Into<Cow<'static, str>>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn fail(name: impl Into<Cow<'static, str>>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn skipped(name: impl Into<Cow<'static, str>>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Skipped, detail: String::new(), fix: Some(fix.into()) }
    }

    /// An error of the launcher, with its own hint.
    pub(crate) fn failed_with(name: impl Into<Cow<'static, str>>, error: &LaunchError) -> Self {
        Self { name: name.into(), status: Status::Fail, detail: error.to_string(), fix: error.hint() }
    }

    /// Whether what was checked works.
    pub(crate) fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// Writes the check as a step of a work: a tick or a cross, then what is true or not.
    pub(crate) fn write_step(&self, out: &mut impl Write) -> io::Result<()> {
        let (mark, style) = self.status.tick();
        let separator = if self.detail.is_empty() { "" } else { ": " };
        writeln!(out, "{style}{mark}{style:#} {}{separator}{}", self.name, clean_line(&self.detail))?;
        self.write_fix(4, out)
    }

    /// Writes the check as a row of a table, with a name of this width.
    fn write_row(&self, width: usize, out: &mut impl Write) -> io::Result<()> {
        let (mark, style) = self.status.word();
        writeln!(out, "{style}{mark}{style:#}  {:<width$}  {}", self.name, clean_line(&self.detail))?;
        // A missing part that is not needed is no problem: only the JSON has its fix.
        if self.status == Status::Absent { Ok(()) } else { self.write_fix(width + 6, out) }
    }

    fn write_fix(&self, indentation: usize, out: &mut impl Write) -> io::Result<()> {
        let fix = self.fix.as_deref().unwrap_or_default();
        for (line, label) in fix.lines().zip(std::iter::once("fix: ").chain(std::iter::repeat(""))) {
            let indented = line.trim_start();
            let further = line.len() - indented.len();
            writeln!(out, "{:indentation$}{label}{:further$}{}", "", "", clean_line(indented))?;
        }
        Ok(())
    }
}

/// The results of all checks.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    ok: bool,
    checks: Vec<Check>,
}

impl Report {
    pub(crate) fn new(checks: Vec<Check>) -> Self {
        let ok = !checks.iter().any(|check| check.status.prevents());
        Self { ok, checks }
    }

    pub(crate) fn add(&mut self, check: Check) {
        self.ok &= !check.status.prevents();
        self.checks.push(check);
    }

    /// Whether no check failed or was skipped.
    pub(crate) fn is_ok(&self) -> bool {
        self.ok
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.checks.len()
    }

    pub(crate) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.status == Status::Fail).count()
    }

    pub(crate) fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        self.checks.iter().try_for_each(|check| check.write_row(width, out))
    }
}

impl Status {
    /// Whether what is checked can't be used.
    fn prevents(self) -> bool {
        matches!(self, Self::Fail | Self::Skipped)
    }

    fn word(self) -> (&'static str, Style) {
        match self {
            Self::Ok => ("ok  ", AnsiColor::Green.on_default()),
            Self::Absent | Self::Skipped => ("-   ", Style::new().dimmed()),
            Self::Warn => ("WARN", AnsiColor::Yellow.on_default().bold()),
            Self::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
        }
    }

    fn tick(self) -> (char, Style) {
        match self {
            Self::Ok => ('✓', AnsiColor::Green.on_default()),
            Self::Absent | Self::Skipped => ('-', AnsiColor::BrightBlack.on_default()),
            Self::Warn => ('!', AnsiColor::Yellow.on_default()),
            Self::Fail => ('✗', AnsiColor::Red.on_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut text = Vec::new();
        write(&mut text).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&text).unwrap()).to_string()
    }

    #[test]
    fn a_check_is_a_row_or_a_step_and_its_texts_can_not_control_the_terminal() {
        let checks = vec![
            Check::ok("git", "2.47"),
            Check::absent("gemini", "is not installed", "npm install"),
            Check::fail("api", "no\x1b[2K answer", "one of:\n  first\x07\n  second"),
        ];
        let report = Report::new(checks);
        let table = "ok    git     2.47\n-     gemini  is not installed\nFAIL  api     no answer\n";
        let fix = "            fix: one of:\n              first\n              second\n";
        assert_eq!(written(|out| report.write_table(out)), format!("{table}{fix}"));
        let steps = written(|out| report.checks.iter().try_for_each(|check| check.write_step(out)));
        assert!(
            steps.starts_with("✓ git: 2.47\n- gemini: is not installed\n    fix: npm install\n✗ api: no"),
            "{steps}"
        );
        assert_eq!((report.is_ok(), report.failed(), report.len()), (false, 1, 3));
        let mut report = Report::new(Vec::new());
        report.add(Check::warn("disk", "little", "free some"));
        assert!(report.is_ok());
        report.add(Check::skipped("registered", "first the others"));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["ok"], &json["checks"][1]["status"]), (&false.into(), &"skipped".into()));
    }
}
