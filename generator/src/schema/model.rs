//! The model of a schema: tables with their columns, constraints and indexes, and other objects such as views.

use std::collections::BTreeMap;

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    /// Rules such as `not null` and `default 0`, each in the spelling of its file.
    pub(super) rules: Vec<String>,
}

/// A table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Another name by which later migrations call the table: `app_model` in Django.
    pub(super) alias: String,
    /// The file and line where the table was created.
    pub(super) place: String,
    pub(super) columns: Vec<Column>,
    pub(super) constraints: Vec<String>,
    /// The definition of each index, by its name.
    pub(super) indexes: BTreeMap<String, String>,
    /// The text after the columns.
    pub(super) options: String,
}

impl Table {
    pub(super) fn column(&mut self, name: &str) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// The kinds of objects other than tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectKind {
    View,
    Trigger,
    Enum,
}

impl ObjectKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Trigger => "trigger",
            Self::Enum => "enum",
        }
    }
}

/// The tables and other objects that were declared and not dropped.
#[derive(Debug, Default)]
pub(super) struct Schema {
    tables: BTreeMap<String, Table>,
    /// Name and description of each object other than a table.
    others: BTreeMap<(ObjectKind, String), (String, String)>,
    /// What looked like a part of the schema but was not understood: the place and what it is.
    not_understood: Vec<(String, String)>,
}

/// The lookup key of a name. Names are equal in upper and lower case, and with or without the name of the default
/// schema.
fn key(name: &str) -> String {
    let name = name.to_lowercase();
    let without_default = ["public.", "main.", "dbo."].iter().find_map(|schema| name.strip_prefix(schema));
    without_default.map(str::to_owned).unwrap_or(name)
}

impl Extend<Table> for Schema {
    fn extend<T: IntoIterator<Item = Table>>(&mut self, tables: T) {
        tables.into_iter().for_each(|table| self.create(table));
    }
}

impl FromIterator<Table> for Schema {
    fn from_iter<T: IntoIterator<Item = Table>>(tables: T) -> Self {
        let mut schema = Self::default();
        schema.extend(tables);
        schema
    }
}

impl Schema {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.others.is_empty() && self.not_understood.is_empty()
    }

    pub(super) fn add_not_understood(&mut self, place: String, what: impl Into<String>) {
        self.not_understood.push((place, what.into()));
    }

    pub(super) fn not_understood(&self) -> &[(String, String)] {
        &self.not_understood
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// The kind, name and description of each object other than a table.
    pub(super) fn other_objects(&self) -> Vec<(&'static str, &str, &str)> {
        let others = self.others.iter();
        others.map(|((kind, _), (name, description))| (kind.as_str(), name.as_str(), description.as_str())).collect()
    }

    pub(super) fn table(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(&key(name))
    }

    pub(super) fn alias(&mut self, alias: &str) -> Option<&mut Table> {
        self.tables.values_mut().find(|table| table.alias == alias)
    }

    pub(super) fn remove_alias(&mut self, alias: &str) {
        self.tables.retain(|_, table| table.alias != alias);
    }

    /// Adds a table. If a table of this name exists, the statement has no effect.
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

    pub(super) fn add(&mut self, kind: ObjectKind, name: &str, description: String) {
        self.others.insert((kind, key(name)), (name.to_owned(), description));
    }

    /// Appends a text to the description of an object, if the object exists.
    pub(super) fn extend_description(&mut self, kind: ObjectKind, name: &str, more: &str) {
        if let Some((_, description)) = self.others.get_mut(&(kind, key(name))) {
            description.push_str(", ");
            description.push_str(more);
        }
    }

    pub(super) fn remove(&mut self, kind: ObjectKind, name: &str) {
        self.others.remove(&(kind, key(name)));
    }
}
