//! Determines which SQL files belong to the same set of migrations, and in which order they are applied.

use std::cmp::Ordering;

use crate::paths;

/// Names of folders that contain migrations, directly or in subfolders.
const FOLDERS: [&str; 4] = ["migrations", "migration", "migrate", "versions"];
/// Names of folders with the migrations for one kind of database.
const DIALECTS: [&str; 12] = [
    "sqlite",
    "sqlite3",
    "mysql",
    "mariadb",
    "postgres",
    "postgresql",
    "pg",
    "pgsql",
    "mssql",
    "sqlserver",
    "cockroach",
    "cockroachdb",
];
/// The comments that start the down part of a migration, which reverts its up part.
const DOWN_MARKERS: [&str; 4] = ["-- +goose down", "-- +migrate down", "-- migrate:down", "-- +micrate down"];

/// Whether a text contains statements that change a schema.
pub(super) fn declares(text: &str) -> bool {
    let starts = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        ["create", "alter", "drop"].iter().any(|start| word.eq_ignore_ascii_case(start))
    };
    text.split(['\n', ';']).any(starts)
}

/// Whether a file is a down migration, which reverts another file.
pub(super) fn is_down_migration(path: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    let flyway = name.strip_prefix('u').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    name == "down.sql"
        || name.ends_with(".down.sql")
        || name.ends_with("_down.sql")
        || name.ends_with(".undo.sql")
        || flyway && name.contains("__")
}

/// The up part of a migration.
pub(super) fn up_part(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim().to_ascii_lowercase();
        if DOWN_MARKERS.iter().any(|marker| lower.starts_with(marker)) {
            return text.get(..end).unwrap_or(text);
        }
        end += line.len();
    }
    text
}

/// The set of migrations that a file belongs to: the path of its migrations folder, or of the file if it is alone.
/// `declared` contains the folders that a configuration names.
pub(super) fn migration_set(path: &str, declared: &[&str]) -> String {
    let below = |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'));
    if let Some(folder) = declared.iter().find(below) {
        return (*folder).to_owned();
    }
    let folder = paths::folder(path);
    let mut end = 0;
    for part in folder.split('/') {
        end += part.len();
        if FOLDERS.contains(&part) {
            let below = folder.get(end + 1..).and_then(|below| below.split('/').next());
            // Some repositories have the same migrations for several databases.
            let dialect = below.filter(|below| DIALECTS.contains(below)).map_or(0, |dialect| dialect.len() + 1);
            return folder.get(..end + dialect).unwrap_or(folder).to_owned();
        }
        end += 1;
    }
    let name = paths::name(path);
    let is_numbered = name.trim_start_matches(['V', 'v']).starts_with(|c: char| c.is_ascii_digit());
    if is_numbered { folder.to_owned() } else { path.to_owned() }
}

/// The sort key of a migration in its set: the order in which its tool applies it.
pub(super) fn order(path: &str) -> (Option<String>, NaturalOrder<'_>) {
    (diesel_version(path), NaturalOrder::of(path))
}

/// The version of a migration of Diesel, whose folder it names: the part before the first `_`, without dashes. Diesel compares
/// versions as texts, so `2017-09-26-210431` comes after `20160107090901`.
fn diesel_version(path: &str) -> Option<String> {
    let folder = paths::name(paths::folder(path)).split('_').next()?;
    let version = folder.replace('-', "");
    let is_version = paths::name(path) == "up.sql" && version.len() >= 8 && version.bytes().all(|b| b.is_ascii_digit());
    is_version.then_some(version)
}

/// The sort key of a path. Digits are compared as numbers, so 10 comes after 9.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NaturalOrder<'a>(Vec<Part<'a>>);

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Number(&'a str),
    Text(&'a str),
}

impl<'a> NaturalOrder<'a> {
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
    fn numbers_in_file_names_sort_as_numbers() {
        let mut files = ["m/V10__x.sql", "m/V9__x.sql", "m/V1__x.sql", "m/010_a/up.sql", "m/9_a/up.sql"];
        files.sort_by(|a, b| NaturalOrder::of(a).cmp(&NaturalOrder::of(b)));
        assert_eq!(files, ["m/9_a/up.sql", "m/010_a/up.sql", "m/V1__x.sql", "m/V9__x.sql", "m/V10__x.sql"]);
    }

    #[test]
    fn files_belong_to_the_set_of_their_migrations_folder() {
        for (path, set) in [
            ("prisma/migrations/2024_x/migration.sql", "prisma/migrations"),
            ("migrations/mysql/1_x/up.sql", "migrations/mysql"),
            ("drizzle/0001_x.sql", "drizzle"),
            ("db/schema.sql", "db/schema.sql"),
            ("worker/d1/a.sql", "worker/d1"),
        ] {
            assert_eq!(migration_set(path, &["worker/d1"]), set, "{path}");
        }
    }

    #[test]
    fn down_migrations_are_not_applied() {
        for path in ["m/1_x.down.sql", "m/2024/down.sql", "m/U2__x.sql"] {
            assert!(is_down_migration(path), "{path}");
        }
        assert!(!is_down_migration("m/users.sql") && !is_down_migration("m/up.sql"));
        assert_eq!(up_part("-- +goose Up\na;\n-- +goose Down\nb;\n"), "-- +goose Up\na;\n");
    }
}
