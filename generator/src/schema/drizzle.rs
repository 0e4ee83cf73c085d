//! Tables that TypeScript code declares with Drizzle.
//!
//! A table may use values of other files: functions that create tables, schemas, columns and groups of columns.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::NamedSchema;
use super::model::{Column, ObjectKind, Schema, Table};
use super::names::snake_case;
use crate::code::{Call, Element, Entry, Expression, Function, Grammar, Located, Pattern, Statement, TextPart, parse};
use crate::document::code;
use crate::paths;

/// Functions that declare a table.
const TABLES: [&str; 4] = ["sqliteTable", "pgTable", "mysqlTable", "singlestoreTable"];
/// The end of the name of functions that create such a function.
const TABLE_CREATOR: &str = "TableCreator";
/// Functions that declare a schema.
const SCHEMAS: [&str; 2] = ["pgSchema", "mysqlSchema"];
/// Words of which a file has at least one if it declares tables or columns.
const WORDS: [&str; 4] = ["drizzle", "primaryKey(", "notNull(", "defaultNow("];
/// How deep values may refer to one another.
const MAX_DEPTH: usize = 12;

/// The values that a file declares at its top level.
#[derive(Debug)]
pub(super) struct File {
    values: Vec<(String, Located)>,
    uses_drizzle: bool,
    /// Whether names of columns are made from the names of their keys.
    has_snake_case: bool,
}

/// Reads a file if it may declare tables or columns.
pub(super) fn read(path: &str, text: &str) -> Option<File> {
    if !WORDS.iter().any(|word| text.contains(word)) {
        return None;
    }
    let statements = parse(Grammar::of(paths::extension(path))?, text)?;
    let mut values = Vec::new();
    for statement in statements {
        match statement {
            Statement::Let { pattern: Pattern::Name(name), value, .. } => values.push((name, value)),
            Statement::Function(function) => values.extend(function.name.clone().map(|name| {
                let expression = Expression::Function(function);
                (name, Located { line: 0, expression })
            })),
            _ => {}
        }
    }
    let has_snake_case = text.contains("casing: \"snake_case\"") || text.contains("casing: 'snake_case'");
    Some(File { values, uses_drizzle: text.contains("drizzle-orm"), has_snake_case })
}

/// The schemas that the files declare: one for each file with tables.
pub(super) fn schemas(files: &[(String, File)]) -> Vec<NamedSchema> {
    let has_snake_case = files.iter().any(|(_, file)| file.has_snake_case);
    let mut all = BTreeMap::new();
    for (name, value) in files.iter().flat_map(|(_, file)| &file.values) {
        all.entry(name.as_str()).or_insert(value);
    }
    let mut found = Vec::new();
    for (path, file) in files.iter().filter(|(_, file)| file.uses_drizzle) {
        let own = file.values.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let reader = Reader { path, own, all: &all, has_snake_case, unresolved: RefCell::default() };
        let mut schema = Schema::default();
        for (_, value) in &file.values {
            reader.declare(&mut schema, value);
        }
        for (line, what) in reader.unresolved.take() {
            schema.add_not_understood(format!("{path}:{line}"), what);
        }
        found.push(NamedSchema::of(format!("Drizzle: {}", code(path)), schema, vec![path.clone()]));
    }
    found
}

struct Reader<'a> {
    path: &'a str,
    own: BTreeMap<&'a str, &'a Located>,
    all: &'a BTreeMap<&'a str, &'a Located>,
    has_snake_case: bool,
    /// The line and the text of each value that should have columns, but none were found.
    unresolved: RefCell<Vec<(usize, String)>>,
}

