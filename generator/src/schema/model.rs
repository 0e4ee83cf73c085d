//! A schema: tables with their columns, constraints and indexes, and what stands besides them.

use std::collections::BTreeMap;

/// A column, as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    /// `not null`, `default 0`, …, each in the words of its file.
    pub(super) rules: Vec<String>,
}

/// A table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Where it was created: file and line.
    pub(super) place: String,
    pub(super) columns: Vec<Column>,
    pub(super) constraints: Vec<String>,
    /// What each index is on, by its name.
    pub(super) indexes: BTreeMap<String, String>,
    /// What follows the columns.
    pub(super) options: String,
}

impl Table {
    pub(super) fn column(&mut self, name: &str) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// What stands besides tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Other {
    View,
    Trigger,
    Enum,
}

impl Other {
    const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Trigger => "trigger",
            Self::Enum => "enum",
        }
    }
}

/// Everything that was declared and not dropped again.
#[derive(Debug, Default)]
pub(super) struct Schema {
    tables: BTreeMap<String, Table>,
    others: BTreeMap<(Other, String), (String, String)>,
}

/// Names are the same in any case, and in the schema that is there without being named.
fn key(name: &str) -> String {
    let name = name.to_lowercase();
    ["public.", "main.", "dbo."].iter().find_map(|home| name.strip_prefix(home)).map(str::to_owned).unwrap_or(name)
}

impl Schema {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.others.is_empty()
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// Kind, name and description of what is no table.
    pub(super) fn others(&self) -> Vec<(&'static str, &str, &str)> {
        self.others.iter().map(|((kind, _), (name, about))| (kind.as_str(), name.as_str(), about.as_str())).collect()
    }

    pub(super) fn table(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(&key(name))
    }

    /// Adds a table, unless one of that name is there, as the second of two has no effect.
    pub(super) fn create(&mut self, table: Table) {
        self.tables.entry(key(&table.name)).or_insert(table);
    }

    pub(super) fn drop_table(&mut self, name: &str) {
        self.tables.remove(&key(name));
    }

    pub(super) fn rename_table(&mut self, from: &str, to: &str) {
        if let Some(table) = self.tables.remove(&key(from)) {
            self.tables.insert(key(to), Table { name: to.to_owned(), ..table });
        }
    }

    pub(super) fn drop_index(&mut self, name: &str) {
        let name = key(name);
        let last = name.rsplit('.').next().unwrap_or(&name);
        for table in self.tables.values_mut() {
            table.indexes.retain(|index, _| !index.eq_ignore_ascii_case(last));
        }
    }

    pub(super) fn put(&mut self, kind: Other, name: &str, about: String) {
        self.others.insert((kind, key(name)), (name.to_owned(), about));
    }

    /// Adds to the description of what is there.
    pub(super) fn extend(&mut self, kind: Other, name: &str, more: &str) {
        if let Some((_, about)) = self.others.get_mut(&(kind, key(name))) {
            about.push_str(", ");
            about.push_str(more);
        }
    }

    pub(super) fn remove(&mut self, kind: Other, name: &str) {
        self.others.remove(&(kind, key(name)));
    }
}
