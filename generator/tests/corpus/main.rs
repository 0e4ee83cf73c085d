//! Measures how much of a repository the documents show. For each framework, `routes/` and `schemas/` have a file with
//! small repositories and what a reader finds in them. `scores.txt` has the measured recall and precision.
//!
//! A line `##### name` begins a repository. The lines up to the first `=== path` are the truth, one route
//! (`GET /users/{id}`) or table (`users: id name`) each. A part of a path that only a running program knows is named in
//! braces, as in `{config.base_path}/metrics`. The truth of a repository is committed before the code that finds it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a panic fails the test, and the scores are its result")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_generator::{Kind, generate};

/// A repository, and what a reader finds in it.
struct Sample {
    name: String,
    truth: Vec<String>,
    files: Vec<(String, String)>,
}

/// The heading of what looks like a route and was not understood.
const NOT_UNDERSTOOD: &str = "\n## Not understood\n";
/// The maximum number of calls that are not understood, for 100 routes.
const MAX_NOT_UNDERSTOOD: usize = 5;

/// How many facts the truth has, the document has, and both have, and how many calls were not understood.
#[derive(Default)]
struct Score {
    truth: usize,
    found: usize,
    right: usize,
    not_understood: usize,
}

impl Score {
    fn add(&mut self, other: &Self) {
        self.truth += other.truth;
        self.found += other.found;
        self.right += other.right;
        self.not_understood += other.not_understood;
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn samples(text: &str) -> Vec<Sample> {
    let parts = format!("\n{text}");
    parts.split("\n##### ").skip(1).map(sample).collect()
}

fn sample(text: &str) -> Sample {
    let mut files = text.split("\n=== ");
    let mut head = files.next().unwrap_or_default().lines();
    let name = head.next().unwrap_or_default().to_owned();
    let truth = head.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let files = files.map(|file| file.split_once('\n').unwrap_or((file, "")));
    Sample { name, truth, files: files.map(|(path, content)| (path.to_owned(), format!("{content}\n"))).collect() }
}

/// The cells of a table row that are code, in order.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| `")?;
    let cells = inner.split(" | ").map(|cell| cell.trim_matches(['`', ' ', '|']));
    Some(cells.collect())
}

/// `GET /users/{id}` for each row of the document about the API.
fn routes(document: &str) -> Vec<String> {
    let document = document.split(NOT_UNDERSTOOD).next().unwrap_or_default();
    let rows = document.lines().filter_map(cells);
    rows.filter_map(|cells| Some(format!("{} {}", cells.first()?, cells.get(1)?))).collect()
}

/// The number of calls that the document lists as not understood.
fn not_understood(document: &str) -> usize {
    let section = document.split_once(NOT_UNDERSTOOD).map_or("", |(_, section)| section);
    section.split("\n## ").next().unwrap_or_default().lines().filter_map(cells).count()
}

/// `users: id name` for each table of the document about the schema.
fn tables(document: &str) -> Vec<String> {
    let mut tables: Vec<String> = Vec::new();
    for line in document.lines() {
        if let Some(name) = line.strip_prefix("### `") {
            tables.push(format!("{}:", name.trim_end_matches('`')));
        } else if line.starts_with("##") {
            tables.push(String::new());
        } else if let (Some(cells), Some(table)) = (cells(line), tables.last_mut())
            && let Some(column) = cells.first()
            && !table.is_empty()
        {
            let _ = write!(table, " {column}");
        }
    }
    tables.retain(|table| !table.is_empty());
    tables
}

/// One fact for each column, since a table with one missing column is not wholly wrong.
fn columns(tables: &[String]) -> Vec<String> {
    let split = tables.iter().filter_map(|table| table.split_once(':'));
    let facts = split.flat_map(|(name, columns)| {
        let columns = columns.split_whitespace().map(move |column| format!("{name}.{column}").to_lowercase());
        std::iter::once(name.to_lowercase()).chain(columns)
    });
    facts.collect()
}

fn score(truth: &[String], found: &[String]) -> (Score, Vec<String>) {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for fact in truth {
        counts.entry(fact).or_default().0 += 1;
    }
    for fact in found {
        counts.entry(fact).or_default().1 += 1;
    }
    let right = counts.values().map(|(truth, found)| truth.min(found)).sum();
    let differences = counts.iter().filter_map(|(fact, (truth, found))| match truth.cmp(found) {
        std::cmp::Ordering::Greater => Some(format!("- {fact}")),
        std::cmp::Ordering::Less => Some(format!("+ {fact}")),
        std::cmp::Ordering::Equal => None,
    });
    (Score { truth: truth.len(), found: found.len(), right, ..Score::default() }, differences.collect())
}

/// Writes the repository of a sample into a temporary folder, and generates its document.
fn document(sample: &Sample, kind: Kind) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in &sample.files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    generate(dir.path(), kind).unwrap().content
}

