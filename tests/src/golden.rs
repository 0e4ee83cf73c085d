//! Compares whole answers of the programs with reviewed files.
//!
//! A golden file shows an answer as a reader sees it. `UPDATE_GENERATED=1` writes the files; review their changes like
//! code. Answers of a real program contain times, ids, ports and paths of the run. [`normalised`] replaces them.

use std::path::Path;
use std::process::Command;

use regex::{Captures, Regex};

/// The time in golden files.
pub const TIME: &str = "2026-11-21T08:00:00.000Z";

/// Compares a text with its reviewed file. With `UPDATE_GENERATED=1`, writes the file first.
#[track_caller]
pub fn assert_in_step(file: &Path, text: &str) {
    let now = format!("{}\n", text.trim_end());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &now).unwrap();
    }
    let reviewed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(now == reviewed, "{} changed:\n{}", file.display(), difference(&reviewed, &now));
}

/// The lines between the first and the last line that differ, and how to accept them.
fn difference(before: &str, now: &str) -> String {
    let (before, now): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    let same = before.iter().zip(&now).take_while(|(one, other)| one == other).count();
    let rest = before.len().min(now.len()) - same;
    let same_end = before.iter().rev().zip(now.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let mut shown = vec![format!("from line {}:", same + 1)];
    for (mark, lines) in [('-', &before), ('+', &now)] {
        shown.extend(lines[same..lines.len() - same_end].iter().map(|line| format!("{mark}{line}")));
    }
    shown.push("Review the change, then accept it with `just gen`.".to_owned());
    shown.join("\n")
}

/// The text with fixed values in the place of those that differ between two runs or two machines.
///
/// `known` are values that only the test knows, such as its folders, with what replaces them. The longest come first.
/// The function itself replaces:
///
/// - ids: the first handoff becomes `ho_` with the number 1, the second one the number 2, and so on for each kind
/// - correlation ids, the markers of fences, commits and builds
/// - times, and ages of up to three minutes, because a slow machine takes that long
/// - the host name of this machine, as the host of an agent and in the names of agents and folders
/// - the names of the folders of an outbox, which depend on the port
/// - ports of 127.0.0.1 and ids of processes
/// - temporary folders, numbers of errors of the operating system, measured times, and the versions of git and of the
///   database
pub fn normalised(text: &str, known: &[(&str, &str)]) -> String {
    let mut known = known.to_vec();
    known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let text = known.iter().fold(text.to_owned(), |text, (value, fixed)| text.replace(value, fixed));
    let text = with_numbered_ids(&text);
    let host = regex::escape(&host());
    let rules = [
        (r"\bcorr_[0-9a-f-]{36}".to_owned(), "corr_00000000-0000-4000-8000-000000000001"),
        (r"(?m)^(--- (?:stored|end of) data) [0-9a-f]{16}\b".to_owned(), "$1 00dec0de00dec0de"),
        (r"\([0-9a-f]{12}\)".to_owned(), "(0123456789ab)"),
        (r"\bcommit [0-9a-f]{7,40}\b".to_owned(), "commit 0123456789ab"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z".to_owned(), TIME),
        (r"\b[1-3] min ago\b".to_owned(), "just now"),
        (format!(r"\b{host}-(claude|codex|gemini)-"), "mac1-$1-"),
        (format!(r"\b(on|host)( +){host}\b"), "$1${2}mac1"),
        (format!(r"\b((?:slots|dev)/){host}\b"), "${1}mac1"),
        (r"/outbox/[0-9a-f]{32}\b".to_owned(), "/outbox/00c0ffee00c0ffee00c0ffee00c0ffee"),
        (r"\b127\.0\.0\.1:\d{4,5}\b".to_owned(), "127.0.0.1:8787"),
        (r"\b(process|pid) \d+\b".to_owned(), "$1 4711"),
        (r"/(private/)?(tmp|var/folders/[^ ]*/T)/\.tmp[A-Za-z0-9]{6}\b".to_owned(), "/tmp/folder"),
        (r"\(os error \d+\)".to_owned(), "(os error N)"),
        (r"\b(git(?: version|:)?)( +)\d+\.[0-9.]*\d".to_owned(), "$1${2}2.39.5"),
        (r"\banswers in \d+ ms\b".to_owned(), "answers in 4 ms"),
        (r"\b\d+ migrations, the last is \w+\.sql".to_owned(), "1 migrations, the last is 0001_init.sql"),
    ];
    rules
        .iter()
        .fold(text, |text, (pattern, fixed)| Regex::new(pattern).unwrap().replace_all(&text, *fixed).into_owned())
}

/// Numbers the ids of each kind in the order in which they appear.
fn with_numbered_ids(text: &str) -> String {
    let ids = Regex::new(r"\b(sess|ho|note|mach|tok|req|msg|dlv|clm|mem)_([0-9A-HJKMNP-TV-Z]{26})\b").unwrap();
    let mut seen: Vec<String> = Vec::new();
    let number = |id: &Captures| {
        let (kind, id) = (&id[1], id[0].to_owned());
        if !seen.contains(&id) {
            seen.push(id.clone());
        }
        let of_kind = seen.iter().filter(|one| one.starts_with(&format!("{kind}_")));
        let number = of_kind.take_while(|one| **one != id).count() + 1;
        format!("{kind}_{number:026}")
    };
    ids.replace_all(text, number).into_owned()
}

/// The host name of this machine, as the programs read it.
fn host() -> String {
    let name = Command::new("uname").arg("-n").output().unwrap().stdout;
    String::from_utf8(name).unwrap().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_for_each_kind_and_other_values_are_fixed() {
        let id = |kind: &str, end: char| format!("{kind}_01KB2ZQ0M3V5X7Y9A1C3E5G7J{end}");
        let text = format!(
            "{} {} {} {} at 2026-11-27T19:12:26.123Z (2 min ago) from http://127.0.0.1:43210/ in /secret/place/x",
            id("ho", '9'),
            id("sess", '9'),
            id("ho", '8'),
            id("ho", '9')
        );
        let first = "00000000000000000000000001";
        assert_eq!(
            normalised(&text, &[("/secret", "/wrong"), ("/secret/place", "/home/ann")]),
            format!(
                "ho_{first} sess_{first} ho_00000000000000000000000002 ho_{first} at {TIME} (just now) from \
                 http://127.0.0.1:8787/ in /home/ann/x"
            )
        );
    }

    #[test]
    fn the_difference_has_only_the_lines_that_changed() {
        let shown = difference("a\nb\nc\n", "a\nB\nC\nc\n");
        assert_eq!(shown, "from line 2:\n-b\n+B\n+C\nReview the change, then accept it with `just gen`.");
    }
}
