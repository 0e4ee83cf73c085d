//! The file `db/schema.rb` of Rails, which `ActiveRecord` writes.

use tree_sitter::Node;

use super::model::{Column, ObjectKind, Schema, Table};
use crate::code::{children, line, parsed, source};
use crate::paths;

/// Whether a file is such a schema: `db/schema.rb`, or that of another database, such as `db/queue_schema.rb`.
pub(super) fn is_schema(path: &str) -> bool {
    let name = paths::name(path);
    paths::name(paths::folder(path)) == "db" && (name == "schema.rb" || name.ends_with("_schema.rb"))
}

/// The schema of a file.
pub(super) fn read(path: &str, text: &str) -> Schema {
    let mut schema = Schema::default();
    if let Some(tree) = parsed(&tree_sitter_ruby::LANGUAGE.into(), text) {
        Reader { path, text }.add(&mut schema, tree.root_node());
    }
    schema
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
}

/// The arguments of a call: values in order, and values with a name.
#[derive(Default)]
struct Arguments<'a> {
    values: Vec<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Arguments<'a> {
    fn named(&self, name: &str) -> Option<&'a str> {
        self.named.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// The rules of a column: its named arguments.
    fn rules(&self) -> Vec<String> {
        self.named.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }
}

impl<'a> Reader<'a> {
    fn add(&self, schema: &mut Schema, node: Node<'_>) {
        for child in children(node) {
            match self.method(child) {
                Some("create_table") => schema.extend(self.table(child)),
                Some("create_enum") => {
                    let arguments = self.arguments(child);
                    if let [name, values] = arguments.values.as_slice() {
                        schema.add(ObjectKind::Enum, text_of(name), (*values).to_owned());
                    }
                }
                Some("create_view") => {
                    let arguments = self.arguments(child);
                    let name = arguments.values.first().map(|name| text_of(name)).unwrap_or_default();
                    schema.add(ObjectKind::View, name, format!("{}:{}", self.path, line(child)));
                }
                _ => self.add(schema, child),
            }
        }
    }

    /// The name of the method that a node calls.
    fn method(&self, node: Node<'_>) -> Option<&'a str> {
        let method = node.child_by_field_name("method").filter(|_| node.kind() == "call")?;
        Some(source(self.text, method))
    }

    fn arguments(&self, call: Node<'_>) -> Arguments<'a> {
        let mut arguments = Arguments::default();
        for node in call.child_by_field_name("arguments").map(children).unwrap_or_default() {
            let part = |name| node.child_by_field_name(name).map(|part| source(self.text, part));
            match (part("key"), part("value")) {
                (Some(key), Some(value)) => arguments.named.push((key.trim_matches([':', '"', '\'']), value)),
                _ => arguments.values.push(source(self.text, node)),
            }
        }
        arguments
    }

    fn table(&self, call: Node<'_>) -> Option<Table> {
        let arguments = self.arguments(call);
        let name = text_of(arguments.values.first()?).to_owned();
        let mut table = Table { name, place: format!("{}:{}", self.path, line(call)), ..Table::default() };
        let (id, key) = (arguments.named("id"), arguments.named("primary_key"));
        let has_id = id != Some("false") && key.is_none_or(|key| !key.starts_with('['));
        if has_id {
            let kind = id.map_or("bigint", |id| id.trim_start_matches(':'));
            let kind = if kind.starts_with('{') { "bigint" } else { kind };
            table.columns.push(column(key.map_or("id", text_of), kind, vec!["primary key".to_owned()]));
        }
        let body = call.child_by_field_name("block").map(children).unwrap_or_default();
        for node in body {
            self.add_lines(&mut table, node);
        }
        Some(table)
    }

    fn add_lines(&self, table: &mut Table, node: Node<'_>) {
        if self.method(node).is_none() {
            for child in children(node) {
                self.add_lines(table, child);
            }
        } else if node.child_by_field_name("receiver").is_some() {
            self.add_line(table, node);
        }
    }

    fn add_line(&self, table: &mut Table, call: Node<'_>) {
        let (method, arguments) = (self.method(call).unwrap_or_default(), self.arguments(call));
        let names = arguments.values.iter().map(|name| text_of(name));
        match method {
            "timestamps" => {
                table
                    .columns
                    .extend(["created_at", "updated_at"].map(|name| column(name, "datetime", arguments.rules())));
            }
            "references" | "belongs_to" => {
                for name in names {
                    table.columns.push(column(&format!("{name}_id"), "bigint", arguments.rules()));
                    if arguments.named("polymorphic").is_some() {
                        table.columns.push(column(&format!("{name}_type"), "string", arguments.rules()));
                    }
                }
            }
            "index" => {
                let columns = arguments.values.first().copied().unwrap_or_default();
                let name = arguments.named("name").map_or(columns, text_of);
                let unique = if arguments.named("unique") == Some("true") { "unique " } else { "" };
                table.indexes.insert(name.to_owned(), format!("{unique}{columns}"));
            }
            "check_constraint" | "foreign_key" | "unique_constraint" | "exclusion_constraint" | "unique_key" => {
                table.constraints.push(source(self.text, call).split_whitespace().collect::<Vec<_>>().join(" "));
            }
            "column" => {
                if let [name, kind, ..] = arguments.values.as_slice() {
                    table.columns.push(column(text_of(name), text_of(kind), arguments.rules()));
                }
            }
            kind => table.columns.extend(names.map(|name| column(name, kind, arguments.rules()))),
        }
    }
}

/// The text of a string or symbol.
fn text_of(source: &str) -> &str {
    source.trim_matches(['"', '\'', ':'])
}

fn column(name: &str, kind: &str, rules: Vec<String>) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned(), rules }
}
