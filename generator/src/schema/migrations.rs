//! Which SQL files belong together, and in which order they are applied.

use std::cmp::Ordering;

use crate::places;

/// Folders that hold migrations, in them or in folders of their own.
const FOLDERS: [&str; 4] = ["migrations", "migration", "migrate", "versions"];
/// Comments after which a file undoes what stands before them.
const UNDO: [&str; 4] = ["-- +goose down", "-- +migrate down", "-- migrate:down", "-- +micrate down"];

/// Whether a text declares anything that a schema holds.
pub(super) fn declares(text: &str) -> bool {
    let starts = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        ["create", "alter", "drop"].iter().any(|start| word.eq_ignore_ascii_case(start))
    };
    text.split(['\n', ';']).any(starts)
}

/// Whether a file takes back what another one does.
pub(super) fn is_undo(path: &str) -> bool {
    let name = places::name(path).to_ascii_lowercase();
    let flyway = name.strip_prefix('u').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    name == "down.sql"
        || name.ends_with(".down.sql")
        || name.ends_with("_down.sql")
        || name.ends_with(".undo.sql")
        || flyway && name.contains("__")
}

/// The part of a migration that goes forward.
pub(super) fn forward(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let said = line.trim().to_ascii_lowercase();
        if UNDO.iter().any(|undo| said.starts_with(undo)) {
            return text.get(..end).unwrap_or(text);
        }
        end += line.len();
    }
    text
}

/// What a file is applied together with: its folder of migrations, or the file alone. `declared`
/// are the folders that a configuration names.
pub(super) fn set_of(path: &str, declared: &[&str]) -> String {
    let below = |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'));
    if let Some(folder) = declared.iter().find(below) {
        return (*folder).to_owned();
    }
    let folder = places::folder(path);
    let mut end = 0;
    for part in folder.split('/') {
        end += part.len();
        if FOLDERS.contains(&part) {
            return folder.get(..end).unwrap_or(folder).to_owned();
        }
        end += 1;
    }
    let name = places::name(path);
    let numbered = name.trim_start_matches(['V', 'v']).starts_with(|c: char| c.is_ascii_digit());
    if numbered { folder.to_owned() } else { path.to_owned() }
}

/// The place of a file in the order: numbers in its path count as numbers, so that 10 follows 9.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order<'a>(Vec<Part<'a>>);

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Number(&'a str),
    Text(&'a str),
}

impl<'a> Order<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let mut parts = Vec::new();
        let mut rest = path;
        while let Some(first) = rest.chars().next() {
            let digits = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (part, tail) = rest.split_at(end);
            parts.push(if digits { Part::Number(part.trim_start_matches('0')) } else { Part::Text(part) });
            rest = tail;
        }
        Self(parts)
    }
}

impl PartialOrd for Part<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_follows_nine() {
        let mut files = ["m/V10__x.sql", "m/V9__x.sql", "m/V1__x.sql", "m/010_a/up.sql", "m/9_a/up.sql"];
        files.sort_by(|a, b| Order::of(a).cmp(&Order::of(b)));
        assert_eq!(files, ["m/9_a/up.sql", "m/010_a/up.sql", "m/V1__x.sql", "m/V9__x.sql", "m/V10__x.sql"]);
    }

    #[test]
    fn files_belong_to_their_folder_of_migrations() {
        for (path, set) in [
            ("prisma/migrations/2024_x/migration.sql", "prisma/migrations"),
            ("drizzle/0001_x.sql", "drizzle"),
            ("db/schema.sql", "db/schema.sql"),
            ("worker/d1/a.sql", "worker/d1"),
        ] {
            assert_eq!(set_of(path, &["worker/d1"]), set, "{path}");
        }
    }

    #[test]
    fn what_undoes_is_not_applied() {
        for path in ["m/1_x.down.sql", "m/2024/down.sql", "m/U2__x.sql"] {
            assert!(is_undo(path), "{path}");
        }
        assert!(!is_undo("m/users.sql") && !is_undo("m/up.sql"));
        assert_eq!(forward("-- +goose Up\na;\n-- +goose Down\nb;\n"), "-- +goose Up\na;\n");
    }
}