/// A function that declares tables: what it makes of the name of a table.
enum TableFunction<'a> {
    Plain,
    /// Of a function that creates such functions, with the function for the name.
    Renaming(&'a Function),
    /// Of a schema.
    InSchema(&'a str),
}

impl<'a> Reader<'a> {
    /// The value that a name stands for: of this file, or of any other.
    fn resolve(&self, name: &str) -> Option<&'a Located> {
        self.own.get(name).or_else(|| self.all.get(name)).copied()
    }

    fn declare(&self, schema: &mut Schema, value: &'a Located) {
        let Some(call) = first_call(value) else { return };
        let Some(name) = call.arguments.first().and_then(|name| text(&name.value)) else { return };
        if let Some(function) = self.table_function(&call.callee) {
            let name = match function {
                TableFunction::Plain => name.to_owned(),
                TableFunction::Renaming(function) => renamed(function, name),
                TableFunction::InSchema(schema) => format!("{schema}.{name}"),
            };
            schema.create(self.table(name, value.line, call));
        } else if matches!(callee_name(call), Some("pgEnum" | "mysqlEnum" | "enum")) {
            let values = call.arguments.get(1).map(|values| render(&values.value, 0)).unwrap_or_default();
            schema.add(ObjectKind::Enum, name, values.trim_matches(['[', ']']).to_owned());
        } else if matches!(callee_name(call), Some("pgView" | "sqliteView" | "mysqlView" | "pgMaterializedView")) {
            schema.add(ObjectKind::View, name, format!("{}:{}", self.path, value.line));
        }
    }

    fn table_function(&self, callee: &'a Located) -> Option<TableFunction<'a>> {
        match &callee.expression {
            Expression::Name(name) | Expression::Member(_, name) if TABLES.contains(&name.as_str()) => {
                Some(TableFunction::Plain)
            }
            Expression::Name(name) => {
                let creator = first_call(self.resolve(name)?)?;
                let is_creator = callee_name(creator).is_some_and(|name| name.ends_with(TABLE_CREATOR));
                match &creator.arguments.first().filter(|_| is_creator)?.value.expression {
                    Expression::Function(function) => Some(TableFunction::Renaming(function)),
                    _ => Some(TableFunction::Plain),
                }
            }
            Expression::Member(object, method) if method == "table" => {
                let Expression::Name(name) = &object.expression else { return None };
                let schema = first_call(self.resolve(name)?)?;
                let is_schema = callee_name(schema).is_some_and(|name| SCHEMAS.contains(&name));
                Some(TableFunction::InSchema(text(&schema.arguments.first().filter(|_| is_schema)?.value)?))
            }
            _ => None,
        }
    }

    fn table(&self, name: String, line: usize, call: &'a Call) -> Table {
        let columns = call.arguments.get(1).map(|columns| self.columns(&columns.value, 0)).unwrap_or_default();
        let body = call.arguments.get(2).and_then(|extra| returned(&extra.value));
        let constraints = match body.map(|body| &body.expression) {
            Some(Expression::List(items)) => items.iter().map(|item| render(&item.value, 0)).collect(),
            Some(Expression::Record(entries)) => entries.iter().map(|entry| render(&entry.value, 0)).collect(),
            _ => Vec::new(),
        };
        Table { name, place: format!("{}:{line}", self.path), columns, constraints, ..Table::default() }
    }

    /// The columns of a record, of a function that returns one, or of a name or call that stands for one.
    fn columns(&self, value: &'a Located, depth: usize) -> Vec<Column> {
        if depth >= MAX_DEPTH {
            return Vec::new();
        }
        match &value.expression {
            Expression::Record(entries) => {
                let mut columns: Vec<Column> = Vec::new();
                for column in entries.iter().flat_map(|entry| self.entry(entry, depth)) {
                    columns.retain(|other| other.name != column.name);
                    columns.push(column);
                }
                columns
            }
            Expression::Function(_) => returned(value).map(|value| self.columns(value, depth + 1)).unwrap_or_default(),
            Expression::Name(name) => {
                self.resolve(name).map(|value| self.columns(value, depth + 1)).unwrap_or_default()
            }
            Expression::Call(call) => self.columns(&call.callee, depth + 1),
            Expression::Member(object, key) => {
                let object = match &object.expression {
                    Expression::Name(name) => self.resolve(name),
                    _ => None,
                };
                let Some(Expression::Record(entries)) = object.map(|object| &object.expression) else {
                    return Vec::new();
                };
                let entry = entries.iter().find(|entry| entry.key.as_ref().and_then(key_of) == Some(key));
                entry.map(|entry| self.columns(&entry.value, depth + 1)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn entry(&self, entry: &'a Entry, depth: usize) -> Vec<Column> {
        let columns = match &entry.key {
            None => self.columns(&entry.value, depth + 1),
            Some(key) => key_of(key).and_then(|key| self.column(key, &entry.value, depth)).into_iter().collect(),
        };
        if columns.is_empty() {
            self.unresolved.borrow_mut().push((entry.value.line, render(&entry.value, 0)));
        }
        columns
    }

    /// Reads a column: `key: type("name", …).rule().rule()`.
    fn column(&self, key: &str, value: &'a Located, depth: usize) -> Option<Column> {
        if let (Expression::Name(name), true) = (&value.expression, depth < MAX_DEPTH) {
            return self.column(key, self.resolve(name)?, depth + 1);
        }
        let (mut call, mut rules) = (call_of(value)?, Vec::new());
        while let Expression::Member(object, method) = &call.callee.expression {
            let Some(inner) = call_of(object) else { break };
            let arguments: Vec<String> = call.arguments.iter().map(|argument| render(&argument.value, 0)).collect();
            rules.push(format!("{method}({})", arguments.join(", ")));
            call = inner;
        }
        rules.reverse();
        let own = call.arguments.first().and_then(|name| text(&name.value));
        let from_key = || if self.has_snake_case { snake_case(key) } else { key.to_owned() };
        let name = own.map_or_else(from_key, str::to_owned);
        let options = call.arguments.iter().filter(|argument| text(&argument.value).is_none());
        let options: Vec<String> = options.map(|option| render(&option.value, 0)).collect();
        let kind = callee_name(call)?;
        let kind = if options.is_empty() { kind.to_owned() } else { format!("{kind}({})", options.join(", ")) };
        Some(Column { name, kind, rules })
    }
}

fn call_of(value: &Located) -> Option<&Call> {
    if let Expression::Call(call) = &value.expression { Some(call) } else { None }
}

/// The call at the beginning of a chain: `pgTable(…)` of `pgTable(…).enableRLS()`.
fn first_call(value: &Located) -> Option<&Call> {
    let mut call = call_of(value)?;
    while let Expression::Member(object, _) = &call.callee.expression {
        match call_of(object) {
            Some(inner) => call = inner,
            None => break,
        }
    }
    Some(call)
}

/// The name of the function that is called, without its object.
fn callee_name(call: &Call) -> Option<&str> {
    match &call.callee.expression {
        Expression::Name(name) | Expression::Member(_, name) => Some(name),
        _ => None,
    }
}

/// A text without variables.
fn text(value: &Located) -> Option<&str> {
    match &value.expression {
        Expression::Text(parts) => match parts.as_slice() {
            [TextPart::Literal(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn key_of(key: &Located) -> Option<&str> {
    match &key.expression {
        Expression::Name(name) => Some(name),
        _ => text(key),
    }
}

/// What a function returns.
fn returned(value: &Located) -> Option<&Located> {
    let Expression::Function(function) = &value.expression else { return None };
    function.body.iter().find_map(|statement| match statement {
        Statement::Return(value) => Some(value),
        _ => None,
    })
}

/// The name of a table that a function computes by putting its argument into a text.
fn renamed(function: &Function, name: &str) -> String {
    let result = function.body.iter().find_map(|statement| match statement {
        Statement::Return(value) => Some(value),
        _ => None,
    });
    let Some(Expression::Text(parts)) = result.map(|result| &result.expression) else { return name.to_owned() };
    let part = |part: &TextPart| match part {
        TextPart::Literal(text) => text.clone(),
        TextPart::Value(_) => name.to_owned(),
    };
    parts.iter().map(part).collect()
}

/// An expression as it may be written.
fn render(value: &Located, depth: usize) -> String {
    if depth >= MAX_DEPTH {
        return "…".to_owned();
    }
    let inner = |value: &Located| render(value, depth + 1);
    let list = |items: &[Element]| items.iter().map(|item| inner(&item.value)).collect::<Vec<_>>().join(", ");
    match &value.expression {
        Expression::Name(name) | Expression::Unknown(name) => name.split_whitespace().collect::<Vec<_>>().join(" "),
        Expression::Member(object, name) => format!("{}.{name}", inner(object)),
        Expression::Call(call) => format!("{}({})", inner(&call.callee), list(&call.arguments)),
        Expression::List(items) => format!("[{}]", list(items)),
        Expression::Record(entries) => {
            let entry = |entry: &Entry| match &entry.key {
                Some(key) => format!("{}: {}", key_of(key).unwrap_or("…"), inner(&entry.value)),
                None => format!("...{}", inner(&entry.value)),
            };
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Expression::Function(function) => {
            let result = function.body.iter().find_map(|statement| match statement {
                Statement::Return(value) => Some(inner(value)),
                _ => None,
            });
            format!("() => {}", result.unwrap_or_else(|| "…".to_owned()))
        }
        Expression::Text(_) => text(value).map_or_else(|| "…".to_owned(), |text| format!("'{text}'")),
        _ => "…".to_owned(),
    }
}
