//! A check with its result, and the report of all checks for people and scripts.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
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
    /// Something is missing that a launch does not need.
    Absent,
    /// A launch works, but there is a problem.
    Warn,
    /// A launch would fail or lose data.
    Fail,
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

    /// An error of the launcher, with its own hint.
    pub(crate) fn failed_with(name: impl Into<Cow<'static, str>>, error: &LaunchError) -> Self {
        Self { name: name.into(), status: Status::Fail, detail: error.to_string(), fix: error.hint() }
    }
}

/// The results of all checks.
#[derive(Serialize)]
pub(crate) struct Report {
    ok: bool,
    checks: Vec<Check>,
}

impl Report {
    pub(crate) fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.status != Status::Fail), checks }
    }

    /// How many checks failed.
    pub(crate) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.status == Status::Fail).count()
    }

    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        for Check { name, status, detail, fix } in &self.checks {
            let (mark, style) = status.mark();
            writeln!(out, "{style}{mark}{style:#}  {name:<width$}  {detail}")?;
            // A missing part that is not needed is no problem: only the JSON has its fix.
            for fix in fix.iter().filter(|_| *status != Status::Absent) {
                let indentation = format!("\n{:width$}      ", "");
                writeln!(out, "{:width$}      fix: {}", "", fix.replace('\n', &indentation))?;
            }
        }
        Ok(())
    }
}

impl Status {
    fn mark(self) -> (&'static str, Style) {
        match self {
            Self::Ok => ("ok  ", AnsiColor::Green.on_default()),
            Self::Absent => ("-   ", Style::new().dimmed()),
            Self::Warn => ("WARN", AnsiColor::Yellow.on_default().bold()),
            Self::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
        }
    }
}
