//! Reads the D1 databases of a Worker and their migrations folders from wrangler.toml, wrangler.json or wrangler.jsonc.

use serde_json::Value;

use crate::lex::{Language, Tokens};
use crate::paths;

/// A D1 database that a Worker is bound to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) name: String,
    /// The folder of the migrations, relative to the repository.
    pub(super) migrations: String,
}

/// Whether a file is the configuration of a Worker.
pub(super) fn is_config(path: &str) -> bool {
    matches!(paths::name(path), "wrangler.toml" | "wrangler.json" | "wrangler.jsonc")
}

/// The databases of a configuration. Empty if the file can't be parsed.
pub(super) fn databases(path: &str, text: &str) -> Vec<Database> {
    let declared = if paths::extension(path) == "toml" { from_toml(text) } else { from_json(text) };
    let database = |(name, folder): (String, Option<String>)| {
        let folder = folder.unwrap_or_else(|| "migrations".to_owned());
        Some(Database { name, migrations: resolve_path(paths::folder(path), &folder)? })
    };
    declared.into_iter().filter_map(database).collect()
}

fn from_toml(text: &str) -> Vec<(String, Option<String>)> {
    let Ok(config) = toml_edit::de::from_str::<Value>(text) else { return Vec::new() };
    let environments = config.get("env").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    let databases =
        std::iter::once(&config).chain(environments).filter_map(|config| config.get("d1_databases")?.as_array());
    let text = |database: &Value, key: &str| database.get(key).and_then(Value::as_str).map(str::to_owned);
    databases
        .flatten()
        .filter_map(|database| {
            Some((
                text(database, "database_name").or_else(|| text(database, "binding"))?,
                text(database, "migrations_dir"),
            ))
        })
        .collect()
}

/// Reads JSON with comments as tokens. Every object with a `database_name` or a `migrations_dir` is a database.
fn from_json(text: &str) -> Vec<(String, Option<String>)> {
    let tokens = Tokens::of(text, Language::Json);
    let text = |open: usize, key: &str| {
        tokens.named(open, key).and_then(|value| tokens.only_string(&value)).map(str::to_owned)
    };
    let objects = (0..tokens.len()).filter(|at| tokens.is_punct(*at, "{") && tokens.matching(*at) < *at + 40);
    let database = |open: usize| {
        let (name, folder) = (text(open, "database_name"), text(open, "migrations_dir"));
        let is_database = name.is_some() || folder.is_some();
        Some((name.or_else(|| text(open, "binding")).filter(|_| is_database)?, folder))
    };
    objects.filter_map(database).collect()
}

/// The path of `folder` relative to `base`. `None` if it leads out of the repository.
fn resolve_path(base: &str, folder: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_read_from_toml_and_json() {
        let toml = "[[d1_databases]]\ndatabase_name = \"a\"\n[[env.x.d1_databases]]\ndatabase_name = \"b\"\nmigrations_dir = \"../sql\"";
        let named = |name: &str, folder: &str| Database { name: name.to_owned(), migrations: folder.to_owned() };
        assert_eq!(databases("w/wrangler.toml", toml), [named("a", "w/migrations"), named("b", "sql")]);
        let json = "{ // one\n \"d1_databases\": [{\"binding\": \"DB\", \"database_name\": \"a\", \"migrations_dir\": \"./m\"}] }";
        assert_eq!(databases("wrangler.jsonc", json), [named("a", "m")]);
        assert_eq!(databases("wrangler.toml", &toml.replace("../sql", "../../../etc")), [named("a", "migrations")]);
        assert_eq!(databases("wrangler.toml", "[["), []);
    }
}