/// The facts of the truth and those of the document.
fn facts(sample: &Sample, document: &str, kind: Kind) -> (Vec<String>, Vec<String>) {
    match kind {
        Kind::Schema => (columns(&sample.truth), columns(&tables(document))),
        _ => (sample.truth.clone(), routes(document)),
    }
}

fn percent(part: usize, whole: usize) -> String {
    let Some(tenths) = (part * 1_000 + whole / 2).checked_div(whole) else { return "-".to_owned() };
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The scores of a folder's frameworks, and of all of them together. Set `SHOW_DIFFERENCES` to see what is missing (-)
/// and what should not be there (+).
fn scores(name: &str, kind: Kind) -> String {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut text = format!(
        "{name}: recall and precision in percent, facts found of facts to find, calls that were not understood\n"
    );
    let mut total = Score::default();
    for file in files {
        let framework = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let samples = samples(&std::fs::read_to_string(&file).unwrap());
        assert!(samples.len() >= 3, "{framework} has {} repositories; it needs at least 3", samples.len());
        let mut sum = Score::default();
        for sample in &samples {
            assert!(!sample.truth.is_empty() && !sample.files.is_empty(), "{framework}, {}: it is empty", sample.name);
            let document = document(sample, kind);
            let (truth, found) = facts(sample, &document, kind);
            let (mut score, differences) = score(&truth, &found);
            score.not_understood = not_understood(&document);
            sum.add(&score);
            if std::env::var_os("SHOW_DIFFERENCES").is_some() && !differences.is_empty() {
                println!("{framework}, {}:\n  {}", sample.name, differences.join("\n  "));
            }
        }
        line(&mut text, &framework, &sum);
        total.add(&sum);
    }
    line(&mut text, "all", &total);
    text
}

fn line(text: &mut String, name: &str, score: &Score) {
    let recall = percent(score.right, score.truth);
    let precision = percent(score.right, score.found);
    let found = format!("{} of {}", score.right, score.truth);
    let _ = writeln!(text, "{name:<18} {recall:>5} {precision:>5}  {found:<12} {:>2}", score.not_understood);
    assert!(
        score.not_understood * 100 <= score.truth * MAX_NOT_UNDERSTOOD,
        "{name}: {} calls of {} routes were not understood, which is more than {MAX_NOT_UNDERSTOOD} in 100",
        score.not_understood,
        score.truth,
    );
}

#[test]
fn the_scores_are_in_step() {
    let written = format!("{}\n{}", scores("routes", Kind::Api), scores("schemas", Kind::Schema));
    println!("{written}");
    let golden = folder().join("scores.txt");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&golden, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(&golden).unwrap(), "`just gen` writes the scores again");
}

#[test]
fn calls_that_were_not_understood_are_counted() {
    let row = |n: usize| format!("| `get(/{n})` | `src/a.js:{n}` |\n");
    let document =
        format!("# API\n\n## Routes\n\n| `GET` | `/a` |\n{NOT_UNDERSTOOD}\n{}{}\n## Not read\n| `x` |", row(1), row(2));
    assert_eq!((not_understood(&document), routes(&document).len()), (2, 1));
}
